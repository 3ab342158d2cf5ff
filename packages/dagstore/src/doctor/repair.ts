/** Putting right what the store made itself. */
import { DagstoreError } from '../errors.ts'
import type { Finding } from '../catalogue/finding.ts'
import { type ShardLease, spoilIndex } from '../lease.ts'
import type { IndexGeneration } from '../machine/index.ts'
import { multihashesOf } from '../runner/multihashes.ts'
import type { StoreParts } from '../runner/parts.ts'
import { republish } from '../verify/verify.ts'

export type RepairParts = Pick<StoreParts, 'catalogue' | 'top'> & {
  readonly acquire: (key: string, signal: AbortSignal) => Promise<ShardLease>
}

/** Whether the store can do something about it: not about bytes that are not its own. */
export const isRepairable = ({ check, code }: Finding): boolean =>
  check === 'index' || check === 'entries' || (check === 'blocks' && (code === 'BLOCKSTORE_UNREADABLE' || code === 'BLOCKSTORE_NOT_FOUND'))

/** @throws what an acquire rejects with; `TOP_LEVEL_INDEX_FAILED` */
export const repair = async (parts: RepairParts, key: string, index: IndexGeneration, findings: readonly Finding[], signal: AbortSignal): Promise<void> => {
  if (findings.some(({ check }) => check === 'index' || check === 'blocks')) return rebuild(parts, key, index, signal)
  const lease = await parts.acquire(key, signal)
  try {
    await republish(parts, key, lease, multihashesOf(lease.index, { signal }), signal)
  } finally {
    await lease.close()
  }
}

/** By the path that every acquire takes; its commit publishes the entries too. */
const rebuild = async ({ acquire }: RepairParts, key: string, { generation }: IndexGeneration, signal: AbortSignal): Promise<void> => {
  const first = await acquire(key, signal)
  if (first.indexGeneration === generation) spoilIndex(first)
  await first.close()
  if (first.indexGeneration !== generation) return
  const second = await acquire(key, signal)
  await second.close()
  if (second.indexGeneration === generation) throw new DagstoreError('DAGSTORE_STORAGE_FAILED', `index was not built anew; key=${key}`, { key })
}
