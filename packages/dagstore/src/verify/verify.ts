/** Verifying one shard: its bytes against themselves, its index against its bytes, the top-level index against its index. */
import { CarV2Error, type IndexStream, isSameIndex, openIndex } from '@dagstore/carv2'
import { type ByteSource, createKeyLock, type KeyLock } from '@dagstore/io'
import { shardNumber } from '@dagstore/top-level-index'
import { DagstoreError } from '../errors.ts'
import { codeOf } from '../failure.ts'
import { type ShardLease, spoilIndex } from '../lease.ts'
import { multihashesOf } from '../runner/multihashes.ts'
import type { StoreParts } from '../runner/parts.ts'
import { compareEntries, compareFacts, compareTopLevel, type IndexFault, type MultihashLists, SAMPLED_ROWS } from './compare.ts'
import { Faults, type VerifyRepair, type VerifyOptions, type VerifyReport } from './report.ts'
import { scanShard, type Scanned } from './scan.ts'

export type VerifyParts = Pick<StoreParts, 'catalogue' | 'repo' | 'top' | 'hashes' | 'clock' | 'emit'> & {
  readonly acquire: (key: string, signal: AbortSignal) => Promise<ShardLease>
}

const locks = new WeakMap<VerifyParts['repo'], KeyLock>()

/** One verification of a shard at a time: they use the same scratch file. */
export const verifyShard = (parts: VerifyParts, key: string, options: VerifyOptions & { readonly signal: AbortSignal }): Promise<VerifyReport> => {
  let lock = locks.get(parts.repo)
  if (lock === undefined) locks.set(parts.repo, lock = createKeyLock())
  return lock(key, () => verify(parts, key, options))
}

const verify = async (parts: VerifyParts, key: string, options: VerifyOptions & { readonly signal: AbortSignal }): Promise<VerifyReport> => {
  const { mode = 'sampled', seed = parts.clock.now(), signal, onProgress = () => {} } = options
  const before = (await parts.catalogue.get(key))?.record.index?.generation
  const unusable = before === undefined ? undefined : await probe(parts, key, before, signal)
  const faults = new Faults()
  const repaired: VerifyRepair[] = []
  let lease = await parts.acquire(key, signal)
  const scratch = parts.repo.scratch(key, lease.indexGeneration)
  try {
    // lost, foreign or damaged at its end: the acquire has seen to it
    if (before !== undefined && lease.indexGeneration !== before) {
      repaired.push({ part: 'index', ...(unusable ?? { code: 'IO_SOURCE_CHANGED', message: 'the mount has other bytes than those that were indexed' }) })
    }
    const scanned = await scanShard(lease.source, faults, { mode, seed, hashes: parts.hashes, scratch: () => scratch.open(), signal, onProgress })
    const { whole } = scanned
    const fault = whole === undefined ? undefined : await indexFault(parts, key, lease, whole, signal)
    if (fault !== undefined) {
      const { indexGeneration } = lease
      spoilIndex(lease)
      await lease.close()
      parts.emit({ type: 'index-unusable', key, reason: new CarV2Error('CARV2_BAD_INDEX', fault.message) })
      lease = await parts.acquire(key, signal)
      if (lease.indexGeneration === indexGeneration) throw new DagstoreError('DAGSTORE_STORAGE_FAILED', `index was not built anew; key=${key}`, { key })
      repaired.push({ part: 'index', ...fault })
    }
    if (whole !== undefined) {
      // what was scanned is what the index says by now, and comes quicker
      const asked = mode === 'full' ? multihashesOf({ facts: lease.index.facts, digests: (call) => whole.index.digests(call) }, { signal }) : [scanned.multihashes, someRoots(lease)]
      const entries = await republish(parts, key, lease, asked, signal)
      if (entries !== undefined) repaired.push({ part: 'entries', ...entries })
    }
    return { key, mode, blocks: scanned.blocks, bytes: scanned.bytes, checked: scanned.checked, bad: faults.list, badCount: faults.count, repaired }
  } finally {
    try {
      await scratch.release()
    } finally {
      await lease.close()
    }
  }
}

/** Those that are no sections stand in the top-level index too. */
const someRoots = ({ index }: ShardLease): readonly Uint8Array[] => (index.facts.roots ?? []).slice(0, SAMPLED_ROWS).map(({ multihash }) => multihash.bytes)

/** Why the index file cannot be opened, told before an acquire builds it anew. */
const probe = async ({ repo }: VerifyParts, key: string, generation: number, signal: AbortSignal): Promise<IndexFault | undefined> => {
  try {
    const view = await openIndex(await repo.open(key, generation, { signal }), { owns: true, signal })
    await view.close()
    return view.facts.payloadEnd === undefined ? { code: 'CARV2_INDEX_DAMAGED', message: 'the index has lost its trailer' } : undefined
  } catch (error) {
    signal.throwIfAborted()
    return { code: codeOf(error) ?? 'DAGSTORE_UNEXPECTED', message: error instanceof Error ? error.message : String(error) }
  }
}

const indexFault = async ({ repo }: VerifyParts, key: string, { index, indexGeneration }: ShardLease, { layout, payloadEnd, index: expected }: NonNullable<Scanned['whole']>, signal: AbortSignal): Promise<IndexFault | undefined> => {
  if (index.facts.payloadEnd === undefined) return { code: 'CARV2_BAD_INDEX', message: 'the index was adopted from another store' }
  try {
    const fault = compareFacts(index.facts, layout, payloadEnd, expected)
    if (fault !== undefined || await isAsWritten(repo, key, indexGeneration, expected, signal)) return fault
    // some byte is wrong; what it means is told where the entries say
    return await compareEntries(expected, index, { signal }) ?? { code: 'CARV2_INDEX_DAMAGED', message: 'the index file is not as it was written' }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    return { code: error.code, message: error.message }
  }
}

/** False also where the file cannot be read: reading it entry by entry says why. */
const isAsWritten = async (repo: VerifyParts['repo'], key: string, generation: number, expected: IndexStream, signal: AbortSignal): Promise<boolean> => {
  let file: ByteSource | undefined
  try {
    file = await repo.open(key, generation, { signal })
    return await isSameIndex(file, expected, { signal })
  } catch {
    signal.throwIfAborted()
    return false
  } finally {
    await file?.close()
  }
}

/** Write the shard's entries in the top-level index again where some are lost. @param asked - which are looked up */
export const republish = async ({ catalogue, top }: Pick<StoreParts, 'catalogue' | 'top'>, key: string, lease: ShardLease, asked: MultihashLists, signal: AbortSignal): Promise<IndexFault | undefined> => {
  const current = (await catalogue.get(key))?.record.index
  // replaced meanwhile: what took its place was published before
  if (current === undefined || current.generation !== lease.indexGeneration) return undefined
  const number = shardNumber(current.shardNumber)
  const fault = await compareTopLevel(top, number, asked, { signal })
  // the lease keeps the generation from being retired
  if (fault !== undefined) await top.publish(number, multihashesOf(lease.index, { signal }), { signal })
  return fault
}
