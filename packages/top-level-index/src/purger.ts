/** When dead entries go: by themselves once there are enough of them, when somebody asks, and where lookups stumble over them. */
import { type CallOptions, type Clock, systemClock, withdrawable } from '@dagstore/io'
import type { Change, Database } from './database.ts'
import { decodeCount } from './keys.ts'
import { withPrefix } from './publish.ts'
import { countDead, purgeDead, type PurgeProgress, type PurgeReport } from './purge.ts'
import type { PurgeOptions } from './top-level-index.ts'

export interface PurgerOptions {
  /** `background`: purge by itself when dead entries are an eighth of the live ones (and 10,000), also at open. @default 'background' */
  readonly purge?: 'background' | 'manual' | undefined
  /** Share of the time that a purge of the background works, above 0, at most 1; it rests in between. @default 0.25 */
  readonly purgeShare?: number | undefined
  /** Called when a purge of the background failed; the next retirement tries again. */
  readonly onPurgeFailure?: ((error: unknown) => void) | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

export interface PurgerSubject {
  readonly db: Database
  readonly busy: (run: number) => boolean
  readonly nextRun: () => number
  readonly liveEntries: () => number
  readonly closing: AbortSignal
  /** @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_CLOSED` */
  readonly checkOpen: () => void
}

export const DEFAULT_PURGE_SHARE = 0.25
const BACKGROUND_SHARE_OF_LIVE = 8
const BACKGROUND_FROM_ENTRIES = 10_000
/** Dead entries that one lookup met from which they are removed at once, and at most that wait for it. */
const SWEEP_FROM_ENTRIES = 256
const SWEEP_AT_MOST = 16_384

export class Purger {
  readonly #subject: PurgerSubject
  readonly #options: PurgerOptions
  /** Entries that a purge would remove, about. */
  #dead = 0
  /** Whether `#dead` counts what earlier processes left. */
  #surveyed = false
  #purges: Promise<unknown> = Promise.resolve()
  #sweep: Promise<unknown> = Promise.resolve()
  #planned = false
  #sweeping = false
  /** Aborted when somebody waits for the purge of the background. */
  #resting: AbortController = new AbortController()

  constructor (subject: PurgerSubject, options: PurgerOptions) {
    this.#subject = subject
    this.#options = options
  }

  /** So many entries more are dead. */
  add (entries: number): void { this.#dead += entries }

  /** Purge in the background once enough is dead; at most one such purge waits or runs. */
  plan (): void {
    if (this.#options.purge === 'manual' || this.#planned || this.#subject.closing.aborted) return
    this.#planned = true
    this.#purgeWhenWorth().catch((error: unknown) => {
      if (!this.#subject.closing.aborted) this.#options.onPurgeFailure?.(error)
    }).finally(() => { this.#planned = false })
  }

  /** Without rests, and so for one that is under way. */
  async purge ({ signal, onProgress = () => {} }: PurgeOptions): Promise<PurgeReport> {
    signal?.throwIfAborted()
    this.#subject.checkOpen()
    this.#resting.abort()
    return this.#run(signal, onProgress, async () => {})
  }

  async count ({ signal }: CallOptions): Promise<number> {
    const { db, busy } = this.#subject
    return countDead({ db, busy, check: this.#check(signal) }, (value) => decodeCount(value) ?? 0)
  }

  /** What a lookup met: where there is much of it, it would slow the next one down too. */
  met (keys: readonly Uint8Array[]): void {
    if (keys.length < SWEEP_FROM_ENTRIES || this.#options.purge === 'manual' || this.#sweeping || this.#subject.closing.aborted) return
    this.#sweeping = true
    const { db } = this.#subject
    const gone = keys.slice(0, SWEEP_AT_MOST).map((key): Change => ({ type: 'del', key: withPrefix(db.prefix, key) }))
    this.#sweep = db.write(gone, { sync: false })
      .catch((error: unknown) => { this.#options.onPurgeFailure?.(error) })
      .finally(() => { this.#sweeping = false })
  }

  async idle (): Promise<void> { await Promise.all([this.#purges, this.#sweep]) }

  async #purgeWhenWorth (): Promise<void> {
    if (!this.#surveyed) this.#dead += await this.count({})
    this.#surveyed = true
    if (this.#dead < BACKGROUND_FROM_ENTRIES || this.#dead < this.#subject.liveEntries() / BACKGROUND_SHARE_OF_LIVE) return
    const { clock = systemClock, purgeShare = DEFAULT_PURGE_SHARE } = this.#options
    this.#resting = new AbortController()
    const awake = AbortSignal.any([this.#resting.signal, this.#subject.closing])
    let since = clock.monotonic()
    await this.#run(undefined, () => {}, async () => {
      const rest = (clock.monotonic() - since) * (1 / purgeShare - 1)
      if (rest > 0 && !awake.aborted) await clock.sleep(rest, { signal: awake }).catch(() => {}) // woken
      since = clock.monotonic()
    })
  }

  #run (signal: AbortSignal | undefined, onProgress: (progress: PurgeProgress) => void, pace: () => Promise<void>): Promise<PurgeReport> {
    const { db, busy, nextRun } = this.#subject
    const purging = this.#purges.then(async () => {
      const report = await purgeDead({ db, busy, nextRun, check: this.#check(signal), pace, onProgress })
      this.#dead = Math.max(0, this.#dead - report.removedEntries)
      return report
    })
    this.#purges = purging.catch(() => {}) // the next one waits; the caller gets the error
    return withdrawable(purging, signal)
  }

  #check (signal: AbortSignal | undefined): () => void {
    return () => {
      signal?.throwIfAborted()
      this.#subject.checkOpen()
    }
  }
}
