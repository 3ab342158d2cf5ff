/** Stores one behind the other, read as one. */
import { type AnyCid, type BlockBytes, BlockNotFoundError, type BlockSizes, hasSizes, oneChunk, readBlock, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { isNotFound } from './blocks.ts'

export type LayeredBlockstore = ReadBlockstore & BlockBytes & BlockSizes

/**
 * Each block from the first store that has it. The next one is asked when a store says that it lacks the block, and also when
 * it fails; if no later one has the block then, the first failure is told, never an absence. The caller closes the stores.
 */
export const layered = (stores: readonly ReadBlockstore[]): LayeredBlockstore => {
  const first = async <T>(cid: CID, signal: AbortSignal | undefined, ask: (store: ReadBlockstore) => T | Promise<T>): Promise<T> => {
    let failure: { readonly error: unknown } | undefined
    let unindexedShards = 0
    for (const store of stores) {
      signal?.throwIfAborted()
      try {
        return await ask(store)
      } catch (error) {
        signal?.throwIfAborted()
        if (!isNotFound(error)) failure ??= { error }
        else if (error instanceof BlockNotFoundError) unindexedShards += error.unindexedShards
      }
    }
    if (failure !== undefined) throw failure.error
    throw new BlockNotFoundError(cid, { unindexedShards })
  }
  const bytes: LayeredBlockstore['bytes'] = async (any, options = {}) => {
    const cid = toCid(any)
    return first(cid, options.signal, (store) => readBlock(store, cid, options))
  }
  const get: LayeredBlockstore['get'] = (any: AnyCid, { signal } = {}) => oneChunk(() => bytes(any, { signal }))
  return {
    has: async (any, options = {}) => {
      const cid = toCid(any)
      try {
        await first(cid, options.signal, async (store) => { if (!await store.has(cid, options)) throw new BlockNotFoundError(cid) })
        return true
      } catch (error) {
        if (error instanceof BlockNotFoundError) return false
        throw error
      }
    },
    get,
    getMany: async function * (cids, options = {}) {
      options.signal?.throwIfAborted()
      for await (const any of cids) {
        options.signal?.throwIfAborted()
        const cid = toCid(any)
        yield { cid, bytes: get(cid, options) }
      }
    },
    getAll: async function * (options = {}) {
      const given = new Set<string>()
      for (const store of stores) {
        options.signal?.throwIfAborted()
        for await (const { cid, bytes: chunks } of store.getAll(options)) {
          const key = String.fromCharCode(...cid.multihash.bytes)
          if (given.has(key)) continue
          given.add(key)
          yield { cid, bytes: chunks }
        }
      }
    },
    bytes,
    size: (any, { signal } = {}) => {
      const cid = toCid(any)
      return first(cid, signal, async (store) => hasSizes(store) ? store.size(cid, { signal }) : (await readBlock(store, cid, { signal })).byteLength)
    },
  }
}
