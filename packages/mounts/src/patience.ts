/** Trying several that may hang: one that takes long is waited for no longer while there are others, and used after all when these fail. */
import { type Clock, withdrawable } from '@dagstore/io'

export interface Patience {
  readonly clock: Clock
  /** How long one is waited for before the next one is asked as well; 0: as long as it takes. */
  readonly ms: number
}

/** One timer for all that is waited for. */
export class Deadlines {
  readonly #patience: Patience
  /** In the order in which they end. */
  readonly #waiting: Set<{ readonly until: number, readonly late: () => void }> = new Set()
  readonly #ending: AbortController = new AbortController()
  #ticking = false

  constructor (patience: Patience) {
    this.#patience = patience
  }

  /** Whether `work` settles in time; it goes on either way. */
  met (work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const one = { until: this.#patience.clock.monotonic() + this.#patience.ms, late: () => { resolve(false) } }
      const done = (): void => {
        this.#waiting.delete(one)
        resolve(true)
      }
      this.#waiting.add(one)
      work.then(done, done)
      if (!this.#ticking) void this.#tick()
    })
  }

  /** Whatever is waited for still is not late. */
  end (): void { this.#ending.abort() }

  async #tick (): Promise<void> {
    const { clock } = this.#patience
    const { signal } = this.#ending
    this.#ticking = true
    while (!signal.aborted) {
      const [next] = this.#waiting
      if (next === undefined) break
      const ms = next.until - clock.monotonic()
      if (ms > 0) await clock.sleep(ms, { signal }).catch(() => {}) // ended
      else {
        this.#waiting.delete(next)
        next.late()
      }
    }
    this.#ticking = false
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
  const deadlines = patience === undefined || patience.ms === 0 ? undefined : new Deadlines(patience)
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
      if (deadlines !== undefined && index < items.length - 1 && !await withdrawable(deadlines.met(opening), signal)) {
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
    deadlines?.end()
    for (const opening of openings.values()) {
      opening.then((opened) => { if (opened !== undefined && opened !== winner?.opened) close(opened) }, () => {}) // its failure was told, or is nobody's
    }
  }
}
