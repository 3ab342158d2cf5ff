/** Questions about blocks, and about the store as a whole. */
import { toLotusState } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import type { LotusApi, ShardState } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { newsFromNow } from './news.ts'
import type { ShardParts } from './parts.ts'
import { counterOf, whyReportOf } from './report-wire.ts'
import { eventOf } from './shard-wire.ts'
import { whyOf } from './waiting.ts'

type StoreMethods = Pick<LotusApi, 'DagstoreWhy' | 'DagstoreUnindexed' | 'DagstoreStats' | 'DagstoreEvents'>

/** sha2-256 of nothing that anybody knows: asked for, it tells how many shards are not indexed. */
const NOWHERE = CID.createV1(0x55, digest.create(0x12, new Uint8Array(32)))

export const storeHandlers = (parts: ShardParts): StoreMethods => {
  const { dagstore, metrics, isWaiting = () => false } = parts
  const unindexed = async (cid: CID, options: CallOptions): Promise<number> => {
    if ((await dagstore.find(cid.multihash.bytes, { limit: 1, ...options })).length > 0) return 0
    try {
      await dagstore.blockstore.size(cid, options)
      return 0
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'BLOCKSTORE_NOT_FOUND') return 'unindexedShards' in error ? Number(error.unindexedShards) : 0
      throw error
    }
  }
  return {
    DagstoreWhy: async (cid, { signal } = {}) => whyReportOf(await whyOf(parts, cid, { signal })),
    DagstoreUnindexed: (cid, { signal } = {}) => unindexed(cid, { signal }),
    DagstoreStats: async ({ signal } = {}) => {
      const states: Partial<Record<ShardState, number>> = {}
      let [shards, leases, waiting] = [0, 0, 0]
      for await (const info of dagstore.shards({ signal })) {
        const state = toLotusState(info)
        states[state] = (states[state] ?? 0) + 1
        shards++
        leases += info.leases
        if (isWaiting(info)) waiting++
      }
      const { counters } = metrics?.snapshot() ?? { counters: [] }
      return { Shards: shards, States: states as Readonly<Record<string, number>>, Unindexed: await unindexed(NOWHERE, { signal }), Leases: leases, Waiting: waiting, Counters: counters.map(counterOf) }
    },
    DagstoreEvents: ({ Key } = {}, { signal } = {}) => newsFromNow(dagstore.events({ signal }), signal, (news) => {
      const event = eventOf(news)
      return event === undefined || Key === undefined || event.Type === 'dropped' || event.Key === Key ? event : undefined
    }),
  }
}
