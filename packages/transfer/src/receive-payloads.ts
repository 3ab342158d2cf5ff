/** Payloads from those who push them: HEAD tells how far it is, PUT goes on, DELETE gives it up. As web handlers have it. */
import { type CallOptions, type Clock, systemClock } from '@dagstore/io'
import type { FinalizedFacts } from '@dagstore/writable-carv2'
import { TransferError } from './errors.ts'
import { createTeller, type TransferListener } from './events.ts'
import { answer, failure, idOf, LENGTH, OFFSET, refusalOf, TOKEN } from './http-words.ts'
import { type Place, Places, TRANSFER_LIMITS, type TransferLimits } from './limits.ts'
import type { PayloadReceiver } from './payload-receiver.ts'
import type { PayloadHandler, RequestContext } from './serve-payloads.ts'
import { Sessions } from './sessions.ts'
import { streamChunks, watchedChunks } from './watched-chunks.ts'

/** Where a payload goes. */
export interface ReceiveTarget {
  /** Its receiver; closed by the server, maybe long after. Called again when it is needed again. */
  open(options: CallOptions): Promise<PayloadReceiver>
  /** The file is finished and closed. May be called again for the same file. */
  completed(facts: FinalizedFacts): Promise<void>
  /** The sender has given it up; the file is closed, and stays. */
  cancelled(): Promise<void>
}

export interface ReceivePayloadsOptions {
  /** Where the payload of this id goes, if the token may send it. `undefined`: nowhere. */
  readonly find: (id: string, token: string | undefined) => Promise<ReceiveTarget | 'unauthorized' | 'expired' | 'busy' | undefined>
  /** Of the path, up to the id: `/transfers/`. */
  readonly prefix: string
  readonly limits?: TransferLimits
  readonly clock?: Clock
  readonly onEvent?: TransferListener | undefined
}

export interface PayloadIntake {
  readonly handler: PayloadHandler
  /** Ends what is under way, checkpoints and closes all receivers; requests after it are told to come later. */
  close(): Promise<void>
}

/** HEAD, PUT and DELETE `{prefix}{id}`, with `x-transfer-token` and `content-range`. See docs/transfers.md. */
export const receivePayloads = ({ find, prefix, limits, clock = systemClock, onEvent }: ReceivePayloadsOptions): PayloadIntake => {
  const bounds = { ...TRANSFER_LIMITS, ...limits }
  const places = new Places(bounds, clock)
  const sessions = new Sessions(clock, bounds.sessionMs, Math.max(bounds.maxOpen, bounds.maxActive))
  const ending = new AbortController()

  const put = async (id: string, request: Request, target: ReceiveTarget, receiver: PayloadReceiver, client: string | undefined): Promise<Response> => {
    const part = partOf(request, receiver.totalBytes)
    if (part.from > receiver.doneBytes) return failure(new TransferError('TRANSFER_GAP', 'bytes before these are missing'), offsets(receiver))
    const teller = createTeller(onEvent, clock, { id, direction: 'receive', totalBytes: receiver.totalBytes, client })
    const signal = AbortSignal.any([request.signal, ending.signal])
    let place: Place | undefined
    try {
      place = await places.enter(client ?? '', signal)
      teller.tell('begun', receiver.doneBytes)
      const chunks = limited(watchedChunks(streamChunks(request.body), { ...bounds, clock, signal }), part.to - part.from, place, signal)
      await receiver.write(chunks, { from: part.from, signal, onProgress: ({ doneBytes }) => { teller.progress(doneBytes) } })
    } catch (error) {
      const code = error instanceof TransferError ? error.code : 'TRANSFER_OTHER'
      teller.tell(isCut(error) || signal.aborted ? 'cut' : 'refused', receiver.doneBytes, code)
      throw error
    } finally {
      place?.leave()
    }
    if (!receiver.complete) return answer(204, offsets(receiver))
    await finish(id, target, receiver)
    teller.tell('completed', receiver.totalBytes)
    return answer(201, offsets(receiver))
  }
  const finish = async (id: string, target: ReceiveTarget, receiver: PayloadReceiver): Promise<void> => {
    const facts = await receiver.finish({ signal: ending.signal })
    await sessions.end(id)
    await target.completed(facts)
  }
  const serve = async (id: string, request: Request, target: ReceiveTarget, client: string | undefined): Promise<Response> => {
    if (request.method === 'DELETE') {
      if (sessions.isBusy(id)) return refusalOf('busy')
      await sessions.end(id)
      await target.cancelled()
      createTeller(onEvent, clock, { id, direction: 'receive', totalBytes: 0, client }).tell('cancelled', 0)
      return answer(204)
    }
    const taken = await sessions.take(id, () => target.open({ signal: ending.signal }))
    if (taken === undefined) return refusalOf('busy')
    const { receiver } = taken
    try {
      if (request.method === 'PUT') return await put(id, request, target, receiver, client)
      // what was cut before it was finished
      if (receiver.complete) await finish(id, target, receiver)
      return answer(200, offsets(receiver))
    } catch (error) {
      // a receiver that was refused something is opened again, from what is on disk
      if (!isCut(error)) await sessions.end(id).catch(() => {})
      return failure(error, offsets(receiver))
    } finally {
      taken.release()
    }
  }

  return {
    handler: async (request: Request, { client }: RequestContext = {}) => {
      const id = idOf(request, prefix)
      if (id === undefined) return undefined
      if (!['HEAD', 'PUT', 'DELETE'].includes(request.method)) return answer(405, { allow: 'HEAD, PUT, DELETE' })
      try {
        const found = await find(id, request.headers.get(TOKEN) ?? undefined)
        if (typeof found !== 'object') return refusalOf(found)
        if (sessions.isOver) return answer(503, { 'retry-after': '5' })
        return await serve(id, request, found, client)
      } catch (error) {
        return failure(error)
      }
    },
    close: async () => {
      ending.abort(new TransferError('TRANSFER_BUSY', 'the server is closing', { retryAfterMs: 5000 }))
      await sessions.close()
    },
  }
}

const offsets = ({ doneBytes, totalBytes }: PayloadReceiver): Record<string, string> => ({ [OFFSET]: String(doneBytes), [LENGTH]: String(totalBytes) })

/** The connection is at fault, and not what came by it. */
const isCut = (error: unknown): boolean => error instanceof TransferError ? error.retry === 'later' : error instanceof Error && error.name === 'AbortError'

/** @throws {TransferError} `TRANSFER_REFUSED`, `TRANSFER_TOO_LARGE` */
const partOf = ({ headers }: Request, totalBytes: number): { readonly from: number, readonly to: number } => {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers.get('content-range') ?? '') ?? []
  const [from, to] = [Number(first), Number(last) + 1]
  if (first === undefined || from >= to) throw new TransferError('TRANSFER_REFUSED', 'content-range; want=bytes N-M/T')
  if (to > totalBytes || Number(total) !== totalBytes) throw new TransferError('TRANSFER_TOO_LARGE', `another length was agreed upon; want=${totalBytes} got=${total}`)
  return { from, to }
}

/** As many bytes as were announced, neither more nor fewer. */
async function * limited (chunks: AsyncGenerator<Uint8Array>, bytes: number, place: Place, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = bytes
  for await (const chunk of chunks) {
    rest -= chunk.byteLength
    if (rest < 0) throw new TransferError('TRANSFER_TOO_LARGE', `more bytes than were announced; max=${bytes}`)
    const passed = place.pass(chunk.byteLength, { signal })
    if (passed !== undefined) await passed
    yield chunk
  }
  if (rest > 0) throw new TransferError('TRANSFER_TRUNCATED', `fewer bytes than were announced; want=${bytes} got=${bytes - rest}`)
}
