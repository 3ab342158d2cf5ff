/// <reference lib="esnext.disposable" preserve="true" />
/** The top-level index in an embedded key-value database. */
import type { CallOptions } from '@dagstore/io'
import type { Batch, Change, Database } from './database.ts'
import { TopLevelIndexError } from './errors.ts'
import { checkLimit, DEFAULT_LIMIT, findCandidates } from './find.ts'
import { DEAD_RANGE, deadKey, decodeCount, decodeRun, encodeCount, encodeLive, encodeRun, liveKey, shardKey, TOTALS_KEY } from './keys.ts'
import { LiveRuns } from './live-runs.ts'
import { DEFAULT_BATCH_ENTRIES, type Try, withPrefix, writeEntries } from './publish.ts'
import { purgeDead, type PurgeReport } from './purge.ts'
import { type Candidates, type FindOptions, shardNumber, type ShardNumber, type TopLevelIndex } from './top-level-index.ts'

interface Run { readonly run: number, readonly entries: number }

export interface TopLevelIndexOptions {
  /** `background`: purge by itself when dead entries are an eighth of the live ones (and 10,000), also at open. @default 'background' */
  readonly purge?: 'background' | 'manual' | undefined
  /** Called when a purge of the background failed; the next retirement tries again. */
  readonly onPurgeFailure?: ((error: unknown) => void) | undefined
  /** Entries per batch of a publish, two of which are in memory at once, some 300 bytes per entry; from 1. @default 16384 */
  readonly batchEntries?: number | undefined
}

const PURGE_SHARE = 8
const PURGE_FROM_ENTRIES = 10_000
/** Lookups of `findMany` that are under way at once. */
const LOOKUPS = 32

/** Made by `openTopLevelIndex`. */
export class LevelTopLevelIndex implements TopLevelIndex {
  readonly #db: Database
  readonly #live: LiveRuns
  readonly #options: TopLevelIndexOptions
  readonly #tries: Map<number, Try> = new Map()
  readonly #closing: AbortController = new AbortController()
  #nextRun: number
  #liveEntries: number
  /** Entries that a purge would remove, about. */
  #dead = 0
  /** Whether `#dead` counts what earlier processes left. */
  #surveyed = false
  /** Changes of what is live, one after another. */
  #serial: Promise<unknown> = Promise.resolve()
  /** How often one run took the place of another; `#replacing` while that is being written. */
  #replaced = 0
  #replacing = false
  #purges: Promise<unknown> = Promise.resolve()
  #purgePlanned = false

  /** @internal */
  constructor (db: Database, state: { readonly nextRun: number, readonly liveEntries: number }, options: TopLevelIndexOptions) {
    this.#db = db
    this.#live = new LiveRuns(db)
    this.#options = options
    this.#nextRun = state.nextRun
    this.#liveEntries = state.liveEntries
    this.#planPurge()
  }

  async publish (shard: ShardNumber, multihashes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, { signal }: CallOptions = {}): Promise<{ readonly entryCount: number }> {
    shardNumber(shard)
    signal?.throwIfAborted()
    this.#check()
    const run: Try = { run: this.#nextRun++, shard, entries: 0, written: 0, retired: false }
    this.#tries.set(run.run, run)
    const check = (): void => {
      signal?.throwIfAborted()
      this.#check()
      if (run.retired) throw new TopLevelIndexError('TOP_LEVEL_INDEX_RETIRED', `shard was retired while it was published; shard=${shard}`)
    }
    try {
      const rest = await writeEntries(this.#db, run, multihashes, this.#options.batchEntries ?? DEFAULT_BATCH_ENTRIES, check)
      try {
        await this.#oneByOne(async () => {
          check()
          await this.#makeLive(run, rest)
        })
      } finally {
        await rest.drop()
      }
      return { entryCount: run.entries }
    } catch (error) {
      this.#dead += run.written
      throw error
    } finally {
      this.#tries.delete(run.run)
      this.#planPurge()
    }
  }

  async find (multihash: Uint8Array, options: FindOptions = {}): Promise<Candidates> {
    checkLimit(options.limit ?? DEFAULT_LIMIT)
    options.signal?.throwIfAborted()
    for (;;) {
      this.#check()
      const before = this.#replaced
      const found = await findCandidates(this.#db, this.#live, multihash, options)
      options.signal?.throwIfAborted()
      // while a run took another's place, the one may have been seen too early and the other too late
      if (!this.#replacing && before === this.#replaced) return found
      await this.#serial
    }
  }

  async findMany (multihashes: readonly Uint8Array[], options: FindOptions = {}): Promise<readonly Candidates[]> {
    const found: Candidates[] = []
    for (let at = 0; at < multihashes.length; at += LOOKUPS) {
      found.push(...await Promise.all(multihashes.slice(at, at + LOOKUPS).map((multihash) => this.find(multihash, options))))
    }
    return found
  }

  async retire (shard: ShardNumber): Promise<void> {
    shardNumber(shard)
    this.#check()
    for (const run of this.#tries.values()) if (run.shard === shard) run.retired = true
    await this.#oneByOne(async () => {
      const old = await this.#liveRunOf(shard)
      if (old === undefined) return
      await this.#change(this.#db.batch(), [{ type: 'del', key: this.#full(shardKey(shard)) }, ...this.#bury(old)], { lost: old })
      this.#live.set(old.run, undefined)
    })
    this.#planPurge()
  }

  /**
   * Give back the space of what is retired, replaced or was never finished. A walk over the whole index; lookups go on.
   * Stopping it loses nothing.
   */
  async purge ({ signal }: CallOptions = {}): Promise<PurgeReport> {
    const check = (): void => {
      signal?.throwIfAborted()
      this.#check()
    }
    check()
    const purging = this.#purges.then(async () => {
      const report = await purgeDead(this.#db, (run) => this.#tries.has(run), check)
      this.#dead = Math.max(0, this.#dead - report.removedEntries)
      return report
    })
    this.#purges = purging.catch(() => {}) // the next one waits; the caller gets the error
    return purging
  }

  async close (): Promise<void> {
    this.#closing.abort()
    await Promise.all([this.#serial, this.#purges])
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.close() }

  /** @param batch - entries that go with it */
  async #makeLive (run: Try, batch: Batch): Promise<void> {
    const old = await this.#liveRunOf(run.shard)
    const changes: Change[] = [
      { type: 'put', key: this.#full(liveKey(run.run)), value: encodeLive(run.shard, run.entries) },
      { type: 'put', key: this.#full(shardKey(run.shard)), value: encodeRun(run.run) },
      { type: 'del', key: this.#full(deadKey(run.run)) },
      ...(old === undefined ? [] : this.#bury(old)),
    ]
    this.#replacing = old !== undefined
    try {
      await this.#change(batch, changes, { gained: run, lost: old })
      this.#live.set(run.run, run.shard)
      if (old !== undefined) this.#live.set(old.run, undefined)
    } finally {
      if (this.#replacing) this.#replaced++
      this.#replacing = false
    }
  }

  /** What is live changes, synced, in one batch with the total. */
  async #change (batch: Batch, changes: readonly Change[], { gained, lost }: { readonly gained?: Run, readonly lost: Run | undefined }): Promise<void> {
    const total = Math.max(0, this.#liveEntries + (gained?.entries ?? 0) - (lost?.entries ?? 0))
    try {
      for (const change of changes) {
        if (change.type === 'put') batch.put(change.key, change.value)
        else batch.del(change.key)
      }
      batch.put(this.#full(TOTALS_KEY), encodeCount(total))
      await batch.write({ sync: true })
    } catch (error) {
      for (const run of [gained, lost]) if (run !== undefined) this.#live.forget(run.run)
      throw error
    }
    this.#liveEntries = total
    this.#dead += lost?.entries ?? 0
  }

  #bury (old: Run): Change[] {
    return [
      { type: 'del', key: this.#full(liveKey(old.run)) },
      { type: 'put', key: this.#full(deadKey(old.run)), value: encodeCount(old.entries) },
    ]
  }

  async #liveRunOf (shard: number): Promise<Run | undefined> {
    const value = await this.#db.get(shardKey(shard))
    const run = value === undefined ? undefined : decodeRun(value)
    if (run === undefined) return undefined
    const live = await this.#db.get(liveKey(run))
    return { run, entries: (live === undefined ? undefined : decodeCount(live, 4)) ?? 0 }
  }

  #full (key: Uint8Array): Uint8Array { return withPrefix(this.#db.prefix, key) }

  #check (): void {
    if (this.#closing.signal.aborted) throw new TopLevelIndexError('TOP_LEVEL_INDEX_CLOSED', 'index is closed')
  }

  async #oneByOne (run: () => Promise<void>): Promise<void> {
    const done = this.#serial.then(run)
    this.#serial = done.catch(() => {}) // the next one waits; the caller gets the error
    await done
  }

  /** Purge in the background once enough is dead; at most one such purge waits or runs. */
  #planPurge (): void {
    if (this.#options.purge === 'manual' || this.#purgePlanned || this.#closing.signal.aborted) return
    this.#purgePlanned = true
    this.#purgeWhenWorth().catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#options.onPurgeFailure?.(error)
    }).finally(() => { this.#purgePlanned = false })
  }

  async #purgeWhenWorth (): Promise<void> {
    if (!this.#surveyed) await this.#countDead()
    this.#surveyed = true
    if (this.#dead >= PURGE_FROM_ENTRIES && this.#dead >= this.#liveEntries / PURGE_SHARE) await this.purge()
  }

  /** Count what earlier processes left. */
  async #countDead (): Promise<void> {
    for await (const page of this.#db.pages(DEAD_RANGE, 1024)) {
      this.#check()
      for (const [, value] of page) this.#dead += decodeCount(value) ?? 0
    }
  }
}
