/**
 * Registering many shards: lazy ones in groups, one synced write each. It agrees with whatever else goes on with the same
 * keys: a shard in use, or one that asks for more than a record, is registered by its own machine.
 */
import { type BulkOptions, type BulkParts, isFatal, leaving, task, Withdrawals } from './parts.ts'
import type { RecordChange } from '../catalogue/shard-catalogue.ts'
import type { StoredRecord } from '../catalogue/record-codec.ts'
import { applyChange, type Failure } from '../machine/index.ts'
import type { RegisterOptions } from '../register-options.ts'
import { refusalOf } from '../runner/refusal.ts'
import { type ShardInfo, shardInfo } from '../shard-info.ts'
import { groupsOf } from './groups.ts'

export interface RegisterItem extends Omit<RegisterOptions, 'signal'> {
  readonly key: string
  readonly mountUrl: string
  /**
   * Another store gave the shard up: it is errored from the beginning, and keeps why. The first acquire tries it, the store does
   * not by itself. Without meaning for an eager registration, with a `localCopy`, and for a key that is there.
   */
  readonly failedBefore?: FailedBefore | undefined
}

export interface FailedBefore {
  readonly message: string
  /** When that became known here, ISO 8601, UTC. */
  readonly at: string
}

export type RegisterOutcome =
  /** `added`: there was no shard of that key. */
  | { readonly key: string, readonly ok: true, readonly added: boolean, readonly info: ShardInfo }
  /** @see Dagstore.register for the errors */
  | { readonly key: string, readonly ok: false, readonly error: unknown }

/** Records in one write at most. */
export const GROUP = 256

export async function * registerMany (bulk: BulkParts, items: Iterable<RegisterItem> | AsyncIterable<RegisterItem>, { signal, onProgress }: BulkOptions): AsyncGenerator<RegisterOutcome, void, undefined> {
  const leave = leaving(bulk, signal)
  let done = 0
  let failed = 0
  const habit: Habit = { known: false }
  leave.throwIfAborted()
  for await (const group of groupsOf(items, GROUP, bulk.parts.clock, leave)) {
    leave.throwIfAborted()
    for (const outcome of await task(bulk, leave, () => registerGroup(bulk, group, leave, habit))) {
      done++
      if (!outcome.ok) failed++
      onProgress?.({ done, failed, total: undefined })
      yield outcome
    }
  }
}

interface Planned { readonly at: number, readonly key: string, readonly url: string, readonly failedBefore: FailedBefore | undefined }

/** Whether shards of the group before were registered already: the next one is most often like it. */
export interface Habit { known: boolean }

/** One outcome per item, in order. @throws what stops all of them */
export const registerGroup = async (bulk: BulkParts, group: readonly RegisterItem[], signal: AbortSignal, habit: Habit): Promise<readonly RegisterOutcome[]> => {
  const { parts, runners, check } = bulk
  const outcomes: RegisterOutcome[] = []
  const direct = new Map<string, Planned>()
  let single: number[] = []
  group.forEach((item, at) => {
    const { key } = item
    try {
      check(key)
      const { url } = parts.mounts.resolve(item.mountUrl)
      if (isPlain(item) && !direct.has(key) && !runners.isBusy(key)) direct.set(key, { at, key, url, failedBefore: item.failedBefore })
      else single.push(at)
    } catch (error) {
      if (isFatal(error, signal)) throw error
      outcomes[at] = { key, ok: false, error }
    }
  })
  const release = runners.hold(direct.keys())
  try {
    single = [...single, ...await registerDirectly(bulk, [...direct.values()], outcomes, habit)]
  } finally {
    release()
  }
  if (single.length === 0) return outcomes
  const failures: unknown[] = []
  const calls = new Withdrawals(signal)
  await Promise.all(single.map(async (at) => {
    const { key, mountUrl, failedBefore: _, ...options } = group[at] as RegisterItem
    try {
      const added = await parts.catalogue.get(key) === undefined
      outcomes[at] = { key, ok: true, added, info: await calls.call((own) => bulk.register(key, mountUrl, { ...options, signal: own })) }
    } catch (error) {
      if (isFatal(error, signal)) failures.push(error)
      else outcomes[at] = { key, ok: false, error }
    }
  }))
  calls.end()
  if (failures.length > 0) throw failures[0]
  return outcomes
}

/** What needs nothing but its record. */
const isPlain = (item: RegisterItem): boolean => item.indexing !== 'eager' &&
  Object.entries(item).every(([name, option]) => option === undefined || PLAIN.has(name))

const PLAIN: ReadonlySet<string> = new Set<keyof RegisterItem>(['key', 'mountUrl', 'indexing', 'failedBefore'])

/** @returns places of those that somebody else has changed meanwhile */
const registerDirectly = async (bulk: BulkParts, planned: readonly Planned[], outcomes: RegisterOutcome[], habit: Habit): Promise<readonly number[]> => {
  // where all of them are new nothing is read beforehand; the write looks whether they are
  if (!habit.known && await add(bulk, planned, outcomes)) return []
  const stored = await bulk.parts.catalogue.getMany(planned.map(({ key }) => key))
  const rest = planned.filter(({ at, key, url }, which) => {
    const known = stored[which]
    if (known !== undefined) outcomes[at] = outcomeOf(key, url, known)
    return known === undefined
  })
  habit.known = rest.length < planned.length
  return await add(bulk, rest, outcomes) ? [] : rest.map(({ at }) => at)
}

/** One write for all of them, if none of them is there. */
const add = async ({ parts: { catalogue, emit } }: BulkParts, planned: readonly Planned[], outcomes: RegisterOutcome[]): Promise<boolean> => {
  if (planned.length === 0) return true
  const changes: RecordChange[] = []
  const added: RegisterOutcome[] = []
  for (const { key, url, failedBefore } of planned) {
    const { record: fresh } = applyChange(undefined, { type: 'register', url, localCopy: undefined }, 0)
    const record = failedBefore === undefined ? fresh : applyChange(fresh, { type: 'fail', failure: failureOf(failedBefore) }, 0).record
    if (record === undefined) throw new TypeError('a registration without a record')
    changes.push({ key, ifVersion: 'absent', record })
    added.push({ key, ok: true, added: true, info: shardInfo(key, record) })
  }
  if (await catalogue.commit(changes) === 'conflict') return false
  added.forEach((outcome, which) => {
    const { at, failedBefore } = planned[which] as Planned
    outcomes[at] = outcome
    emit({ type: 'health', key: outcome.key, from: undefined, to: failedBefore === undefined ? 'new' : 'errored', failure: failedBefore === undefined ? undefined : failureOf(failedBefore) })
  })
  return true
}

/** An acquire tries again; nothing says when the store should. */
const failureOf = ({ message, at }: FailedBefore): Failure => ({ code: 'DAGSTORE_SHARD_ERRORED', message, at, retry: 'later', attempts: 1, nextRetryAt: undefined })

/** As the machine answers a registration of a shard that is there. */
const outcomeOf = (key: string, url: string, { record }: StoredRecord): RegisterOutcome => {
  if (record.destroying) return { key, ok: false, error: refusalOf(key, 'DAGSTORE_SHARD_DESTROYED', undefined) }
  if (record.url !== url) return { key, ok: false, error: refusalOf(key, 'DAGSTORE_SHARD_EXISTS', undefined) }
  return { key, ok: true, added: false, info: shardInfo(key, record) }
}
