/** Putting right what the store made itself. */
import type { Finding } from '../catalogue/finding.ts'
import type { IndexGeneration } from '../machine/index.ts'
import { multihashesOf } from '../runner/multihashes.ts'
import { republish, type VerifyParts, verifyShard } from '../verify/verify.ts'

export type RepairParts = VerifyParts

/** Whether the store can do something about it: not about bytes that are not its own. */
export const isRepairable = ({ check, code }: Finding): boolean =>
  check === 'index' || check === 'entries' || (check === 'blocks' && (code === 'BLOCKSTORE_UNREADABLE' || code === 'BLOCKSTORE_NOT_FOUND'))

/**
 * @returns false: it is the bytes that are wrong, and the index was left as it is
 * @throws what an acquire rejects with; `TOP_LEVEL_INDEX_FAILED`
 */
export const repair = async (parts: RepairParts, key: string, { generation }: IndexGeneration, findings: readonly Finding[], signal: AbortSignal): Promise<boolean> => {
  if (findings.some(({ check }) => check !== 'entries')) {
    // the sections first: a build that meets a broken one would cost the shard what can still be read
    const { repaired } = await verifyShard(parts, key, { mode: 'structure', signal })
    return repaired.length > 0 || (await parts.catalogue.get(key))?.record.index?.generation !== generation
  }
  const lease = await parts.acquire(key, signal)
  try {
    await republish(parts, key, lease, multihashesOf(lease.index, { signal }), signal)
    return true
  } finally {
    await lease.close()
  }
}
