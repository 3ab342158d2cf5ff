/** Reading one block from whichever shard has it: the one that was read last, one that is open, then those that the top-level index names. */
import { BlockNotFoundError, BlockstoreError } from '@dagstore/read-blockstore'
import type { Candidates } from '@dagstore/top-level-index'
import type { CID } from 'multiformats/cid'
import { codeOf } from '../failure.ts'
import { isSpoiled, type ShardLease } from '../lease.ts'
import type { Candidate } from './candidates.ts'
import type { CompleteOptions, CrossShardParts, LeaseCache } from './parts.ts'

/** Of one reader who reads blocks that belong together. */
export interface Affinity {
  /** Where the last block was; asked before the top-level index is. */
  shard: Candidate | undefined
}

export interface ReadOptions extends CompleteOptions {
  /** What the top-level index said a while ago, if it is asked for at all. */
  readonly looked?: (() => Promise<Candidates>) | undefined
}

export type ReadAnywhere = <T>(cid: CID, options: ReadOptions, read: (lease: ShardLease) => Promise<T>) => Promise<T>

type Attempt<T> = { readonly value: T } | { readonly error: unknown }

/** Of a shard that was asked before the top-level index was. */
interface Asked<T> { readonly shard: Candidate, readonly attempt: Attempt<T> }

/**
 * What `read` gives for the first shard that has the block and can be read.
 *
 * @throws {BlockNotFoundError}
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`, or the code that all failures have in common
 */
export const createReadAnywhere = (parts: CrossShardParts, affinity: Affinity | undefined): ReadAnywhere => {
  const { finder, leases, ailing } = parts

  const attempt = async <T>(shard: Candidate, read: (lease: ShardLease) => Promise<T>, signal: AbortSignal | undefined): Promise<Attempt<T>> => {
    try {
      const value = await readShard(leases, shard, read, signal)
      ailing.clear(shard.key)
      if (affinity !== undefined) affinity.shard = shard
      return { value }
    } catch (error) {
      signal?.throwIfAborted()
      parts.checkOpen()
      if (error instanceof RangeError) throw error
      if (isFault(error) && !isOfBlock(error)) ailing.note(shard.key)
      return { error }
    }
  }

  /** The shard that was read last; not when its index says at once that it has no such block. */
  const nearby = (multihash: Uint8Array): Candidate | undefined => {
    const near = affinity === undefined ? leases.latest() : affinity.shard
    if (near === undefined || ailing.has(near.key)) return undefined
    const lease = leases.at(near)
    return lease !== undefined && lists(lease, multihash) === false ? undefined : near
  }
  /** An open one whose index says at once that it has the block: that costs less than any other look-up. */
  const openHolder = (multihash: Uint8Array, asked: readonly Asked<unknown>[]): Candidate | undefined =>
    leases.openWhere((lease, { key }) => lists(lease, multihash) === true && !ailing.has(key) && !asked.some(({ shard }) => shard.key === key))

  const search = async <T>(cid: CID, { signal, complete = false, looked }: ReadOptions, read: (lease: ShardLease) => Promise<T>): Promise<T> => {
    parts.checkOpen()
    signal?.throwIfAborted()
    const unindexed = parts.unindexed()
    const multihash = cid.multihash.bytes
    const asked: Asked<T>[] = []
    for (const next of [() => nearby(multihash), () => openHolder(multihash, asked)]) {
      const shard = next()
      if (shard === undefined) continue
      const there = await attempt(shard, read, signal)
      if ('value' in there) return there.value
      asked.push({ shard, attempt: there })
    }
    const failures: unknown[] = []
    const later: Candidate[] = []
    let cut = false
    const ask = async (shard: Candidate): Promise<Attempt<T>> =>
      // one that has answered counts, unless it has another index by now
      asked.find(({ shard: { key, number } }) => key === shard.key && number === shard.number)?.attempt ?? attempt(shard, read, signal)
    try {
      for await (const shard of finder.candidates(multihash, { signal, prefer: leases.recent().map(({ number }) => number), looked, onCut: () => { cut = true } })) {
        if (ailing.has(shard.key)) {
          later.push(shard)
          continue
        }
        const there = await ask(shard)
        if ('value' in there) return there.value
        if (isFault(there.error)) failures.push(there.error)
      }
    } catch (error) {
      signal?.throwIfAborted()
      parts.checkOpen()
      if (error instanceof RangeError) throw error
      failures.push(error)
    }
    for (const shard of later) {
      const there = await ask(shard)
      if ('value' in there) return there.value
      if (isFault(there.error)) failures.push(there.error)
    }
    // what was indexed meanwhile was not looked at
    const unindexedShards = Math.max(unindexed, parts.unindexed())
    if (failures.length > 0) {
      throw new BlockstoreError(commonCode(failures), `no shard that holds the block can be read; cid=${cid.toString()} failed=${failures.length} unindexed=${unindexedShards}`, {
        cid, cause: new AggregateError(failures, 'every shard that may hold the block has failed'),
      })
    }
    if (cut) throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `more shards may hold the block than can be looked at; cid=${cid.toString()}`, { cid })
    if (complete && unindexedShards > 0) throw incomplete(unindexedShards, cid)
    throw new BlockNotFoundError(cid, { unindexedShards })
  }

  /** The shard that was read last, open, and by its index one that has the block: then reading it is all there is to do. */
  const holder = (multihash: Uint8Array, signal: AbortSignal | undefined): Candidate | undefined => {
    const near = affinity === undefined ? leases.latest() : affinity.shard
    if (near === undefined || ailing.has(near.key) || signal?.aborted === true) return undefined
    const lease = leases.at(near)
    return lease !== undefined && lists(lease, multihash) === true ? near : undefined
  }
  return (cid, options, read) => {
    try {
      parts.checkOpen()
    } catch (error) {
      return Promise.reject(error)
    }
    const shard = holder(cid.multihash.bytes, options.signal)
    if (shard === undefined) return search(cid, options, read)
    return leases.use(shard, read, { signal: options.signal }).then((value) => {
      ailing.clear(shard.key)
      if (affinity !== undefined) affinity.shard = shard
      return value
    }, () => search(cid, options, read)) // what is wrong there is found out again, and told
  }
}

export const incomplete = (unindexedShards: number, cid?: CID): BlockstoreError =>
  new BlockstoreError('BLOCKSTORE_UNREADABLE', `an answer for all shards was asked for; unindexed=${unindexedShards}${cid === undefined ? '' : ` cid=${cid.toString()}`}`, cid === undefined ? {} : { cid })

/** Whether the shard's own index lists the block; `undefined`: that takes reading, or is found out by that. */
const lists = ({ index }: ShardLease, multihash: Uint8Array): boolean | undefined => {
  try {
    const found = index.peek?.(multihash)
    return found === undefined ? undefined : found.length > 0
  } catch {
    return undefined
  }
}

/** Not the proof that this shard does not hold the block. */
const isFault = (error: unknown): boolean => !(error instanceof BlockNotFoundError) && !GONE.has(codeOf(error) ?? '')

const isOfBlock = (error: unknown): boolean => error instanceof BlockstoreError && OF_BLOCKS.has(error.code)

/** Where every copy of the block has the same fault, that is the block's. */
const commonCode = (failures: readonly unknown[]): BlockstoreError['code'] => {
  const [first, ...others] = failures
  if (!(first instanceof BlockstoreError) || !isOfBlock(first)) return 'BLOCKSTORE_UNREADABLE'
  return others.every((other) => codeOf(other) === first.code) ? first.code : 'BLOCKSTORE_UNREADABLE'
}

/** Destroyed, or about to be: its blocks are not the store's any more. */
const GONE: ReadonlySet<string> = new Set(['DAGSTORE_SHARD_UNKNOWN', 'DAGSTORE_SHARD_DESTROYED'])

const OF_BLOCKS: ReadonlySet<string> = new Set(['BLOCKSTORE_HASH_MISMATCH', 'BLOCKSTORE_UNKNOWN_HASH', 'BLOCKSTORE_TOO_LARGE'])

/**
 * Once more on a new lease when this one turned out to be of bytes or an index that are no longer good, or did not have the block
 * and was opened before the index that names the shard took the place of its own.
 */
const readShard = async <T>(leases: LeaseCache, shard: Candidate, read: (lease: ShardLease) => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  let outdated = false
  try {
    return await leases.use(shard, async (lease, openedFor) => {
      try {
        return await read(lease)
      } catch (error) {
        outdated = isSpoiled(lease) || (error instanceof BlockNotFoundError && openedFor.number < shard.number)
        throw error
      }
    }, { signal })
  } catch (error) {
    if (!outdated) throw error
    void leases.drop(shard.key)
    return leases.use(shard, read, { signal })
  }
}
