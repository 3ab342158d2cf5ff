/**
 * Trying again, at its time, what failed for a passing reason. The catalogue is the queue: it lists what is due without reading
 * records, so that any number of shards may wait and a restart forgets none. Each shard is tried once at a time, as a job that
 * nobody waits for; callers are served before.
 */
import type { Clock } from '@dagstore/io'
import type { DueRetry, ShardCatalogue } from '../catalogue/shard-catalogue.ts'
import type { EventListener } from '../events.ts'
import { OneEach } from './one-each.ts'

const PAGE = 64

export interface RetriesParts {
  readonly catalogue: ShardCatalogue
  readonly clock: Clock
  readonly emit: EventListener
  /** Shards that are tried at a time. */
  readonly atATime: number
  /** At the least between two looks at the catalogue. */
  readonly pauseMs: number
  /** Resolves when the try has ended. */
  readonly retry: (key: string) => Promise<void>
}

export class Retries {
  readonly #parts: RetriesParts
  readonly #shards: OneEach
  /** The earliest time that was named since the last look. */
  #named: number = Infinity
  #wake: () => void = () => {}

  constructor (parts: RetriesParts) {
    this.#parts = parts
    this.#shards = new OneEach({ clock: parts.clock, places: parts.atATime, work: parts.retry })
  }

  /** A record that says so was written. */
  note (at: number): void {
    if (at >= this.#named) return
    this.#named = at
    this.#wake()
  }

  /** Ends when the signal fires. */
  async run (signal: AbortSignal): Promise<void> {
    const { catalogue, clock, emit, pauseMs } = this.#parts
    let earliest = -Infinity
    signal.addEventListener('abort', () => { this.#wake() }, { once: true })
    while (!signal.aborted) {
      await this.#until(earliest, signal)
      this.#named = Infinity
      try {
        const now = clock.now()
        await this.#pass(now, signal)
        if (signal.aborted) return
        const [stuck] = await catalogue.due({ until: now, limit: 1 })
        const [next] = await catalogue.due({ until: Number.MAX_SAFE_INTEGER, after: { at: now + 1, key: '' }, limit: 1 })
        // what is under way, or could not be begun, is looked at again in a while
        earliest = Math.min(next?.at ?? Infinity, stuck === undefined ? Infinity : clock.now() + pauseMs)
      } catch (error) {
        if (signal.aborted) return
        emit({ type: 'postponed', key: undefined, error })
        earliest = clock.now() + pauseMs
      }
    }
  }

  /** Start whatever is due; those that take long, or hang, go on beside. */
  async #pass (now: number, signal: AbortSignal): Promise<void> {
    for (let after: DueRetry | undefined; !signal.aborted;) {
      const page: readonly DueRetry[] = await this.#parts.catalogue.due({ until: now, after, limit: PAGE })
      for (const { key } of page) await this.#shards.start(key, signal)
      after = page.at(-1)
      if (after === undefined || page.length < PAGE) return
    }
  }

  /** Until that time, or an earlier one that is named. */
  async #until (at: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    while (!signal.aborted) {
      const rest = Math.min(at, this.#named) - clock.now()
      if (rest <= 0) return
      const changed = new AbortController()
      this.#wake = () => { changed.abort() }
      await clock.sleep(Math.min(rest, MAX_SLEEP_MS), { signal: changed.signal }).catch(() => {})
    }
  }
}

const MAX_SLEEP_MS = 86_400_000
