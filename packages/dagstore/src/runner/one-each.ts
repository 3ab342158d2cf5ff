/** Starting work for many shards that nobody waits for: each once at a time, so many together; what hangs gives its place to others. */
import type { Clock } from '@dagstore/io'
import { createLimiter, type Limiter } from '../limiter.ts'
import { PATIENCE_MS } from './patience.ts'

export interface OneEachParts {
  readonly clock: Clock
  /** At a time. */
  readonly places: number
  /** Resolves when nothing more happens for the shard now. */
  readonly work: (key: string) => Promise<void>
}

export class OneEach {
  readonly #parts: OneEachParts
  readonly #limiter: Limiter
  readonly #running: Set<string> = new Set()

  constructor (parts: OneEachParts) {
    this.#parts = parts
    this.#limiter = createLimiter(parts.places)
  }

  /** Resolves when it has a place, or needs none: it is under way, or the signal has fired. */
  start (key: string, signal: AbortSignal): Promise<void> {
    if (this.#running.has(key)) return Promise.resolve()
    const { clock, work } = this.#parts
    this.#running.add(key)
    return new Promise((begun) => {
      const left = (): void => {
        this.#running.delete(key)
        begun()
      }
      this.#limiter.run(async () => {
        begun()
        const over = new AbortController()
        const working = work(key).finally(() => {
          this.#running.delete(key)
          over.abort()
        })
        await Promise.race([working, clock.sleep(PATIENCE_MS, { signal: over.signal })])
      }, { signal }).catch(left)
    })
  }
}
