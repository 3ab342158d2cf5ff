/**
 * Going on with what records say is unfinished while nobody is at it: the last process was cut off, or the end of some work could
 * not be written. Looked for when the store is opened, and again, with growing pauses, whenever a machine says that it had to
 * leave something so.
 */
import type { Clock } from '@dagstore/io'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'
import type { EventListener } from '../events.ts'
import type { RetrySettings } from '../retry-settings.ts'
import { OneEach } from './one-each.ts'

/** Records read at a time, and shards gone on with at a time; their builds wait for slots of their own. */
const PAGE = 256

export interface UnfinishedParts {
  readonly catalogue: ShardCatalogue
  readonly clock: Clock
  readonly emit: EventListener
  readonly pauses: Pick<RetrySettings, 'baseMs' | 'maxMs'>
  /** Resolves when it has ended, or waits for leases. */
  readonly resume: (key: string) => Promise<void>
}

export class Unfinished {
  readonly #parts: UnfinishedParts
  readonly #shards: OneEach
  /** Since the last look began. */
  #left = false
  #wake: () => void = () => {}

  constructor (parts: UnfinishedParts) {
    this.#parts = parts
    this.#shards = new OneEach({ clock: parts.clock, places: PAGE, work: (key) => this.#resume(key) })
  }

  /** A record says that something is unfinished, and nobody is at it. */
  note (): void {
    this.#left = true
    this.#wake()
  }

  /** Ends when the signal fires. */
  async run (signal: AbortSignal): Promise<void> {
    const { clock, emit, pauses: { baseMs, maxMs } } = this.#parts
    signal.addEventListener('abort', () => { this.#wake() }, { once: true })
    let pauseMs = baseMs
    while (!signal.aborted) {
      const begun = clock.monotonic()
      this.#left = false
      try {
        await this.#pass(signal)
      } catch (error) {
        if (signal.aborted) return
        emit({ type: 'postponed', key: undefined, error })
        this.#left = true
      }
      await this.#untilLeft(signal)
      // long after: it is not the same trouble any more
      pauseMs = clock.monotonic() - begun > maxMs ? baseMs : Math.min(maxMs, pauseMs)
      await clock.sleep(pauseMs, { signal }).catch(() => {})
      pauseMs *= 2
    }
  }

  async #pass (signal: AbortSignal): Promise<void> {
    for (let after: string | undefined; !signal.aborted;) {
      const page = await this.#parts.catalogue.page({ after, state: 'unfinished', limit: PAGE })
      for (const { key } of page) await this.#shards.start(key, signal)
      after = page.at(-1)?.key
      if (after === undefined) return
    }
  }

  async #resume (key: string): Promise<void> {
    try {
      await this.#parts.resume(key)
    } catch (error) {
      this.#parts.emit({ type: 'postponed', key, error })
      this.note()
    }
  }

  #untilLeft (signal: AbortSignal): Promise<void> {
    if (this.#left || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => { this.#wake = resolve })
  }
}
