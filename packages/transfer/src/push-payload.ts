/** A payload to a server that waits for it: HEAD to know where it stands, then PUTs of whole sections. */
import { ask, refusal, withAttempts } from './attempts.ts'
import { type Client, clientOf, type TransferClientOptions } from './client-options.ts'
import { TransferError } from './errors.ts'
import { LENGTH, OFFSET } from './http-words.ts'
import type { PayloadSource } from './payload-source.ts'
import { joined } from './section-bytes.ts'

const PART_BYTES = 8 << 20
/** The last part is answered when the file has its index. */
const ANSWER_MS = 300_000

/**
 * Send what the other side has not got. Goes on after cuts, from where the other side stands; returns when that has said that it has all of
 * it. A source that fails is not tried again here, since it may be mended only by whoever has it.
 *
 * @throws {TransferError} `TRANSFER_SOURCE_FAILED`; `TRANSFER_UNREACHABLE`, `TRANSFER_STALLED`, `TRANSFER_BUSY`: too often in a row;
 *   `TRANSFER_UNAUTHORIZED`, `TRANSFER_EXPIRED`, `TRANSFER_REFUSED`; `TRANSFER_BAD_ANSWER`; what the receiver has said of the bytes
 */
export const pushPayload = async (url: URL | string, source: PayloadSource, options: TransferClientOptions = {}): Promise<void> => {
  const at = new URL(url)
  const client = clientOf(options, at, 'send', source.sizeBytes, ANSWER_MS)
  const { partBytes = PART_BYTES } = options
  const { teller, clock, attempts, signal } = client
  signal?.throwIfAborted()
  const state = { done: 0, isFirst: true }
  try {
    await withAttempts(() => pushOnce(at, source, client, partBytes, state), { clock, attempts, signal, done: () => state.done })
  } catch (error) {
    teller.tell('cut', state.done, error instanceof TransferError ? error.code : undefined)
    throw error
  }
  teller.tell('completed', source.sizeBytes)
}

interface State { done: number, isFirst: boolean }

const pushOnce = async (url: URL, source: PayloadSource, client: Client, partBytes: number, state: State): Promise<void> => {
  const { sizeBytes } = source
  const head = await request(url, client, { method: 'HEAD' })
  if (head.status !== 200) throw refusal(head, url)
  if (head.headers.get(LENGTH) !== String(sizeBytes)) throw new TransferError('TRANSFER_BAD_ANSWER', `another length was agreed upon; size=${sizeBytes}`, { source: url.origin })
  let at = offsetOf(head, url, sizeBytes)
  state.done = Math.max(state.done, at)
  if (state.isFirst) client.teller.tell('begun', at)
  state.isFirst = false
  const leaving = new AbortController()
  const signal = client.signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, client.signal])
  const parts = partsOf(source.stream(at, { signal }), partBytes)
  try {
    // while one part is under way the next is read
    let next = parts.next()
    for (;;) {
      const { done, value: part } = await next
      if (done === true) break
      next = parts.next()
      next.catch(() => {}) // told when this part is taken
      await client.pass(part.byteLength)
      const end = at + part.byteLength
      const headers = { 'content-range': `bytes ${at}-${end - 1}/${sizeBytes}`, 'content-type': 'application/octet-stream' }
      const response = await request(url, client, { method: 'PUT', body: part as Uint8Array<ArrayBuffer>, headers })
      if (response.status !== 204 && response.status !== 201) throw refusal(response, url)
      const offset = offsetOf(response, url, sizeBytes)
      if (offset !== end || (response.status === 201) !== (end === sizeBytes)) throw new TransferError('TRANSFER_BAD_ANSWER', `the other side has not taken the part; end=${end} has=${offset}`, { source: url.origin })
      at = end
      state.done = Math.max(state.done, at)
      client.progress(at)
    }
  } finally {
    leaving.abort()
    await parts.return().catch(() => {}) // what it fails with is what it was left with
  }
}

/** Whole chunks, and so whole sections, of at most so many bytes together. */
async function * partsOf (chunks: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    if (bytes > 0 && bytes + chunk.byteLength > partBytes) {
      yield joined(held, bytes)
      held = []
      bytes = 0
    }
    held.push(chunk)
    bytes += chunk.byteLength
  }
  if (bytes > 0) yield joined(held, bytes)
}

const request = async (url: URL, client: Client, init: RequestInit & { readonly headers?: Record<string, string> }): Promise<Response> => {
  const late = new AbortController()
  const come = new AbortController()
  client.clock.sleep(client.stalledMs, { signal: come.signal }).then(() => { late.abort() }, () => {})
  const signal = client.signal === undefined ? late.signal : AbortSignal.any([late.signal, client.signal])
  try {
    const response = await ask(client.send, url, { ...init, headers: { ...client.headers, ...init.headers }, signal })
    // nothing stands in it, and a connection may wait for its end
    await response.body?.cancel()
    return response
  } catch (error) {
    client.signal?.throwIfAborted()
    throw late.signal.aborted ? new TransferError('TRANSFER_STALLED', `no answer; ms=${client.stalledMs}`, { source: url.origin }) : error
  } finally {
    come.abort()
  }
}

const offsetOf = ({ headers }: Response, { origin: source }: URL, sizeBytes: number): number => {
  const text = headers.get(OFFSET) ?? ''
  const offset = /^\d{1,15}$/.test(text) ? Number(text) : Infinity
  if (offset > sizeBytes) throw new TransferError('TRANSFER_BAD_ANSWER', `no place to go on; got=${text.slice(0, 20)}`, { source })
  return offset
}
