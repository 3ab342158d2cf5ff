/** Work on many shards, as streams of steps. Source: lotus node/impl/storminer.go `DagstoreInitializeAll`, `DagstoreGC`. */
import type { Dagstore, ShardInfo } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import type { DagstoreInitializeAllEvent, LotusApi } from '@dagstore/lotus-api'
import { badParams, codeOf, errorText, refusal } from './failures.ts'
import { indexShard } from './index-shard.ts'
import { type ShardItem, type ShardStep, workOnShards } from './many-shards.ts'
import type { ShardParts } from './parts.ts'
import { pieceOfUrl } from './piece-key.ts'
import { garbageReportOf, rebuildReportOf, shardResultsOf } from './report-wire.ts'

type BulkMethods = Pick<LotusApi, 'DagstoreInitializeAll' | 'DagstoreRecoverAll' | 'DagstoreGC' | 'DagstoreCollectGarbage' | 'DagstoreRebuildIndex'>

export const bulkHandlers = ({ dagstore, isUnsealed }: ShardParts, notice: (text: string) => void): BulkMethods => {
  /** Looser: what is no piece is in no sector, so it is not sealed. */
  const ifUnsealed = ({ key, mountUrl }: ShardInfo): ShardItem => {
    const piece = pieceOfUrl(mountUrl)
    if (piece === undefined || isUnsealed === undefined) return { key }
    return { key, isWanted: async (options) => {
      let why = 'only sealed copies are known'
      try {
        if (await isUnsealed(piece, options)) return true
      } catch (error) {
        options.signal?.throwIfAborted()
        why = errorText(error)
      }
      notice(`initialize-all leaves a shard out; key=${key} why=${why}`)
      return false
    } }
  }
  return {
    DagstoreInitializeAll: ({ MaxConcurrency, IncludeSealed }, { signal } = {}) => {
      checkConcurrency(MaxConcurrency)
      if (!IncludeSealed && isUnsealed === undefined) throw refusal('sector accessor not available on this node', undefined, 'RPC_UNAVAILABLE')
      const choose = async (): Promise<readonly ShardItem[]> => {
        // one that is begun meanwhile is listed twice. Looser: what is being indexed already is waited for
        const items = new Map<string, ShardItem>()
        for await (const info of dagstore.shards({ unindexed: true, signal })) if (!info.destroying) items.set(info.key, IncludeSealed ? { key: info.key } : ifUnsealed(info))
        return [...items.values()]
      }
      return steps(choose, (key, options) => indexShard(dagstore, key, options), MaxConcurrency, signal)
    },
    DagstoreRecoverAll: (maxConcurrency = 0, code, { signal } = {}) => {
      checkConcurrency(maxConcurrency)
      const choose = async (): Promise<readonly ShardItem[]> => {
        const items: ShardItem[] = []
        for await (const { key, error, destroying } of dagstore.shards({ health: 'errored', signal })) if (!destroying && (code === undefined || error?.code === code)) items.push({ key })
        return items
      }
      return steps(choose, (key, options) => recover(dagstore, key, options), maxConcurrency, signal)
    },
    DagstoreGC: async ({ signal } = {}) => {
      try {
        return shardResultsOf(await dagstore.gc({ signal }))
      } catch (error) {
        signal?.throwIfAborted()
        throw refusal('failed to gc', error)
      }
    },
    DagstoreCollectGarbage: async (dryRun, { signal } = {}) => garbageReportOf(await dagstore.gc({ dryRun, signal })),
    DagstoreRebuildIndex: async ({ signal } = {}) => rebuildReportOf(await dagstore.rebuildTopLevelIndex({ signal })),
  }
}

const checkConcurrency = (value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0) throw badParams(`concurrency; want=0 or more got=${value}`)
}

async function * steps (
  choose: () => Promise<readonly ShardItem[]>, work: (key: string, options: CallOptions) => Promise<unknown>, concurrency: number, signal: AbortSignal | undefined
): AsyncGenerator<DagstoreInitializeAllEvent, void, undefined> {
  signal?.throwIfAborted()
  for await (const step of workOnShards(await choose(), work, { concurrency, signal })) yield eventOf(step)
}

const eventOf = ({ key, event, error, current, total }: ShardStep): DagstoreInitializeAllEvent =>
  ({ Key: key, Event: event, Success: event === 'end' && error === undefined, Error: errorText(error), Total: total, Current: current })

/** What the store tries again by itself meanwhile is waited for, and what it has recovered is well. */
const recover = async (dagstore: Pick<Dagstore, 'recover' | 'initialize'>, key: string, options: CallOptions): Promise<void> => {
  try {
    await dagstore.recover(key, options)
  } catch (error) {
    if (codeOf(error) !== 'DAGSTORE_NOT_ERRORED') throw error
    await dagstore.initialize(key, options)
  }
}
