/**
 * Indices of a Go DAG store for shards that were never indexed. They have no trailer, so nothing says that they are of the
 * bytes that the mount has, or list all of these: what they find is compared with its section, and a lease that opens one has
 * an index of ours built behind it.
 */
import { type IndexView, MULTIHASH_INDEX_SORTED, openIndex, standardIndex } from '@dagstore/carv2'
import type { ByteSource, Directory } from '@dagstore/io'
import { shardNumber } from '@dagstore/top-level-index'
import { DagstoreError } from '../errors.ts'
import { FIRST, type Garbage, type ShardRecord } from '../machine/index.ts'
import { collect } from '../runner/collect.ts'
import { multihashesOf } from '../runner/multihashes.ts'
import { checkVersion, flatName, keyOfFlatName } from './flat-index-folder.ts'
import { type BulkOptions, type BulkParts, isFatal, leaving, task } from './parts.ts'

export interface AdoptIndicesOptions extends BulkOptions {
  /** Of these shards alone, in this order; the folder is not listed. @default of all files in the folder */
  readonly keys?: readonly string[] | undefined
}

export type AdoptIndexOutcome =
  /** `adopted`: false where the shard has an index, is being indexed, or has failed before. `entries`: of the index; 0 where it is not adopted. */
  | { readonly key: string, readonly ok: true, readonly adopted: boolean, readonly entries: number }
  | { readonly key: string, readonly ok: false, readonly error: unknown }

export async function * adoptIndices (bulk: BulkParts, directory: Directory, { keys: only, signal, onProgress }: AdoptIndicesOptions): AsyncGenerator<AdoptIndexOutcome, void, undefined> {
  const leave = leaving(bulk, signal)
  leave.throwIfAborted()
  await checkVersion(directory, { signal: leave })
  const keys = only ?? (await directory.list('')).flatMap(({ name, kind }) => (kind === 'file' ? keyOfFlatName(name) : undefined) ?? [])
  let done = 0
  let failed = 0
  for (const key of keys) {
    leave.throwIfAborted()
    const outcome = await task(bulk, leave, () => adopt(bulk, directory, key, leave))
    done++
    if (!outcome.ok) failed++
    onProgress?.({ done, failed, total: keys.length })
    yield outcome
  }
}

const adopt = async (bulk: BulkParts, directory: Directory, key: string, signal: AbortSignal): Promise<AdoptIndexOutcome> => {
  const { parts, check } = bulk
  try {
    check(key)
    const stored = await parts.catalogue.get(key)
    if (stored === undefined) throw new DagstoreError('DAGSTORE_SHARD_UNKNOWN', `no such shard; key=${key}`, { key })
    if (!isNew(stored.record)) return { key, ok: true, adopted: false, entries: 0 }
    const source = await directory.openSource(flatName(key), { signal })
    try {
      await using view = await openIndex(source, { signal })
      // nothing collects what is reserved here before it has its place
      const adopted = await parts.deleting(key, () => place(bulk, key, source, view, signal))
      if (!adopted) await collect(parts, key)
      return { key, ok: true, adopted, entries: adopted ? view.facts.entryCount : 0 }
    } finally {
      await source.close()
    }
  } catch (error) {
    if (isFatal(error, signal)) throw error
    await collect(parts, key)
    return { key, ok: false, error }
  }
}

/** It was never indexed, and is to stay. */
const isNew = ({ health, destroying }: ShardRecord): boolean => health === 'new' && !destroying

/** Write the file and publish its entries under a generation and a number that are garbage until the record names them. */
const place = async ({ parts, runners }: BulkParts, key: string, source: ByteSource, view: IndexView, signal: AbortSignal): Promise<boolean> => {
  const { catalogue, repo, top } = parts
  const reserved = await runners.visit(key, async ({ stored, resting, commit }): Promise<Extract<Garbage, { kind: 'index' }> | undefined> => {
    const record = stored?.record
    if (record === undefined || !resting || !isNew(record)) return undefined
    const garbage = { kind: 'index', generation: record.indexGeneration + 1, shardNumber: catalogue.takeNumber() } as const
    await commit({ record: { ...record, indexGeneration: garbage.generation }, garbage: [garbage] })
    return garbage
  })
  if (reserved === undefined) return false
  const { generation, shardNumber: number } = reserved
  await repo.remove(key, generation)
  await repo.write(key, generation, standardIndex(source, { signal }), { signal })
  // without codes of hash functions there are no multihashes; the shard counts as unindexed until it has an index of ours
  const multihashes = view.facts.codec === MULTIHASH_INDEX_SORTED ? multihashesOf(view, { signal }) : []
  await top.publish(shardNumber(number), multihashes, { signal })
  return runners.visit(key, async ({ stored, resting, commit }) => {
    const record = stored?.record
    if (record === undefined || !resting || !isNew(record)) return false
    const first = Math.max(FIRST, record.dataGeneration)
    await commit({
      record: {
        ...record, health: 'available', dataGeneration: first, lastDataGeneration: Math.max(first, record.lastDataGeneration),
        index: { generation, shardNumber: number, foreign: true },
      },
      garbage: [],
    })
    return true
  })
}
