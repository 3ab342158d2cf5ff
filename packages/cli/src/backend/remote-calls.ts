/** The calls of the shard commands, answered by a daemon. */
import type { AdoptIndexOutcome, ExportIndexOutcome, ShardInfo } from '@dagstore/dagstore'
import type { DagstoreShard, LotusApi, ShardState } from '@dagstore/lotus-api'
import { codeOf } from '../failure.ts'
import { batches } from './remote-batches.ts'
import { readErrorText } from './remote-error.ts'
import { importRemotely } from './remote-import.ts'
import { toFinding, toGcReport, toShardDetails, toShardInfo, toVerifyReport, toWhyReport } from './remote-shapes.ts'
import { STATES } from './shard-states.ts'
import type { AddOutcome, ListedShard, ShardCalls } from './shard-backend.ts'

/** Of one page, and of one call of `DagstoreAdd`. */
const PAGE = 1000
const GROUP = 256

export const remoteCalls = (api: LotusApi): ShardCalls => ({
  register: async (key, mountUrl, { indexing, signal } = {}) => {
    const [result] = await api.DagstoreAdd([{ Key: key, MountURL: mountUrl, Eager: indexing === 'eager' }], { signal })
    const outcome = result === undefined ? undefined : addOutcome(result)
    if (outcome?.ok === true) return outcome.info
    throw outcome === undefined ? new TypeError('no result for the shard') : outcome.error
  },
  registerMany: async function * (items, { signal } = {}) {
    for await (const group of batches(items, GROUP)) {
      const results = await api.DagstoreAdd(group.map(({ key, mountUrl, indexing }) => ({ Key: key, MountURL: mountUrl, Eager: indexing === 'eager' })), { signal })
      for (const result of results) yield addOutcome(result)
    }
  },
  initialize: async (key, { signal } = {}) => toShardInfo(await api.DagstoreEnsureShard(key, { signal })),
  initializeAll: ({ concurrency, includeSealed, signal }) => api.DagstoreInitializeAll({ MaxConcurrency: concurrency, IncludeSealed: includeSealed }, { signal }),
  refresh: async (key, { mount, signal } = {}) => toShardInfo(await api.DagstoreRefreshShard(key, mount, { signal })),
  recover: (key, { signal } = {}) => api.DagstoreRecoverShard(key, { signal }),
  destroy: (key, { mode, signal } = {}) => api.DagstoreDestroyShard(key, mode === 'force', { signal }),
  shard: async (key, { signal } = {}) => {
    const shard = await api.DagstoreShardInfo(key, { signal })
    return shard === null ? undefined : toShardDetails(shard)
  },
  shards: async function * ({ health, signal } = {}): AsyncGenerator<ShardInfo, void, undefined> {
    // what is available may be in use: two states of Lotus's
    const state = health === undefined || health === 'available' ? undefined : STATES[health]
    for await (const shard of pages(api, state, signal)) {
      const info = toShardInfo(shard)
      if (health === undefined || info.health === health) yield info
    }
  },
  listed: async function * ({ state, signal }) {
    try {
      for await (const { Key, State, Error } of pages(api, state, signal)) yield { Key, State, Error }
    } catch (error) {
      // a node of Lotus, which has no pages: the first call is refused
      if (codeOf(error) !== 'RPC_UNKNOWN_METHOD') throw error
      for (const shard of await api.DagstoreListShards({ signal })) if (state === undefined || shard.State === state) yield shard
    }
  },
  holders: async function * (cid, { signal } = {}): AsyncGenerator<ListedShard, void, undefined> { yield * await api.DagstoreLookupPieces(cid, { signal }) },
  unindexed: (cid, { signal } = {}) => api.DagstoreUnindexed(cid, { signal }),
  why: async (cid, { signal } = {}) => toWhyReport(await api.DagstoreWhy(cid, { signal })),
  verify: async (key, { mode, seed, signal, onProgress } = {}) => {
    const how = { Mode: mode, Seed: seed }
    try {
      for await (const { DoneBytes, TotalBytes, Report } of onProgress === undefined ? [] : api.DagstoreVerifyShardProgress(key, how, { signal })) {
        if (Report !== null) return toVerifyReport(Report)
        onProgress?.({ doneBytes: DoneBytes, totalBytes: TotalBytes ?? undefined })
      }
    } catch (error) {
      // an older daemon tells how it ended, and nothing meanwhile
      if (codeOf(error) !== 'RPC_UNKNOWN_METHOD') throw error
    }
    return toVerifyReport(await api.DagstoreVerifyShard(key, how, { signal }))
  },
  doctorFindings: async function * ({ signal } = {}) {
    for (let after: string | undefined; ;) {
      const { Shards, Next } = await api.DagstoreListFindings({ After: after, Limit: PAGE }, { signal })
      for (const { Key, Findings } of Shards) yield { key: Key, findings: Findings.map(toFinding) }
      if (Next === null) return
      after = Next
    }
  },
  gc: async ({ dryRun = false, signal } = {}) => toGcReport(await api.DagstoreCollectGarbage(dryRun, { signal })),
  rebuildTopLevelIndex: async ({ signal } = {}) => {
    const { Shards, Entries, Failures } = await api.DagstoreRebuildIndex({ signal })
    return { shards: Shards, entries: Entries, failures: Failures.map(({ Key, Error }) => ({ key: Key, error: readErrorText(Error) })) }
  },
  exportShards: async function * ({ signal } = {}) {
    const encoder = new TextEncoder()
    for await (const part of api.DagstoreExportShards({ signal })) yield encoder.encode(part)
  },
  importShards: (chunks, { signal } = {}) => importRemotely(api, chunks, signal),
  exportIndices: async function * (folder, { signal } = {}): AsyncGenerator<ExportIndexOutcome, void, undefined> {
    for await (const { Key, Error, Name, SizeBytes } of api.DagstoreExportIndices(folder, { signal })) {
      yield Error === '' ? { key: Key, ok: true, name: Name, sizeBytes: SizeBytes } : { key: Key, ok: false, error: readErrorText(Error) }
    }
  },
  adoptIndices: async function * (folder, { signal } = {}): AsyncGenerator<AdoptIndexOutcome, void, undefined> {
    for await (const { Key, Error, Adopted, Entries } of api.DagstoreAdoptIndices(folder, { signal })) {
      yield Error === '' ? { key: Key, ok: true, adopted: Adopted, entries: Entries } : { key: Key, ok: false, error: readErrorText(Error) }
    }
  },
})

const addOutcome = ({ Key, Error, Shard }: Awaited<ReturnType<LotusApi['DagstoreAdd']>>[number]): AddOutcome =>
  Error === '' && Shard !== null ? { key: Key, ok: true, info: toShardInfo(Shard) } : { key: Key, ok: false, error: readErrorText(Error) }

const pages = async function * (api: LotusApi, state: ShardState | undefined, signal: AbortSignal | undefined): AsyncGenerator<DagstoreShard, void, undefined> {
  for (let after: string | undefined; ;) {
    const { Shards, Next } = await api.DagstoreQueryShards({ After: after, Limit: PAGE, State: state }, { signal })
    yield * Shards
    if (Next === null) return
    after = Next
  }
}
