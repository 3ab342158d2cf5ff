/** The blocks of one request, out of whatever version of the collection is there. */
import type { IndexMount } from '@dagstore/carv2-index-mount'
import { type AnyCid, type BlockBytes, type BlockCallOptions, BlockstoreError, type BlockSizes, oneChunk, type ReadBlockstore, type ShardBlockstore, type StoreCallOptions, toCid } from '@dagstore/read-blockstore'

export interface RequestStore extends ReadBlockstore, BlockBytes, BlockSizes {
  close(): Promise<void>
}

/** One block that is kept outside of the storage; its failures are its own. */
export interface KeptBlocks {
  /** Verified. */
  get(cid: AnyCid): Promise<Uint8Array | undefined>
  put(cid: AnyCid, bytes: Uint8Array): void
}

/** What a collection that is no longer that of the objects may lead to. */
const STALE: ReadonlySet<string> = new Set(['BLOCKSTORE_UNREADABLE', 'BLOCKSTORE_HASH_MISMATCH'])

/**
 * Nothing is opened before a block is asked for. When an object is not as the collection says, another version may have been
 * published meanwhile: the collection is read again, once, and what failed tried again. A block is the same in each.
 *
 * @param open - `anew`: whatever is known is of no use
 * @param kept - asked for the first block of the request
 */
export const createRequestStore = (open: (anew: boolean) => Promise<IndexMount>, kept: KeptBlocks): RequestStore => {
  let mounting: Promise<IndexMount> | undefined
  let isRenewed = false
  let isFirst = true
  const opened: Promise<IndexMount>[] = []
  const mount = (anew: boolean): Promise<IndexMount> => {
    const next = open(anew)
    opened.push(next)
    return mounting = next
  }

  const use = async <T>(work: (blockstore: ShardBlockstore) => T | Promise<T>): Promise<T> => {
    const mine = mounting ?? mount(false)
    try {
      return await work((await mine).blockstore)
    } catch (error) {
      if (!(error instanceof BlockstoreError && STALE.has(error.code)) || (isRenewed && mounting === mine)) throw error
      const next = mounting === mine ? mount(isRenewed = true) : mounting!
      return await work((await next).blockstore)
    }
  }
  const bytes = async (cid: AnyCid, options?: BlockCallOptions): Promise<Uint8Array> => {
    const own = toCid(cid)
    const asksFirst = isFirst
    isFirst = false
    if (!asksFirst) return use((blockstore) => blockstore.bytes(own, options))
    const there = await kept.get(own)
    if (there !== undefined) return there
    const block = await use((blockstore) => blockstore.bytes(own, options))
    kept.put(own, block)
    return block
  }
  async function * getMany (cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: StoreCallOptions): ReturnType<ReadBlockstore['getMany']> {
    yield * await use((blockstore) => blockstore.getMany(cids, options))
  }
  async function * getAll (options?: StoreCallOptions): ReturnType<ReadBlockstore['getAll']> {
    yield * await use((blockstore) => blockstore.getAll(options))
  }
  return {
    bytes,
    size: (cid, options) => use((blockstore) => blockstore.size(cid, options)),
    has: (cid, options) => use((blockstore) => blockstore.has(cid, options)),
    get: (cid, options) => oneChunk(() => bytes(cid, options)),
    getMany,
    getAll,
    close: async () => {
      for (const one of await Promise.allSettled(opened)) if (one.status === 'fulfilled') await one.value.close()
    },
  }
}
