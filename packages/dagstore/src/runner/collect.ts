/** Deleting what the store made and nothing needs any more. Each step may be repeated. */
import { IndexRepoError } from '@dagstore/index-repo'
import { shardNumber } from '@dagstore/top-level-index'
import type { ListedGarbage } from '../catalogue/shard-catalogue.ts'
import { dataGarbage, FIRST, type Garbage, indexGarbage, type ShardRecord } from '../machine/index.ts'
import type { StoreParts } from './parts.ts'

/** On return it is gone for good. Sources of mounts are never touched: only names that the store gave out are removed. */
export const discard = async ({ top, repo, transients, letGoIndex }: StoreParts, key: string, garbage: Garbage): Promise<void> => {
  if (garbage.kind === 'data') return transients.remove(key, garbage.generation)
  await top.retire(shardNumber(garbage.shardNumber))
  await letGoIndex(key, garbage.generation)
  await repo.remove(key, garbage.generation)
}

/** What has become of a piece of garbage. */
export interface Collected {
  readonly garbage: Garbage
  /** Of its file; 0 where nobody asked. */
  readonly bytes: number
  /** It is still there. */
  readonly error: unknown
}

interface CollectOptions {
  /** Delete nothing. */
  readonly dryRun?: boolean
  /** Whoever wants to know. */
  readonly tell?: (collected: Collected) => void
}

/** Collect the garbage of one shard, but for what open sessions use; failures are reported and left for later. */
export const collect = (parts: StoreParts, key: string, { dryRun = false, tell }: CollectOptions = {}): Promise<void> => parts.deleting(key, async () => {
  const done: ListedGarbage[] = []
  try {
    // listed in its turn: after a destruction the same names may be those of another shard
    for await (const item of parts.catalogue.garbage(key)) {
      const { garbage } = item
      if (parts.isPinned(key, garbage)) continue
      let bytes = 0
      try {
        if (tell !== undefined && garbage.kind === 'index') bytes = await indexBytes(parts, key, garbage.generation)
        if (!dryRun) {
          await discard(parts, key, garbage)
          done.push(item)
        }
        tell?.({ garbage, bytes, error: undefined })
      } catch (error) {
        parts.emit({ type: 'postponed', key, error })
        tell?.({ garbage, bytes, error })
      }
    }
    if (done.length > 0) await parts.catalogue.forget(done)
  } catch (error) {
    parts.emit({ type: 'postponed', key, error })
  }
})

/** Length of an index file; 0: there is none. */
export const indexBytes = async ({ repo }: StoreParts, key: string, generation: number): Promise<number> => {
  try {
    const source = await repo.open(key, generation)
    await source.close()
    return source.sizeBytes
  } catch (error) {
    if (error instanceof IndexRepoError && error.code === 'INDEX_MISSING') return 0
    throw error
  }
}

/** The same for all shards, one after another. */
export const collectAll = async (parts: StoreParts, signal: AbortSignal): Promise<void> => {
  const keys = new Set<string>()
  try {
    for await (const { key } of parts.catalogue.garbage(undefined)) keys.add(key)
  } catch (error) {
    parts.emit({ type: 'postponed', key: undefined, error })
  }
  for (const key of keys) {
    if (signal.aborted) return
    await collect(parts, key)
  }
}

/** All that the store made for a shard. The record is removed by the machine, afterwards. */
export const cleanJob = (parts: StoreParts, key: string, record: ShardRecord, signal: AbortSignal): Promise<void> => parts.deleting(key, async () => {
  for (const generation of [record.index, record.building]) if (generation !== undefined) await discard(parts, key, indexGarbage(generation))
  const given = record.localCopy === undefined ? 0 : FIRST
  for (const generation of new Set([record.dataGeneration, record.refresh?.dataGeneration ?? 0, given])) {
    if (generation > 0) await discard(parts, key, dataGarbage(generation))
  }
  if (record.failure?.code === 'DAGSTORE_BAD_RECORD') await cleanByName(parts, key, signal)
  const rest: ListedGarbage[] = []
  for await (const item of parts.catalogue.garbage(key)) {
    signal.throwIfAborted()
    await discard(parts, key, item.garbage)
    rest.push(item)
  }
  if (rest.length > 0) await parts.catalogue.forget(rest)
})

/** The record cannot say what there is: look at every index file, every number and every copy. */
const cleanByName = async ({ catalogue, top, repo, transients, letGoIndex }: StoreParts, key: string, signal: AbortSignal): Promise<void> => {
  for (const number of await catalogue.numbersOf(key)) await top.retire(shardNumber(number))
  for await (const stored of repo.list({ signal })) {
    if (stored.key !== key) continue
    await letGoIndex(key, stored.generation)
    await repo.remove(key, stored.generation)
  }
  const { failures } = await transients.collect({ signal, keep: ({ key: owner }) => owner !== key })
  if (failures[0] !== undefined) throw failures[0].error
}
