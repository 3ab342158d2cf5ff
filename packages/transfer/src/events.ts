/** What is told of transfers as they go. */
import type { Clock } from '@dagstore/io'

export interface TransferEvent {
  readonly type: 'begun' | 'progress' | 'cut' | 'completed' | 'refused' | 'cancelled'
  readonly id: string
  readonly direction: 'send' | 'receive'
  /** Of the payload that are there: whole sections when they are received. */
  readonly bytes: number
  readonly totalBytes: number
  readonly client: string | undefined
  /** Why, with `cut` and `refused`. */
  readonly code: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

export type TransferListener = (event: TransferEvent) => void

const PROGRESS_BYTES = 8 << 20
const PROGRESS_MS = 1000

export interface Teller {
  tell(type: TransferEvent['type'], bytes: number, code?: string): void
  /** At most each 8 MiB or second. */
  progress(bytes: number): void
}

export const createTeller = (onEvent: TransferListener | undefined, clock: Clock, facts: Pick<TransferEvent, 'id' | 'direction' | 'totalBytes' | 'client'>): Teller => {
  let toldBytes = 0
  let toldAt = clock.monotonic()
  const tell = (type: TransferEvent['type'], bytes: number, code?: string): void => { onEvent?.({ type, ...facts, bytes, code, at: clock.now() }) }
  return {
    tell,
    progress: (bytes) => {
      if (bytes - toldBytes < PROGRESS_BYTES && clock.monotonic() - toldAt < PROGRESS_MS) return
      toldBytes = bytes
      toldAt = clock.monotonic()
      tell('progress', bytes)
    },
  }
}
