/**
 * All indexed shards as one read blockstore. The top-level index names candidates, each shard's own index confirms; shards
 * are opened on demand. A shard that cannot be read is passed over when another holds the block too.
 */
import { type AnyCid, type BlockBytesOptions, BlockNotFoundError, toCid } from '@dagstore/read-blockstore'
import type { Candidates } from '@dagstore/top-level-index'
import type { CID } from 'multiformats/cid'
import { everyBlock } from './every-block.ts'
import type { CompleteOptions, CrossShardBlockstore, CrossShardParts } from './parts.ts'
import { type Affinity, createReadAnywhere, incomplete, type ReadOptions } from './read-anywhere.ts'

export type { Affinity } from './read-anywhere.ts'

const IDENTITY = 0x00
/** CIDs that are looked up together. */
const WINDOW = 32

export const createCrossShardBlockstore = (parts: CrossShardParts, affinity?: Affinity): CrossShardBlockstore => {
  const anywhere = createReadAnywhere(parts, affinity)

  /** The block of an identity CID is the CID itself, whatever the shards are. */
  const inline = (cid: CID, signal: AbortSignal | undefined): Uint8Array | undefined => {
    if (cid.multihash.code !== IDENTITY) return undefined
    parts.checkOpen()
    signal?.throwIfAborted()
    return cid.multihash.digest
  }
  const bytesOf = async (cid: CID, options: ReadOptions & BlockBytesOptions): Promise<Uint8Array> =>
    inline(cid, options.signal)?.slice() ?? anywhere(cid, options, (lease) => lease.blockstore.bytes(cid, { signal: options.signal, memory: options.memory }))
  const bytes = async (any: AnyCid, options: CompleteOptions & BlockBytesOptions = {}): Promise<Uint8Array> => bytesOf(toCid(any), options)

  return {
    bytes,
    has: async (any, options = {}) => {
      const cid = toCid(any)
      if (inline(cid, options.signal) !== undefined) return true
      try {
        await anywhere(cid, options, async (lease) => {
          if (!await lease.blockstore.has(cid, call(options.signal))) throw new BlockNotFoundError(cid)
        })
        return true
      } catch (error) {
        if (error instanceof BlockNotFoundError) return false
        throw error
      }
    },
    get: async function * (cid, options) { yield await bytes(cid, options) },
    getMany: async function * (cids, options = {}) {
      parts.checkOpen()
      for await (const window of windows(cids)) {
        const looked = lookTogether(parts, window, options.signal)
        for (const [at, cid] of window.entries()) {
          parts.checkOpen()
          options.signal?.throwIfAborted()
          yield { cid, bytes: (async function * () { yield await bytesOf(cid, { ...options, looked: () => looked(at) }) })() }
        }
      }
    },
    getAll: async function * (options = {}) {
      parts.checkOpen()
      const unindexed = parts.unindexed()
      if (options.complete === true && unindexed > 0) throw incomplete(unindexed)
      yield * everyBlock(parts, options.signal)
    },
    size: async (any, options = {}) => {
      const cid = toCid(any)
      return inline(cid, options.signal)?.byteLength ?? anywhere(cid, options, async (lease) => lease.blockstore.size(cid, { signal: options.signal }))
    },
    bytesAt: async (any, from, length, options = {}) => {
      const cid = toCid(any)
      const digest = inline(cid, options.signal)
      if (digest === undefined) return anywhere(cid, options, (lease) => lease.blockstore.bytesAt(cid, from, length, { signal: options.signal }))
      if (from < 0 || length < 0 || from + length > digest.byteLength) throw new RangeError(`range out of block; from=${from} length=${length} size=${digest.byteLength}`)
      return digest.slice(from, from + length)
    },
    stretch: async (any, maxBytes, options = {}) => {
      const cid = toCid(any)
      const digest = inline(cid, options.signal)
      return digest === undefined
        ? anywhere(cid, options, (lease) => lease.blockstore.stretch(cid, maxBytes, { signal: options.signal }))
        : { bytes: digest.slice(), isSpent: true, take: () => undefined }
    },
  }
}

/** CIDs that are there already together; of those that come one by one, none is asked for before it is needed. */
async function * windows (cids: Iterable<AnyCid> | AsyncIterable<AnyCid>): AsyncGenerator<readonly CID[], void, undefined> {
  if (Symbol.asyncIterator in cids) {
    for await (const cid of cids) yield [toCid(cid)]
    return
  }
  if (!Array.isArray(cids)) {
    for (const cid of cids) yield [toCid(cid)]
    return
  }
  for (let at = 0; at < cids.length; at += WINDOW) yield cids.slice(at, at + WINDOW).map((cid: AnyCid) => toCid(cid))
}

/** The first that asks has all from its own place on looked up. */
const lookTogether = ({ finder, leases }: CrossShardParts, cids: readonly CID[], signal: AbortSignal | undefined): (at: number) => Promise<Candidates> => {
  let looked: { readonly from: number, readonly found: Promise<readonly Candidates[]> } | undefined
  return async (at) => {
    if (looked === undefined || at < looked.from) {
      const multihashes = cids.slice(at).map(({ multihash }) => multihash.bytes)
      looked = { from: at, found: finder.look(multihashes, { signal, prefer: leases.recent().map(({ number }) => number) }) }
    }
    return (await looked.found)[at - looked.from] ?? NONE
  }
}

const NONE: Candidates = { shards: [], more: false }

const call = (signal: AbortSignal | undefined): { signal?: AbortSignal } => (signal === undefined ? {} : { signal })
