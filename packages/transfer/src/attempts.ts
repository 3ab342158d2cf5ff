/** Trying again as long as something comes of it. */
import { type CallOptions, type Clock, withdrawable } from '@dagstore/io'
import { TransferError } from './errors.ts'
import { CODE } from './http-words.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000

export interface Attempts extends CallOptions {
  readonly clock: Clock
  /** In a row that bring nothing. */
  readonly attempts: number
  /** What has been brought so far. */
  readonly done: () => number
  /** What has to be brought at least, pauses counted, over a minute of attempts that fail. @default no limit */
  readonly minBytesPerSecond?: number | undefined
}

const RATE_MS = 60_000

/** Calls until it resolves. Pauses double from half a second to a minute, unless the other side says how long. Ends where too little comes of it. @throws what the last call threw */
export const withAttempts = async (call: () => Promise<void>, { clock, attempts, done, minBytesPerSecond = 0, signal }: Attempts): Promise<void> => {
  let mark = { at: clock.monotonic(), done: done() }
  for (let vain = 0; ;) {
    const before = done()
    try {
      await call()
      return
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof TransferError) || error.retry !== 'later') throw error
      vain = done() > before ? 0 : vain + 1
      if (vain >= attempts) throw error
      const ms = clock.monotonic() - mark.at
      if (ms >= RATE_MS) {
        if ((done() - mark.done) * 1000 < minBytesPerSecond * ms) throw done() === mark.done ? error : new TransferError('TRANSFER_STALLED', `too slow; min=${minBytesPerSecond} bytes per second`, { cause: error, source: error.source })
        mark = { at: clock.monotonic(), done: done() }
      }
      await clock.sleep(error.retryAfterMs ?? Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, vain - 1)), { signal })
    }
  }
}

/** An answer, or why there is none. Redirects are not followed: the token would go along. */
export const ask = async (send: typeof fetch, url: URL, init: RequestInit & CallOptions): Promise<Response> => {
  const { signal } = init
  try {
    return await send(url, { ...init, redirect: 'manual', signal: signal ?? null })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new TransferError('TRANSFER_UNREACHABLE', `nobody answers; origin=${url.origin}`, { cause, source: url.origin })
  }
}

export interface InTime extends CallOptions {
  readonly clock: Clock
  /** For the head of the answer to come. */
  readonly stalledMs: number
  /** Ends the request, head and body. */
  readonly leaving: AbortController
}

/** As {@link ask}, of somebody who may take for ever. @throws {TransferError} `TRANSFER_STALLED`, `TRANSFER_UNREACHABLE` */
export const askInTime = async (send: typeof fetch, url: URL, headers: Record<string, string>, { clock, stalledMs, leaving, signal }: InTime): Promise<Response> => {
  const come = new AbortController()
  let isLate = false
  clock.sleep(stalledMs, { signal: come.signal }).then(() => {
    isLate = true
    leaving.abort()
  }, () => {})
  try {
    const either = signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal])
    // a fetch of somebody else may not listen to its signal
    return await withdrawable(ask(send, url, { headers, signal: either }), either)
  } catch (error) {
    signal?.throwIfAborted()
    throw isLate ? new TransferError('TRANSFER_STALLED', `no answer; ms=${stalledMs}`, { source: url.origin }) : error
  } finally {
    come.abort()
  }
}

const KNOWN = ['TRANSFER_BAD_SECTION', 'TRANSFER_HASH_MISMATCH', 'TRANSFER_UNREQUESTED', 'TRANSFER_OTHER', 'TRANSFER_TOO_LARGE', 'TRANSFER_TRUNCATED', 'TRANSFER_STALLED', 'TRANSFER_GAP'] as const

/** What a status that is no success means. */
export const refusal = ({ status, headers }: Response, { origin: source }: URL): TransferError => {
  const seconds = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '')?.[0]
  const more = { source, retryAfterMs: seconds === undefined ? undefined : Math.min(LONGEST_PAUSE_MS, 1000 * Number(seconds)) }
  const code = KNOWN.find((known) => known === headers.get(CODE))
  if (status === 401) return new TransferError('TRANSFER_UNAUTHORIZED', `the token is not taken; origin=${source}`, more)
  if (status === 403) return new TransferError('TRANSFER_EXPIRED', `the token has expired; origin=${source}`, more)
  if (status === 429 || status === 503 || status === 507) return new TransferError('TRANSFER_BUSY', `told to come later; status=${status} origin=${source}`, more)
  if (code !== undefined && status < 500) return new TransferError(code, `refused by the other side; status=${status} origin=${source}`, code === 'TRANSFER_GAP' ? { ...more, retry: 'later' } : more)
  if (status === 408 || status >= 500) return new TransferError('TRANSFER_UNREACHABLE', `the other side failed; status=${status} origin=${source}`, more)
  return new TransferError(status === 404 ? 'TRANSFER_REFUSED' : 'TRANSFER_BAD_ANSWER', `not an answer to this; status=${status} origin=${source}`, more)
}
