/// <reference lib="esnext.disposable" preserve="true" />
/** The top-level index in an embedded key-value database. */
import type { CallOptions } from '@dagstore/io'
import type { Batch, Change, Database } from './database.ts'
import { TopLevelIndexError } from './errors.ts'
import { checkLimit, DEFAULT_LIMIT, findCandidates, holdsEach } from './find.ts'
import { deadKey, decodeLive, encodeCount, encodeLive, encodeRun, isRunKey, LIVE_RANGE, liveKey, shardKey, TOTALS_KEY } from './keys.ts'
import { LiveRuns } from './live-runs.ts'
import type { Multihashes } from './multihashes.ts'
import { liveRunsOf, type Run } from './runs-of-shard.ts'
import { DEFAULT_BATCH_ENTRIES, type Try, withPrefix, writeEntries } from './publish.ts'
import type { PurgeReport } from './purge.ts'
import { Purger, type PurgerOptions } from './purger.ts'
import { type Candidates, type FindOptions, type PurgeOptions, shardNumber, type ShardNumber, type TopLevelIndex } from './top-level-index.ts'

export interface TopLevelIndexOptions extends PurgerOptions {
  /** Entries per batch of a publish, two of which are in memory at once, some 300 bytes per entry; from 1. @default 16384 */
  readonly batchEntries?: number | undefined
}

/** Dead entries that one lookup remembers, about. */
const MAX_MET = 16_384
/** A u32; the number above it is not given out, since `n` has to tell it. */
const MAX_RUN = 0xffff_fffe
/** Rows that `published` reads at a time. */
const LISTED = 1024
/** Lookups of `findMany` that are under way at once. */
const LOOKUPS = 32

/** Made by `openTopLevelIndex`. */
export class LevelTopLevelIndex implements TopLevelIndex {
  readonly #db: Database
  readonly #live: LiveRuns
  readonly #options: TopLevelIndexOptions
  readonly #tries: Map<number, Try> = new Map()
  readonly #closing: AbortController = new AbortController()
  readonly #purger: Purger
  #nextRun: number
  #liveEntries: number
  /** Changes of what is live, one after another. */
  #serial: Promise<unknown> = Promise.resolve()
  /** How often one run took the place of another; `#replacing` while that is being written. */
  #replaced = 0
  #replacing = false

  /** @internal */
  constructor (db: Database, state: { readonly nextRun: number, readonly liveEntries: number }, options: TopLevelIndexOptions) {
    this.#db = db
    this.#live = new LiveRuns(db)
    this.#options = options
    this.#nextRun = state.nextRun
    this.#liveEntries = state.liveEntries
    this.#purger = new Purger({
      db,
      busy: (run) => this.#tries.has(run),
      nextRun: () => this.#nextRun,
      liveEntries: () => this.#liveEntries,
      closing: this.#closing.signal,
      checkOpen: () => { this.#check() },
    }, options)
    this.#purger.plan()
  }

  async publish (shard: ShardNumber, multihashes: Multihashes, { signal }: CallOptions = {}): Promise<{ readonly entryCount: number }> {
    shardNumber(shard)
    signal?.throwIfAborted()
    this.#check()
    if (this.#nextRun > MAX_RUN) throw new TopLevelIndexError('TOP_LEVEL_INDEX_FAILED', 'all run numbers are used up')
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
      this.#purger.add(run.written)
      throw error
    } finally {
      this.#tries.delete(run.run)
      this.#purger.plan()
    }
  }

  async find (multihash: Uint8Array, options: FindOptions = {}): Promise<Candidates> {
    checkLimit(options.limit ?? DEFAULT_LIMIT)
    options.signal?.throwIfAborted()
    for (;;) {
      this.#check()
      const before = this.#replaced
      const met: Uint8Array[] = []
      const found = await findCandidates({ db: this.#db, live: this.#live, busy: (run) => this.#tries.has(run), onDead: (keys) => { if (met.length < MAX_MET) met.push(...keys) } }, multihash, options)
      this.#purger.met(met)
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

  async holds (shard: ShardNumber, multihashes: readonly Uint8Array[], { signal }: CallOptions = {}): Promise<readonly boolean[]> {
    shardNumber(shard)
    signal?.throwIfAborted()
    for (;;) {
      this.#check()
      const before = this.#replaced
      const held = await holdsEach(this.#db, shard, multihashes)
      signal?.throwIfAborted()
      // a run that took another's place while the one was looked for
      if (!this.#replacing && before === this.#replaced) return held
      await this.#serial
    }
  }

  async * published ({ signal }: CallOptions = {}): AsyncGenerator<ShardNumber, void, undefined> {
    signal?.throwIfAborted()
    this.#check()
    // a page at a time, so that a slow consumer holds on to no state of the database
    for (let range: Partial<typeof LIVE_RANGE> & { readonly gt?: Uint8Array } = LIVE_RANGE; ;) {
      let last: Uint8Array | undefined
      const found: ShardNumber[] = []
      for await (const page of this.#db.pages(range, LISTED, { limit: LISTED })) {
        for (const [key, value] of page) {
          last = key
          const row = isRunKey(key) ? decodeLive(value) : undefined
          if (row !== undefined) found.push(row.shard as ShardNumber)
        }
      }
      for (const shard of found) {
        yield shard
        signal?.throwIfAborted()
        this.#check()
      }
      if (last === undefined) return
      range = { gt: last, lte: LIVE_RANGE.lte }
    }
  }

  async retire (shard: ShardNumber): Promise<void> {
    shardNumber(shard)
    this.#check()
    for (const run of this.#tries.values()) if (run.shard === shard) run.retired = true
    await this.#oneByOne(async () => {
      const old = await liveRunsOf(this.#db, shard)
      if (old === undefined) return
      await this.#change(this.#db.batch(), [{ type: 'del', key: this.#full(shardKey(shard)) }, ...this.#bury(old)], { lost: old })
      for (const { run } of old) this.#live.set(run, undefined)
    })
    this.#purger.plan()
  }

  async purge (options: PurgeOptions = {}): Promise<PurgeReport> { return this.#purger.purge(options) }

  async deadEntries (options: CallOptions = {}): Promise<number> {
    options.signal?.throwIfAborted()
    this.#check()
    return this.#purger.count(options)
  }

  async close (): Promise<void> {
    this.#closing.abort()
    await Promise.all([this.#serial, this.#purger.idle()])
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.close() }

  /** @param batch - entries that go with it */
  async #makeLive (run: Try, batch: Batch): Promise<void> {
    const old = await liveRunsOf(this.#db, run.shard) ?? []
    const changes: Change[] = [
      { type: 'put', key: this.#full(liveKey(run.run)), value: encodeLive(run.shard, run.entries) },
      { type: 'put', key: this.#full(shardKey(run.shard)), value: encodeRun(run.run) },
      { type: 'del', key: this.#full(deadKey(run.run)) },
      ...this.#bury(old),
    ]
    this.#replacing = old.length > 0
    try {
      await this.#change(batch, changes, { gained: run, lost: old })
      this.#live.set(run.run, run.shard)
      for (const { run: lost } of old) this.#live.set(lost, undefined)
    } finally {
      if (this.#replacing) this.#replaced++
      this.#replacing = false
    }
  }

  /** What is live changes, synced, in one batch with the total. */
  async #change (batch: Batch, changes: readonly Change[], { gained, lost }: { readonly gained?: Run, readonly lost: readonly Run[] }): Promise<void> {
    const total = Math.max(0, this.#liveEntries + (gained?.entries ?? 0) - lost.reduce((sum, { entries }) => sum + entries, 0))
    try {
      for (const change of changes) {
        if (change.type === 'put') batch.put(change.key, change.value)
        else batch.del(change.key)
      }
      batch.put(this.#full(TOTALS_KEY), encodeCount(total))
      await batch.write({ sync: true })
    } catch (error) {
      for (const { run } of gained === undefined ? lost : [gained, ...lost]) this.#live.forget(run)
      throw error
    }
    this.#liveEntries = total
    this.#purger.add(lost.reduce((sum, { entries }) => sum + entries, 0))
  }

  #bury (old: readonly Run[]): Change[] {
    return old.flatMap(({ run, entries }): Change[] => [
      { type: 'del', key: this.#full(liveKey(run)) },
      { type: 'put', key: this.#full(deadKey(run)), value: encodeCount(entries) },
    ])
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
}
