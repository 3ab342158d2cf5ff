/** A payload from a server that has it: GET with Range until all of it is there. */
import { askInTime, refusal, withAttempts } from './attempts.ts'
import { type Client, clientOf, type TransferClientOptions } from './client-options.ts'
import { TransferError } from './errors.ts'
import { TRANSFER_LIMITS } from './limits.ts'
import type { PayloadReceiver } from './payload-receiver.ts'
import { streamChunks, watchedChunks } from './watched-chunks.ts'

/**
 * Fetch what the receiver has not got, from where it stands. Goes on after cuts; returns when the receiver is complete, which the end of
 * an answer alone never means. It is not finished nor closed. What is there when it rejects stays there.
 *
 * @throws {TransferError} what the receiver says of the bytes; `TRANSFER_UNREACHABLE`, `TRANSFER_TRUNCATED`, `TRANSFER_STALLED`, `TRANSFER_BUSY`: too
 *   often in a row, or with less than 1 KiB/s over a minute; `TRANSFER_UNAUTHORIZED`, `TRANSFER_EXPIRED`, `TRANSFER_REFUSED`; `TRANSFER_BAD_ANSWER`: other bytes than were asked for, or
 *   another payload than before
 */
export const pullPayload = async (url: URL | string, receiver: PayloadReceiver, options: TransferClientOptions = {}): Promise<void> => {
  const at = new URL(url)
  const client = clientOf(options, at, 'receive', receiver.totalBytes)
  const seen: Seen = { etag: undefined }
  const { teller, clock, attempts, signal } = client
  signal?.throwIfAborted()
  teller.tell('begun', receiver.doneBytes)
  try {
    await withAttempts(() => pullOnce(at, receiver, client, seen), { clock, attempts, signal, minBytesPerSecond: TRANSFER_LIMITS.minBytesPerSecond, done: () => receiver.doneBytes })
  } catch (error) {
    teller.tell('cut', receiver.doneBytes, error instanceof TransferError ? error.code : undefined)
    throw error
  }
  teller.tell('completed', receiver.doneBytes)
}

interface Seen { etag: string | undefined }

const pullOnce = async (url: URL, receiver: PayloadReceiver, client: Client, seen: Seen): Promise<void> => {
  if (receiver.complete) return
  const from = receiver.doneBytes
  const leaving = new AbortController()
  const { send, clock, stalledMs, signal } = client
  try {
    const headers = { ...client.headers, range: `bytes=${from}-`, ...seen.etag === undefined ? {} : { 'if-match': seen.etag } }
    const response = await askInTime(send, url, headers, { clock, stalledMs, signal, leaving })
    check(response, url, from, receiver.totalBytes, seen)
    const watch = { clock: client.clock, stalledMs: client.stalledMs, minBytesPerSecond: TRANSFER_LIMITS.minBytesPerSecond, signal: client.signal }
    const chunks = passing(watchedChunks(streamChunks(response.body), watch), client)
    await receiver.write(chunks, { from, signal: client.signal, onProgress: ({ doneBytes }) => { client.progress(doneBytes) } })
    if (!receiver.complete) throw new TransferError('TRANSFER_TRUNCATED', `the answer ended early; done=${receiver.doneBytes} total=${receiver.totalBytes}`, { source: url.origin })
  } finally {
    leaving.abort()
  }
}

const check = (response: Response, url: URL, from: number, totalBytes: number, seen: Seen): void => {
  const { status, headers } = response
  const bad = (what: string): TransferError => new TransferError('TRANSFER_BAD_ANSWER', `${what}; origin=${url.origin}`, { source: url.origin })
  if (status === 412) throw bad('the payload has changed')
  if (status !== 206 && !(status === 200 && from === 0)) throw status === 200 ? bad('a part was asked for, and the whole is sent') : refusal(response, url)
  if (status === 206 && headers.get('content-range') !== `bytes ${from}-${totalBytes - 1}/${totalBytes}`) throw bad('other bytes than were asked for')
  const etag = headers.get('etag') ?? undefined
  if (seen.etag !== undefined && etag !== seen.etag) throw bad('the payload has changed')
  // a weak one matches nothing
  if (etag?.startsWith('"') === true) seen.etag = etag
}

async function * passing (chunks: AsyncIterable<Uint8Array>, client: Client): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    const passed = client.pass(chunk.byteLength)
    if (passed !== undefined) await passed
    yield chunk
  }
}
