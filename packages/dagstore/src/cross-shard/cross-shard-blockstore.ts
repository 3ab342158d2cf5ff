/**
 * All indexed shards as one read blockstore. The top-level index names candidates, each shard's own index confirms; shards
 * are opened on demand. A shard that cannot be read is passed over when another holds the block too.
 */
import type { CallOptions } from '@dagstore/io'
import { type AnyCid, BlockNotFoundError, BlockstoreError, type ShardBlockstore, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { codeOf } from '../failure.ts'
import { isSpoiled, type ShardLease } from '../lease.ts'
import type { Candidate } from './candidates.ts'
import { everyBlock } from './every-block.ts'
import type { CrossShardParts, LeaseCache } from './parts.ts'

const IDENTITY = 0x00

/** Of one reader who reads blocks that belong together. */
export interface Affinity {
  /** Where the last block was; asked before the top-level index is. */
  shard: Candidate | undefined
}

export const createCrossShardBlockstore = (parts: CrossShardParts, affinity?: Affinity): ShardBlockstore => {
  const { finder, leases } = parts

  /** Each shard once. */
  async function * places (cid: CID, signal: AbortSignal | undefined): AsyncGenerator<Candidate, void, undefined> {
    const near = affinity?.shard
    if (near !== undefined) yield near
    for await (const shard of finder.candidates(cid.multihash.bytes, { signal, prefer: leases.recent().map(({ number }) => number) })) {
      if (shard.key !== near?.key) yield shard
    }
  }

  /** What `read` gives for the first candidate that has the block and can be read. */
  const first = async <T>(cid: CID, signal: AbortSignal | undefined, read: (lease: ShardLease) => Promise<T>): Promise<T> => {
    parts.checkOpen()
    signal?.throwIfAborted()
    const unindexed = parts.unindexed()
    const failures: unknown[] = []
    for await (const shard of places(cid, signal)) {
      try {
        const found = await readShard(leases, shard, read, signal)
        if (affinity !== undefined) affinity.shard = shard
        return found
      } catch (error) {
        signal?.throwIfAborted()
        parts.checkOpen()
        if (error instanceof RangeError) throw error
        if (!(error instanceof BlockNotFoundError) && !GONE.has(codeOf(error) ?? '')) failures.push(error)
      }
    }
    // what was indexed meanwhile was not looked at
    if (failures.length === 0) throw new BlockNotFoundError(cid, { unindexedShards: Math.max(unindexed, parts.unindexed()) })
    throw new BlockstoreError(commonCode(failures), `no shard that holds the block can be read; cid=${cid.toString()} shards=${failures.length}`, {
      cid, cause: new AggregateError(failures, 'every shard that may hold the block has failed'),
    })
  }

  const bytes = async (any: AnyCid, { signal }: CallOptions = {}): Promise<Uint8Array> => {
    const cid = toCid(any)
    if (cid.multihash.code !== IDENTITY) return first(cid, signal, (lease) => lease.blockstore.bytes(cid, { signal }))
    parts.checkOpen()
    signal?.throwIfAborted()
    return cid.multihash.digest.slice()
  }

  return {
    bytes,
    has: async (any, { signal } = {}) => {
      const cid = toCid(any)
      parts.checkOpen()
      signal?.throwIfAborted()
      if (cid.multihash.code === IDENTITY) return true
      try {
        await first(cid, signal, async (lease) => {
          if (!await lease.blockstore.has(cid, call(signal))) throw new BlockNotFoundError(cid)
        })
        return true
      } catch (error) {
        if (error instanceof BlockNotFoundError) return false
        throw error
      }
    },
    get: async function * (cid, options) { yield await bytes(cid, options) },
    getMany: async function * (cids, options) {
      parts.checkOpen()
      for await (const any of cids) {
        parts.checkOpen()
        options?.signal?.throwIfAborted()
        const cid = toCid(any)
        yield { cid, bytes: (async function * () { yield await bytes(cid, options) })() }
      }
    },
    getAll: (options) => everyBlock(parts, options?.signal),
    size: async (any, { signal } = {}) => {
      const cid = toCid(any)
      if (cid.multihash.code !== IDENTITY) return first(cid, signal, async (lease) => lease.blockstore.size(cid, { signal }))
      parts.checkOpen()
      return cid.multihash.digest.byteLength
    },
    bytesAt: async (any, from, length, { signal } = {}) => {
      const cid = toCid(any)
      if (cid.multihash.code !== IDENTITY) return first(cid, signal, (lease) => lease.blockstore.bytesAt(cid, from, length, { signal }))
      parts.checkOpen()
      const { digest } = cid.multihash
      if (from < 0 || length < 0 || from + length > digest.byteLength) throw new RangeError(`range out of block; from=${from} length=${length} size=${digest.byteLength}`)
      return digest.slice(from, from + length)
    },
  }
}

/** Where every copy of the block has the same fault, that is the block's. */
const commonCode = (failures: readonly unknown[]): BlockstoreError['code'] => {
  const [first, ...others] = failures
  if (!(first instanceof BlockstoreError) || !OF_BLOCKS.has(first.code)) return 'BLOCKSTORE_UNREADABLE'
  return others.every((other) => codeOf(other) === first.code) ? first.code : 'BLOCKSTORE_UNREADABLE'
}

/** Destroyed, or about to be: its blocks are not the store's any more. */
const GONE: ReadonlySet<string> = new Set(['DAGSTORE_SHARD_UNKNOWN', 'DAGSTORE_SHARD_DESTROYED'])

const OF_BLOCKS: ReadonlySet<string> = new Set(['BLOCKSTORE_HASH_MISMATCH', 'BLOCKSTORE_UNKNOWN_HASH', 'BLOCKSTORE_TOO_LARGE'])

const call = (signal: AbortSignal | undefined): { signal?: AbortSignal } => (signal === undefined ? {} : { signal })

/** Once more on a new lease when this one turned out to be of bytes or an index that are no longer good. */
const readShard = async <T>(leases: LeaseCache, shard: Candidate, read: (lease: ShardLease) => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  let spoiled = false
  try {
    return await leases.use(shard, async (lease) => {
      try {
        return await read(lease)
      } catch (error) {
        spoiled = isSpoiled(lease)
        throw error
      }
    }, { signal })
  } catch (error) {
    if (!spoiled) throw error
    leases.drop(shard.key)
    return leases.use(shard, read, { signal })
  }
}
