/** What both directions take at the side that asks. */
import { type Awaitable, type ByteProgress, type CallOptions, type Clock, createLane, type FairFlow, type Lane, systemClock } from '@dagstore/io'
import { createTeller, type Teller, type TransferEvent, type TransferListener } from './events.ts'
import { TOKEN } from './http-words.ts'
import { TRANSFER_LIMITS } from './limits.ts'

export interface TransferClientOptions extends CallOptions {
  /** Sent as `x-transfer-token`. */
  readonly token?: string | undefined
  /** Asked with `redirect: 'manual'`. @default the platform's */
  readonly fetch?: typeof fetch | undefined
  readonly clock?: Clock | undefined
  /** How often in a row it may fail without a byte more. @default 8 */
  readonly attempts?: number | undefined
  /** Push: bytes of a part, which is held in memory; a longer section is a part alone. @default 8 MiB */
  readonly partBytes?: number | undefined
  /** Pull: no byte for so long is a failure; push: no answer to a part. @default 30 s; push: 5 minutes */
  readonly stalledMs?: number | undefined
  /** Shared by those who share a rate. @default no limit */
  readonly flow?: FairFlow | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
  readonly onEvent?: TransferListener | undefined
}

export interface Client {
  readonly send: typeof fetch
  readonly clock: Clock
  readonly attempts: number
  readonly stalledMs: number
  readonly headers: Readonly<Record<string, string>>
  readonly teller: Teller
  readonly signal: AbortSignal | undefined
  /** No promise where they may pass at once. */
  pass(bytes: number): Awaitable<void>
  progress(doneBytes: number): void
}

export const clientOf = (options: TransferClientOptions, url: URL, direction: TransferEvent['direction'], totalBytes: number, stalledMs: number = TRANSFER_LIMITS.stalledMs): Client => {
  const { token, fetch: send = fetch, clock = systemClock, attempts = 8, flow, signal, onProgress, onEvent } = options
  const lane: Lane = createLane()
  const teller = createTeller(onEvent, clock, { id: url.pathname.split('/').at(-1) ?? '', direction, totalBytes, client: undefined })
  return {
    send,
    clock,
    attempts,
    stalledMs: options.stalledMs ?? stalledMs,
    headers: token === undefined ? {} : { [TOKEN]: token },
    teller,
    signal,
    pass: (bytes) => flow?.pass(lane, bytes, { signal }),
    progress: (doneBytes) => {
      teller.progress(doneBytes)
      onProgress?.({ doneBytes, totalBytes })
    },
  }
}
