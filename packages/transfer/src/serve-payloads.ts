/** Payloads for those who pull them: GET with Range, as web handlers have it. */
import { type Awaitable, type Clock, systemClock } from '@dagstore/io'
import { TransferError } from './errors.ts'
import { createTeller, type Teller, type TransferListener } from './events.ts'
import { answer, failure, idOf, refusalOf, TOKEN } from './http-words.ts'
import { type Place, Places, TRANSFER_LIMITS, type TransferLimits } from './limits.ts'
import type { PayloadSource } from './payload-source.ts'

export interface ServedPayload {
  readonly payload: PayloadSource
  /** Called once, when the answer is out or given up. */
  close(): Awaitable<void>
}

export interface ServePayloadsOptions {
  /** The payload of this id, if the token may have it. `undefined`: there is none. */
  readonly find: (id: string, token: string | undefined) => Promise<ServedPayload | 'unauthorized' | 'expired' | undefined>
  /** Of the path, up to the id: `/transfers/`. */
  readonly prefix: string
  readonly limits?: TransferLimits
  readonly clock?: Clock
  readonly onEvent?: TransferListener | undefined
}

export interface RequestContext {
  /** Who shares limits; an address, say. @default all are one */
  readonly client?: string | undefined
}

/** `undefined`: the request is for somebody else. Never rejects. */
export type PayloadHandler = (request: Request, context?: RequestContext) => Promise<Response | undefined>

/** GET and HEAD `{prefix}{id}`, with `x-transfer-token`; `Range` of one range, `If-Match`. See docs/transfers.md. */
export const servePayloads = ({ find, prefix, limits, clock = systemClock, onEvent }: ServePayloadsOptions): PayloadHandler => {
  const bounds = { ...TRANSFER_LIMITS, ...limits }
  const places = new Places(bounds, clock)
  return async (request, { client } = {}) => {
    const id = idOf(request, prefix)
    if (id === undefined) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { allow: 'GET, HEAD' })
    let found: Awaited<ReturnType<typeof find>>
    try {
      found = await find(id, request.headers.get(TOKEN) ?? undefined)
    } catch (error) {
      return failure(error)
    }
    if (typeof found !== 'object') return refusalOf(found)
    const served = found
    const close = async (): Promise<void> => { await served.close() }
    const { payload } = served
    const plan = planOf(request, payload)
    if (plan.status > 299 || request.method === 'HEAD') {
      await close().catch(() => {})
      return answer(plan.status, plan.headers)
    }
    try {
      const place = await places.enter(client ?? '', request.signal)
      const teller = createTeller(onEvent, clock, { id, direction: 'send', totalBytes: payload.sizeBytes, client })
      return new Response(bodyOf({ payload, ...plan, place, teller, clock, stalledMs: bounds.stalledMs, close }), { status: plan.status, headers: plan.headers })
    } catch (error) {
      await close().catch(() => {})
      return failure(error)
    }
  }
}

interface Plan { readonly status: number, readonly from: number, readonly to: number, readonly headers: Record<string, string> }

const planOf = ({ headers }: Request, { sizeBytes, tag }: PayloadSource): Plan => {
  const etag = `"${tag}"`
  const common = { etag, 'accept-ranges': 'bytes', 'cache-control': 'no-store', 'content-type': 'application/vnd.ipld.car; version=1; order=dfs; dups=n' }
  const match = headers.get('if-match')
  if (match !== null && match !== '*' && !match.split(',').some((one) => one.trim() === etag)) return { status: 412, from: 0, to: 0, headers: { etag } }
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(headers.get('range') ?? '') ?? []
  if (first === undefined) return { status: 200, from: 0, to: sizeBytes, headers: { ...common, 'content-length': String(sizeBytes) } }
  const from = Number(first)
  const to = last === undefined || last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1)
  if (from >= to) return { status: 416, from: 0, to: 0, headers: { etag, 'content-range': `bytes */${sizeBytes}` } }
  return { status: 206, from, to, headers: { ...common, 'content-length': String(to - from), 'content-range': `bytes ${from}-${to - 1}/${sizeBytes}` } }
}

interface Body {
  readonly payload: PayloadSource
  readonly from: number
  readonly to: number
  readonly place: Place
  readonly teller: Teller
  readonly clock: Clock
  readonly stalledMs: number
  readonly close: () => Promise<void>
}

/** Nothing is read before it is asked for. Who takes nothing for too long is left. */
const bodyOf = ({ payload, from, to, place, teller, clock, stalledMs, close }: Body): ReadableStream<Uint8Array> => {
  const leaving = new AbortController()
  const chunks = payload.stream(from, { to, signal: leaving.signal })
  let at = from
  let isOver = false
  let idle = new AbortController()
  const end = (type: 'completed' | 'cut', code?: string): void => {
    if (isOver) return
    isOver = true
    idle.abort()
    leaving.abort(new TransferError('TRANSFER_REFUSED', 'the answer was given up'))
    place.leave()
    teller.tell(type, at, code)
    chunks.return().catch(() => {}).then(close).catch(() => {})
  }
  const watch = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    idle = new AbortController()
    clock.sleep(stalledMs, { signal: idle.signal }).then(() => {
      end('cut', 'TRANSFER_STALLED')
      controller.error(new TransferError('TRANSFER_STALLED', `nothing was taken; ms=${stalledMs}`))
    }, () => {})
  }
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      teller.tell('begun', from)
      watch(controller)
    },
    pull: async (controller) => {
      idle.abort()
      try {
        const { done, value } = await chunks.next()
        if (isOver) return
        if (done === true) throw new TransferError('TRANSFER_SOURCE_FAILED', 'the payload ended early')
        await place.pass(value.byteLength, { signal: leaving.signal })
        at += value.byteLength
        teller.progress(at)
        controller.enqueue(value)
        if (at < to) {
          watch(controller)
          return
        }
        // who has counted the bytes may not ask again
        end('completed')
        controller.close()
      } catch (error) {
        end('cut', error instanceof TransferError ? error.code : 'TRANSFER_SOURCE_FAILED')
        throw error
      }
    },
    cancel: () => { end('cut', 'TRANSFER_TRUNCATED') },
  }, { highWaterMark: 0 })
}
