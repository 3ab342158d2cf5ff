/** Giving back what nothing needs: copies, what replaced indices left, files that no record names. */
import type { StoredIndex } from '@dagstore/index-repo'
import type { StoredRecord } from '../catalogue/record-codec.ts'
import { collect, type Collected, indexBytes } from '../runner/collect.ts'
import { shardNumber } from '@dagstore/top-level-index'
import { lostNumbers } from './lost-numbers.ts'
import { type BulkOptions, type BulkParts, leaving, listed, task } from './parts.ts'

export interface GcOptions extends BulkOptions {
  /** Say what would go, and do nothing. @default false */
  readonly dryRun?: boolean | undefined
}

export interface GcItem {
  /** `undefined`: of no shard, or nobody knows of which. */
  readonly key: string | undefined
  /**
   * `transient`: a copy of a sequential mount that nobody reads; it is fetched again when it is needed. `index`: of a replaced
   * or abandoned build. `orphan`: a file of ours, or a number in the top-level index, that no record names. `entries`: of what
   * is retired there.
   */
  readonly kind: 'transient' | 'index' | 'entries' | 'orphan'
  /** Of the file, in the folder of its kind; for `entries`, how many they are; a dry run does not count those of what it would retire. */
  readonly name: string
  /** 0 where nobody knows. */
  readonly bytes: number
  /** It is still there. */
  readonly error?: unknown
}

export interface GcReport {
  readonly items: readonly GcItem[]
  /** Of the items without an error; in a dry run, that would be reclaimed. */
  readonly reclaimedBytes: number
  /** Items with an error. */
  readonly failures: number
  /** Records that could not be read: while there are any, no file counts as an orphan. */
  readonly unreadRecords: number
}

/** @param rebuilding - shards that a rebuild of the top-level index has not done */
export const gc = async (bulk: BulkParts, rebuilding: () => number, { dryRun = false, signal, onProgress }: GcOptions): Promise<GcReport> => {
  const leave = leaving(bulk, signal)
  leave.throwIfAborted()
  return task(bulk, leave, async () => {
    const items: GcItem[] = []
    let failures = 0
    const add = (item: GcItem): void => {
      items.push(item)
      if (item.error !== undefined) failures++
      onProgress?.({ done: items.length, failed: failures, total: undefined })
    }
    let unreadRecords = 0
    for await (const { damaged } of listed(bulk, undefined, leave)) if (damaged) unreadRecords++
    await collectTransients(bulk, { dryRun, signal: leave, add, knowsAll: unreadRecords === 0 })
    await collectGarbage(bulk, { dryRun, signal: leave, add })
    if (unreadRecords === 0) await collectOrphans(bulk, { dryRun, signal: leave, add })
    if (unreadRecords === 0 && rebuilding() === 0) await retireLost(bulk, { dryRun, signal: leave, add })
    await purgeEntries(bulk, { dryRun, signal: leave, add })
    const reclaimedBytes = items.reduce((sum, { bytes, error }) => error === undefined ? sum + bytes : sum, 0)
    return { items, reclaimedBytes, failures, unreadRecords }
  })
}

interface Sweep {
  readonly dryRun: boolean
  readonly signal: AbortSignal
  readonly add: (item: GcItem) => void
}

const collectTransients = async ({ parts }: BulkParts, { dryRun, signal, add, knowsAll }: Sweep & { readonly knowsAll: boolean }): Promise<void> => {
  const { catalogue, transients } = parts
  const known = new Set<string>()
  const { items, failures } = await transients.collect({
    dryRun,
    signal,
    keep: async ({ key, name }) => {
      const stored = key === undefined ? undefined : await catalogue.get(key)
      if (stored === undefined || stored.damaged) return !knowsAll
      known.add(name)
      // what is lent takes no room of ours
      return stored.record.localCopy?.mode === 'borrow'
    },
  })
  for (const { key, name, bytes } of items) add({ key, kind: known.has(name) ? 'transient' : 'orphan', name, bytes })
  for (const { name, error } of failures) add({ key: undefined, kind: 'transient', name, bytes: 0, error })
}

/** What the catalogue says is to be deleted, and was not: somebody read it, or its deletion failed. */
const collectGarbage = async ({ parts }: BulkParts, { dryRun, signal, add }: Sweep): Promise<void> => {
  const keys = new Set<string>()
  for await (const { key } of parts.catalogue.garbage(undefined)) keys.add(key)
  for (const key of keys) {
    signal.throwIfAborted()
    const tell = ({ garbage, bytes, error }: Collected): void => {
      if (garbage.kind === 'data') return
      add({ key, kind: 'index', name: parts.repo.name(key, garbage.generation), bytes, ...(error === undefined ? {} : { error }) })
    }
    await collect(parts, key, { dryRun, tell })
  }
}

/** Index files that no record names. Each is looked at while its shard's machine stands still, so that no build is about to name it. */
const collectOrphans = async (bulk: BulkParts, { dryRun, signal, add }: Sweep): Promise<void> => {
  const { repo, catalogue } = bulk.parts
  for await (const file of repo.list({ signal })) {
    signal.throwIfAborted()
    const { key, generation, name } = file
    try {
      if (await isNamed(catalogue, file, await catalogue.get(key))) continue
      const bytes = await bulk.runners.visit(key, async ({ stored, resting }) => {
        // somebody uses the shard: the next time
        if (!resting || await isNamed(catalogue, file, stored)) return undefined
        const size = await indexBytes(bulk.parts, key, generation)
        if (!dryRun) await repo.remove(key, generation)
        return size
      })
      if (bytes !== undefined) add({ key, kind: 'orphan', name, bytes })
    } catch (error) {
      signal.throwIfAborted()
      add({ key, kind: 'orphan', name, bytes: 0, error })
    }
  }
}

const isNamed = async (catalogue: BulkParts['parts']['catalogue'], { key, generation }: StoredIndex, stored: StoredRecord | undefined): Promise<boolean> => {
  if (stored !== undefined) {
    const { record: { index, building }, damaged } = stored
    // what a record names that has become unreadable since, nobody knows
    if (damaged || index?.generation === generation || building?.generation === generation) return true
  }
  for await (const { garbage } of catalogue.garbage(key)) if (garbage.kind === 'index' && garbage.generation === generation) return true
  return false
}

const retireLost = async (bulk: BulkParts, { dryRun, signal, add }: Sweep): Promise<void> => {
  for await (const number of lostNumbers(bulk, signal)) {
    const item = { key: undefined, kind: 'orphan', name: `shard number ${number}`, bytes: 0 } as const
    try {
      if (!dryRun) await bulk.parts.top.retire(shardNumber(number))
      add(item)
    } catch (error) {
      signal.throwIfAborted()
      add({ ...item, error })
    }
  }
}

const purgeEntries = async ({ parts: { top } }: BulkParts, { dryRun, signal, add }: Sweep): Promise<void> => {
  const dead = await top.deadEntries({ signal })
  if (dead === 0) return
  try {
    const removed = dryRun ? dead : (await top.purge({ signal })).removedEntries
    add({ key: undefined, kind: 'entries', name: String(removed), bytes: 0 })
  } catch (error) {
    signal.throwIfAborted()
    add({ key: undefined, kind: 'entries', name: String(dead), bytes: 0, error })
  }
}
