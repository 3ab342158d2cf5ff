/// <reference lib="esnext.disposable" preserve="true" />
/** The store: calls to the shards' machines, what goes on in the background, and the end of it all. */
import type { IndexView } from '@dagstore/carv2'
import { encodeKey } from '@dagstore/index-repo'
import { type CallOptions, createKeyLock, type Directory, type EventHub, type EventsOptions, type Random } from '@dagstore/io'
import { type AnyCid, BlockstoreError } from '@dagstore/read-blockstore'
import { abortable } from './abortable.ts'
import { type Bulk, createBulk } from './bulk/bulk.ts'
import type { AdoptIndexOutcome, AdoptIndicesOptions } from './bulk/adopt-indices.ts'
import type { ExportIndexOutcome } from './bulk/export-indices.ts'
import type { GcOptions, GcReport } from './bulk/gc.ts'
import type { ImportOutcome } from './bulk/import-shards.ts'
import type { InitializeAllOptions, InitializeOutcome } from './bulk/initialize-all.ts'
import type { BulkOptions } from './bulk/parts.ts'
import type { RebuildNote, RebuildReport } from './bulk/rebuild-top-level-index.ts'
import type { RegisterItem, RegisterOutcome } from './bulk/register-many.ts'
import { listRecords } from './catalogue/list-records.ts'
import type { StoredRecord } from './catalogue/record-codec.ts'
import { type CandidateFinder, createCandidateFinder } from './cross-shard/candidates.ts'
import { CommitWatch } from './cross-shard/commit-watch.ts'
import { createCrossShardBlockstore } from './cross-shard/cross-shard-blockstore.ts'
import { findShards, indexedShards } from './cross-shard/find-shards.ts'
import { createIndexViews, type IndexViews } from './cross-shard/index-views.ts'
import type { CrossShardBlockstore, CrossShardParts, LeaseCache } from './cross-shard/parts.ts'
import { createRecentFailures } from './cross-shard/recent-failures.ts'
import { SharedCache } from './cross-shard/shared-cache.ts'
import type { AcquireOptions, Dagstore, DestroyOptions, FindShardsOptions, RefreshOptions, ShardQuery } from './dagstore.ts'
import { type DoctorSettings, runDoctor } from './doctor/doctor.ts'
import { type FindingsOf, findingsOf, type FindingsQuery, listFindings } from './doctor/findings.ts'
import { DagstoreError } from './errors.ts'
import type { DagstoreEvent } from './events.ts'
import { codeOf } from './failure.ts'
import { isForeign, type ShardLease } from './lease.ts'
import { takeOver } from './local-copy.ts'
import { createLimiter } from './limiter.ts'
import { measuredLimiter } from './metrics/measured.ts'
import type { RegisterOptions } from './register-options.ts'
import { drawFrom, type RetrySettings } from './retry-settings.ts'
import { callShard, infoCall, leaseCall } from './runner/calls.ts'
import { collectAll } from './runner/collect.ts'
import type { StoreParts } from './runner/parts.ts'
import { Retries } from './runner/retries.ts'
import { Runners } from './runner/runners.ts'
import { Tasks } from './runner/tasks.ts'
import { Unfinished } from './runner/unfinished.ts'
import { replaceIndex, wholeIndex } from './runner/whole-index.ts'
import { type ShardDetails, type ShardInfo, shardInfo } from './shard-info.ts'
import type { VerifyOptions, VerifyReport } from './verify/report.ts'
import { verifyShard } from './verify/verify.ts'
import type { WhyReport } from './why/report.ts'
import { why } from './why/why.ts'

export type OpenedParts = Omit<StoreParts, 'building' | 'retryPlan' | 'noteRetry' | 'noteUnfinished' | 'noteIndexed' | 'takeOver' | 'deleting' | 'tasks' | 'letGo' | 'letGoIndex' | 'isPinned' | 'heldBack' | 'countIgnored' | 'wholeIndex' | 'replaceIndex'> & {
  readonly maxOpenShards: number
  readonly maxConcurrentIndexing: number
  readonly random: Random
  readonly retry: RetrySettings
  /** A rebuild of the top-level index that an earlier process has left. */
  readonly rebuilding: RebuildNote | undefined
  readonly events: EventHub<DagstoreEvent>
  /** `undefined`: no checks. */
  readonly doctor: DoctorSettings | undefined
  /** Called last. */
  readonly closeState: () => Promise<void>
}

interface LeaseOptions extends CallOptions { readonly registerAs?: string | undefined, readonly urgent?: boolean }

export class Store implements Dagstore {
  readonly blockstore: CrossShardBlockstore
  readonly #parts: StoreParts
  readonly #runners: Runners
  readonly #cache: LeaseCache
  readonly #indices: IndexViews
  readonly #finder: CandidateFinder
  readonly #crossShard: CrossShardParts
  readonly #bulk: Bulk
  readonly #events: EventHub<DagstoreEvent>
  readonly #closeState: () => Promise<void>
  readonly #closing: AbortController = new AbortController()
  #ignored = 0
  #closed: Promise<void> | undefined

  constructor ({ maxOpenShards, maxConcurrentIndexing, random, retry, closeState, rebuilding, events, doctor, ...opened }: OpenedParts) {
    this.#events = events
    this.#closeState = closeState
    this.#parts = {
      ...opened,
      building: measuredLimiter(createLimiter(maxConcurrentIndexing), opened.metrics, opened.clock),
      retryPlan: () => ({ ...retry, now: opened.clock.now(), draw: drawFrom(random) }),
      noteRetry: (at) => { retries.note(at) },
      noteUnfinished: () => { unfinished.note() },
      takeOver: async (key) => {
        const taking = takeOver(this.#runners, opened.transients, key, this.#closing.signal)
        this.#parts.tasks.add(taking)
        return taking
      },
      noteIndexed: (shardNumber) => { commits.note(shardNumber) },
      wholeIndex: (key, source, options) => wholeIndex(this.#runners.target(key), source, options),
      replaceIndex: (key, delayMs) => { this.#parts.tasks.add(this.#replaceIndex(key, delayMs)) },
      deleting: createKeyLock(),
      tasks: new Tasks(),
      letGo: (key) => { void this.#cache.drop(key) },
      letGoIndex: (key, generation) => this.#indices.drop(key, generation),
      isPinned: (key, garbage) => this.#runners.pins(key, garbage),
      heldBack: (key) => this.#runners.heldBack(key),
      countIgnored: () => ++this.#ignored,
    }
    this.#runners = new Runners(this.#parts)
    const commits = new CommitWatch()
    const retries = new Retries({ ...opened, atATime: maxConcurrentIndexing, pauseMs: retry.baseMs, retry: (key) => this.#runners.goOn(key, 'retry') })
    const unfinished = new Unfinished({ ...opened, pauses: retry, resume: (key) => this.#runners.goOn(key, 'resume') })
    this.#cache = new SharedCache(({ key }, options) => this.#lease(key, options), ({ key }) => key, maxOpenShards, () => opened.transients.waiting === 0)
    const held = (key: string, generation: number): IndexView | undefined => {
      const lease = this.#cache.at({ key, number: 0 })
      return lease?.indexGeneration === generation ? lease.index : undefined
    }
    this.#indices = createIndexViews({ ...opened, held }, Math.ceil(maxOpenShards / 4))
    this.#finder = createCandidateFinder(opened.top, opened.catalogue)
    this.#crossShard = {
      finder: this.#finder,
      leases: this.#cache,
      ailing: createRecentFailures(opened.clock),
      commits,
      unindexed: () => opened.catalogue.unindexed + this.#bulk.unlisted,
      hashes: opened.hashes,
      indexed: (options) => indexedShards(opened.catalogue, options),
      checkOpen: () => {
        if (this.#closed !== undefined) throw new BlockstoreError('BLOCKSTORE_CLOSED', 'store is closed', { cause: this.#closing.signal.reason })
      },
    }
    this.blockstore = createCrossShardBlockstore(this.#crossShard)
    this.#bulk = createBulk({
      parts: this.#parts, runners: this.#runners, closing: this.#closing.signal, check: (key) => { this.#check(key) },
      register: (key, url, options) => this.register(key, url, options), initialize: (key, options) => this.initialize(key, options),
    }, rebuilding)
    const { signal } = this.#closing
    // what the last process left: its garbage, then what it had not finished
    this.#parts.tasks.add(collectAll(this.#parts, signal).then(() => unfinished.run(signal)))
    if (doctor !== undefined) this.#parts.tasks.add(runDoctor({ ...this.#parts, acquire: this.#inBackground }, doctor, signal))
    this.#parts.tasks.add(this.#bulk.goOn())
    this.#parts.tasks.add(retries.run(signal))
  }

  async register (key: string, mountUrl: string, { indexing = 'lazy', localCopy, signal }: RegisterOptions = {}): Promise<ShardInfo> {
    this.#check(key)
    const { url } = this.#parts.mounts.resolve(mountUrl)
    const info = await callShard(this.#runners.target(key), infoCall(), (waiter) => ({ type: 'register', waiter, url, eager: indexing === 'eager', localCopy }), { signal })
    if (localCopy !== undefined) await abortable(this.#parts.takeOver(key), this.#leaving(signal))
    return present(localCopy === undefined ? info : await this.shard(key), key)
  }

  async acquire (key: string, { noDownload = false, registerAs, priority = 'interactive', signal }: AcquireOptions = {}): Promise<ShardLease> {
    this.#check(key)
    const url = registerAs === undefined ? undefined : this.#parts.mounts.resolve(registerAs).url
    if (noDownload && !this.#runners.isOpen(key)) await this.#checkLocal(key, url, signal)
    this.#check()
    return this.#timed(this.#lease(key, { registerAs: url, urgent: priority === 'interactive', signal }))
  }

  async initialize (key: string, { signal }: CallOptions = {}): Promise<ShardInfo> {
    this.#check(key)
    return present(await callShard(this.#runners.target(key), infoCall(), (waiter) => ({ type: 'initialize', waiter }), { signal }), key)
  }

  async refresh (key: string, { mount, signal }: RefreshOptions = {}): Promise<ShardInfo> {
    this.#check(key)
    const url = mount === undefined ? undefined : this.#parts.mounts.resolve(mount).url
    return present(await callShard(this.#runners.target(key), infoCall(), (waiter) => ({ type: 'refresh', waiter, url }), { signal }), key)
  }

  async recover (key: string, { signal }: CallOptions = {}): Promise<ShardInfo> {
    this.#check(key)
    return present(await callShard(this.#runners.target(key), infoCall(), (waiter) => ({ type: 'recover', waiter }), { signal }), key)
  }

  async destroy (key: string, { mode = 'drain', signal }: DestroyOptions = {}): Promise<void> {
    this.#check(key)
    await callShard(this.#runners.target(key), infoCall(), (waiter) => ({ type: 'destroy', waiter, force: mode === 'force' }), { signal })
  }

  async shard (key: string, { signal }: CallOptions = {}): Promise<ShardDetails | undefined> {
    this.#check(key)
    signal?.throwIfAborted()
    const stored = await this.#parts.catalogue.get(key)
    const findings = await findingsOf(this.#parts.catalogue, key, stored?.record.index?.shardNumber)
    signal?.throwIfAborted()
    const info = this.#infoOf(key, stored)
    return info === undefined ? undefined : { ...info, findings }
  }

  async * shards ({ health, unindexed = false, after, signal }: ShardQuery = {}): AsyncGenerator<ShardInfo, void, undefined> {
    if (unindexed) {
      yield * this.#unindexed({ health, after, signal })
      return
    }
    for await (const stored of listRecords(this.#parts.catalogue, { after, state: health, before: () => { this.#check(); signal?.throwIfAborted() } })) {
      const info = this.#infoOf(stored.key, stored)
      if (info !== undefined && (health === undefined || info.health === health)) yield info
    }
  }

  async * #unindexed ({ health, after, signal }: ShardQuery): AsyncGenerator<ShardInfo, void, undefined> {
    const { catalogue } = this.#parts
    const before = (): void => { this.#check(); signal?.throwIfAborted() }
    let found = 0
    for (const state of ['new', 'initializing', 'available'] as const) {
      // all that are available are looked at only where some of them are known to wait
      if (state === 'available' && after === undefined && catalogue.unindexed <= found) return
      for await (const stored of listRecords(catalogue, { after, state, before })) {
        if (state !== 'available') found++
        else if (stored.record.index?.foreign !== true) continue
        const info = this.#infoOf(stored.key, stored)
        if (info?.health === state && (health === undefined || health === state)) yield info
      }
    }
  }

  async find (multihash: Uint8Array, { limit = Number.MAX_SAFE_INTEGER, signal }: FindShardsOptions = {}): Promise<readonly string[]> {
    this.#check()
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`limit out of range; got=${limit}`)
    return findShards({ catalogue: this.#parts.catalogue, finder: this.#finder, indices: this.#indices, check: () => { this.#check() } }, multihash, limit, signal)
  }

  registerMany (items: Iterable<RegisterItem> | AsyncIterable<RegisterItem>, options?: BulkOptions): AsyncGenerator<RegisterOutcome, void, undefined> { return this.#bulk.registerMany(items, options) }
  initializeAll (options?: InitializeAllOptions): AsyncGenerator<InitializeOutcome, void, undefined> { return this.#bulk.initializeAll(options) }
  gc (options?: GcOptions): Promise<GcReport> { return this.#bulk.gc(options) }
  exportShards (options?: CallOptions): AsyncGenerator<Uint8Array, void, undefined> { return this.#bulk.exportShards(options) }
  importShards (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options?: BulkOptions): AsyncGenerator<ImportOutcome, void, undefined> { return this.#bulk.importShards(chunks, options) }
  rebuildTopLevelIndex (options?: BulkOptions): Promise<RebuildReport> { return this.#bulk.rebuildTopLevelIndex(options) }
  exportIndices (directory: Directory, options?: BulkOptions): AsyncGenerator<ExportIndexOutcome, void, undefined> { return this.#bulk.exportIndices(directory, options) }
  adoptIndices (directory: Directory, options?: AdoptIndicesOptions): AsyncGenerator<AdoptIndexOutcome, void, undefined> { return this.#bulk.adoptIndices(directory, options) }

  createSession (): CrossShardBlockstore { return createCrossShardBlockstore(this.#crossShard, { shard: undefined }) }

  why (cid: AnyCid | string, { signal }: CallOptions = {}): Promise<WhyReport> {
    const parts = { ...this.#parts, finder: this.#finder, unindexed: () => this.#parts.catalogue.unindexed, healthOf: (key: string) => this.#runners.info(key)?.health }
    return this.#work(signal, (both) => why(parts, cid, { signal: both }))
  }

  verify (key: string, options: VerifyOptions = {}): Promise<VerifyReport> {
    return this.#work(options.signal, (signal) => {
      this.#check(key)
      return verifyShard({ ...this.#parts, acquire: this.#inBackground }, key, { ...options, signal })
    })
  }

  doctorFindings (query: FindingsQuery = {}): AsyncIterable<FindingsOf> { return listFindings(this.#parts.catalogue, query, () => { this.#check() }) }

  events (options?: EventsOptions): AsyncIterable<DagstoreEvent> { return this.#events.subscribe(options) }

  close (): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  /** Leases that are kept only for speed are given back. */
  letGoIdle (): void { this.#cache.dropIdle() }

  async #close (): Promise<void> {
    this.#closing.abort(new DagstoreError('DAGSTORE_CLOSED', 'store is closed'))
    this.#runners.close()
    try {
      await Promise.all([this.#cache.clear(), this.#indices.clear()])
      await this.#parts.tasks.idle()
      await this.#parts.transients.close()
    } finally {
      await this.#closeState().finally(() => { this.#events.close() })
    }
  }

  /** For work that looks at a whole shard: with an index of ours. */
  readonly #inBackground = async (key: string, signal: AbortSignal): Promise<ShardLease> => {
    const lease = await this.acquire(key, { priority: 'background', signal })
    if (!isForeign(lease)) return lease
    await lease.close()
    await this.initialize(key, { signal })
    return this.acquire(key, { priority: 'background', signal })
  }

  async #timed (acquiring: Promise<ShardLease>): Promise<ShardLease> {
    const { clock, metrics } = this.#parts
    const since = clock.monotonic()
    let outcome = 'failed'
    try {
      const lease = await acquiring
      outcome = 'ok'
      return lease
    } finally {
      metrics.observe('acquire.ms', clock.monotonic() - since, { outcome })
    }
  }

  async #replaceIndex (key: string, delayMs: number): Promise<void> {
    const { signal } = this.#closing
    try {
      if (delayMs > 0) await this.#parts.clock.sleep(delayMs, { signal })
      await replaceIndex(this.#runners.target(key), {})
    } catch (error) {
      if (!signal.aborted && codeOf(error) !== 'DAGSTORE_SHARD_DESTROYED' && codeOf(error) !== 'DAGSTORE_SHARD_UNKNOWN') this.#parts.emit({ type: 'postponed', key, error })
    }
  }

  /** Work for a caller; it ends with the store at the latest, and closing waits for it. */
  async #work<T> (signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#check()
    const both = this.#leaving(signal)
    both.throwIfAborted()
    const done = run(both)
    this.#parts.tasks.add(done.then(() => {}))
    return abortable(done, both)
  }

  /** Fires when the caller leaves or the store is closed; one for each call, since many listeners of one would be taken for a leak. */
  #leaving (signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any(signal === undefined ? [this.#closing.signal] : [signal, this.#closing.signal])
  }

  #lease (key: string, { registerAs, urgent = true, signal }: LeaseOptions): Promise<ShardLease> {
    return callShard(this.#runners.target(key), leaseCall(), (waiter) => ({ type: 'acquire', waiter, registerAs, urgent }), { signal })
  }

  /** @throws {DagstoreError} `DAGSTORE_CLOSED`, `DAGSTORE_BAD_KEY` */
  #check (key?: string): void {
    if (this.#closed !== undefined) throw new DagstoreError('DAGSTORE_CLOSED', 'store is closed')
    if (key === undefined) return
    try {
      encodeKey(key)
    } catch (cause) {
      throw new DagstoreError('DAGSTORE_BAD_KEY', 'bad shard key; want=Unicode text of 1 to 512 bytes', { cause, key })
    }
  }

  #infoOf (key: string, stored: StoredRecord | undefined): ShardInfo | undefined {
    return this.#runners.info(key) ?? (stored === undefined ? undefined : shardInfo(key, stored.record))
  }

  /** Bytes with random access are read where they are; of the others there must be a copy. */
  async #checkLocal (key: string, registerAs: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { catalogue, mounts, transients } = this.#parts
    const stored = await catalogue.get(key)
    const url = stored?.record.url ?? registerAs
    if (url === undefined) throw new DagstoreError('DAGSTORE_SHARD_UNKNOWN', `no such shard; key=${key}`, { key })
    const { access } = await abortable(mounts.resolve(url).stat({ signal }), this.#leaving(signal))
    if (access === 'random') return
    const generation = stored?.record.dataGeneration ?? 0
    if (generation > 0 && await transients.has({ key, generation })) return
    throw new DagstoreError('DAGSTORE_NOT_LOCAL', `shard would have to be fetched first; key=${key}`, { key })
  }
}

const present = (info: ShardInfo | undefined, key: string): ShardInfo => {
  if (info !== undefined) return info
  throw new DagstoreError('DAGSTORE_SHARD_UNKNOWN', `no such shard; key=${key}`, { key })
}
