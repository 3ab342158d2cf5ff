/** Which shards hold a block, and which are indexed at all. */
import type { CallOptions } from '@dagstore/io'
import { listRecords } from '../catalogue/list-records.ts'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'
import type { Candidate, CandidateFinder } from './candidates.ts'
import type { IndexViews } from './index-views.ts'

export interface FindParts {
  readonly catalogue: ShardCatalogue
  readonly finder: CandidateFinder
  readonly indices: IndexViews
  /** @throws {DagstoreError} `DAGSTORE_CLOSED` */
  readonly check: () => void
}

/** Keys of shards whose own index has the block, each once. One whose index cannot be read now may hold it, so it counts. */
export const findShards = async (parts: FindParts, multihash: Uint8Array, limit: number, signal: AbortSignal | undefined): Promise<string[]> => {
  const keys = new Set<string>()
  for await (const shard of parts.finder.candidates(multihash, { signal })) {
    if (!keys.has(shard.key) && await mayHold(parts, shard.key, multihash, signal)) keys.add(shard.key)
    if (keys.size === limit) break
  }
  return [...keys]
}

/** By the shard's own index file; the mount is not needed. */
const mayHold = async ({ catalogue, indices, check }: FindParts, key: string, multihash: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> => {
  const record = (await catalogue.get(key))?.record
  check()
  const index = record?.index
  if (index === undefined || record?.destroying === true) return false
  try {
    return await indices.holds(key, index.generation, multihash, { signal })
  } catch {
    signal?.throwIfAborted()
    return true
  }
}

/** By key. One that is being rebuilt is among them, and waited for when its turn comes: nothing else would list its blocks. */
export async function * indexedShards (catalogue: ShardCatalogue, { signal }: CallOptions): AsyncGenerator<Candidate, void, undefined> {
  for await (const { key, record } of listRecords(catalogue, { before: () => { signal?.throwIfAborted() } })) {
    if (record.index !== undefined && !record.destroying) yield { key, number: record.index.shardNumber }
  }
}
