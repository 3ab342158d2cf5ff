/** Trying several that may hang: one that takes long is waited for no longer while there are others, and used after all when these fail. */
import { type Clock, withdrawable } from '@dagstore/io'

export interface Patience {
  readonly clock: Clock
  /** How long one is waited for before the next one is asked as well; 0: as long as it takes. */
  readonly ms: number
}

/** Whether `work` settles in time; it goes on either way. */
export const settlesInTime = async (work: Promise<unknown>, { clock, ms }: Patience): Promise<boolean> => {
  const stop = new AbortController()
  const done = work.then(() => true, () => true)
  const late = clock.sleep(ms, { signal: stop.signal }).then(() => false, () => true)
  try {
    return await Promise.race([done, late])
  } finally {
    stop.abort()
  }
}

export interface Trial<T, S> {
  /** `undefined`: nothing is there. */
  readonly open: (item: T) => Promise<S | undefined>
  readonly failed: (item: T, error: unknown) => void
  /** It is late. Should it fail after all, `failed` is called as well. */
  readonly late: (item: T) => void
  /** What came, and is no longer wanted. */
  readonly close: (opened: S) => void
  readonly patience: Patience | undefined
  readonly signal: AbortSignal | undefined
}

export interface Found<T, S> { readonly item: T, readonly opened: S }

/** The first of `items`, in their order, that can be opened; `undefined`: none. @throws the signal's reason */
export const openOne = async <T, S>(items: readonly T[], { open, failed, late, close, patience, signal }: Trial<T, S>): Promise<Found<T, S> | undefined> => {
  const openings = new Map<T, Promise<S | undefined>>()
  let winner: Found<T, S> | undefined
  const use = async (item: T, opening: Promise<S | undefined>): Promise<Found<T, S> | undefined> => {
    try {
      const opened = await withdrawable(opening, signal)
      if (opened !== undefined) return { item, opened }
    } catch (error) {
      signal?.throwIfAborted()
      failed(item, error)
    }
    return undefined
  }
  try {
    const slow: T[] = []
    for (const [index, item] of items.entries()) {
      signal?.throwIfAborted()
      const opening = open(item)
      openings.set(item, opening)
      if (patience !== undefined && patience.ms > 0 && index < items.length - 1 && !await withdrawable(settlesInTime(opening, patience), signal)) {
        slow.push(item)
        late(item)
        continue
      }
      winner = await use(item, opening)
      if (winner !== undefined) return winner
    }
    const none = new Error('none')
    const rest = slow.map(async (item) => await use(item, openings.get(item)!) ?? Promise.reject(none))
    winner = await Promise.any(rest).catch(() => undefined)
    signal?.throwIfAborted()
    return winner
  } finally {
    for (const opening of openings.values()) {
      opening.then((opened) => { if (opened !== undefined && opened !== winner?.opened) close(opened) }, () => {}) // its failure was told, or is nobody's
    }
  }
}
