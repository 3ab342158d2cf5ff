/// <reference lib="esnext.disposable" preserve="true" />
/** The catalogue in memory: for demos, tests and pages in a browser; nothing outlives it. */
import { DagstoreError } from '../errors.ts'
import { isIndexed, isUnfinished, type Garbage, retryAt, type ShardRecord } from '../machine/index.ts'
import type { ShardFindings } from './finding.ts'
import { compareKeys } from '../key-order.ts'
import type { StoredRecord } from './record-codec.ts'
import type { DueRetry, ListedGarbage, ShardCatalogue } from './shard-catalogue.ts'
import { takenUp } from './taken-up.ts'

export const createMemoryCatalogue = (): ShardCatalogue => {
  const records = new Map<string, StoredRecord>()
  const numbers = new Map<number, string>()
  const garbage = new Map<string, ListedGarbage>()
  const notes = new Map<string, Uint8Array>()
  const found = new Map<string, ShardFindings>()
  let next = 1
  let unindexed = 0

  const apply = (key: string, record: ShardRecord | undefined, left: readonly Garbage[]): void => {
    const before = records.get(key)
    if (before?.record.index !== undefined) numbers.delete(before.record.index.shardNumber)
    if (record?.index !== undefined) numbers.set(record.index.shardNumber, key)
    unindexed += weight(record) - weight(before?.record)
    if (record === undefined) forgetShard(key)
    else records.set(key, { record, version: (before?.version ?? 0n) + 1n, damaged: false })
    const named = takenUp(before?.record, record)
    if (named !== undefined) garbage.delete(nameOf(key, named))
    for (const item of left) garbage.set(nameOf(key, item), { key, garbage: item })
  }

  const forgetShard = (key: string): void => {
    records.delete(key)
    found.delete(key)
    for (const [name, item] of garbage) if (item.key === key) garbage.delete(name)
  }

  return {
    get: async (key) => records.get(key),
    getMany: async (keys) => keys.map((key) => records.get(key)),
    commit: async (changes) => {
      if (changes.some(({ key, ifVersion }) => (records.get(key)?.version ?? 'absent') !== ifVersion)) return 'conflict'
      for (const { key, record, garbage: left = [] } of changes) apply(key, record, left)
      return 'done'
    },
    page: async ({ after, state, limit }) => [...records]
      .filter(([key, { record }]) => (after === undefined || compareKeys(key, after) > 0) && isListed(record, state))
      .sort(([a], [b]) => compareKeys(a, b))
      .slice(0, limit)
      .map(([key, stored]) => ({ key, ...stored })),
    due: async ({ until, after, limit }) => [...records]
      .flatMap(([key, { record }]) => { const at = retryAt(record); return at === undefined || at > until ? [] : [{ key, at }] })
      .sort(byTime)
      .filter((due) => after === undefined || byTime(due, after) > 0)
      .slice(0, limit),
    get unindexed () { return unindexed },
    takeNumber: () => {
      if (next >= 0xffff_ffff) throw new DagstoreError('DAGSTORE_STORAGE_FAILED', 'all shard numbers are used up')
      return next++
    },
    keyOf: async (shardNumber) => numbers.get(shardNumber),
    numbersOf: async (key) => [...numbers].filter(([, owner]) => owner === key).map(([number]) => number),
    garbage: async function * (key) {
      for (const item of garbage.values()) if (key === undefined || item.key === key) yield item
    },
    forget: async (collected) => { for (const { key, garbage: item } of collected) garbage.delete(nameOf(key, item)) },
    note: async (name) => notes.get(name),
    setNote: async (name, value) => {
      if (value === undefined) notes.delete(name)
      else notes.set(name, value)
    },
    findings: async (key) => found.get(key),
    setFindings: async (key, findings) => {
      if (findings.findings.length === 0) found.delete(key)
      else found.set(key, findings)
    },
    findingsPage: async ({ after, limit }) => [...found]
      .filter(([key]) => after === undefined || compareKeys(key, after) > 0)
      .sort(([a], [b]) => compareKeys(a, b))
      .slice(0, limit)
      .map(([key, findings]) => ({ key, ...findings })),
    [Symbol.asyncDispose]: async () => {},
  }
}

const weight = (record: ShardRecord | undefined): number => record === undefined || isIndexed(record) ? 0 : 1

const isListed = (record: ShardRecord, state: string | undefined): boolean => {
  if (state === undefined) return true
  return state === 'unfinished' ? isUnfinished(record) : !record.destroying && record.health === state
}

const nameOf = (key: string, garbage: Garbage): string => `${garbage.kind} ${garbage.generation} ${key}`

const byTime = (a: DueRetry, b: DueRetry): number => a.at === b.at ? compareKeys(a.key, b.key) : a.at - b.at
