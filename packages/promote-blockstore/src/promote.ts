/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A read blockstore in the place of a full one.
 *
 * Source: lotus `markets/dagstore/blockstore.go`. Stricter: refusals carry a code, and after `close` nothing is read.
 */
import { type AnyCid, BlockstoreError, hasBytes, type ReadBlockstore, ReadOnlyError, type StoreCallOptions, toCid } from '@dagstore/read-blockstore'
import type { Blockstore, Pair } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

/**
 * A full `Blockstore`: reads are those of the store it was made from, and every write is refused with a `ReadOnlyError`,
 * code `BLOCKSTORE_READ_ONLY`. `put` and `delete` reject; `putMany` and `deleteMany` throw on first iteration, and their
 * source is not touched.
 */
export interface PromotedBlockstore extends Blockstore, AsyncDisposable {
  has(cid: AnyCid, options?: StoreCallOptions): Promise<boolean>
  get(cid: AnyCid, options?: StoreCallOptions): AsyncGenerator<Uint8Array>
  getMany(cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: StoreCallOptions): AsyncGenerator<Pair>
  getAll(options?: StoreCallOptions): AsyncGenerator<Pair>
  put(...args: Parameters<Blockstore['put']>): Promise<never>
  putMany(...args: Parameters<Blockstore['putMany']>): AsyncGenerator<never>
  delete(...args: Parameters<Blockstore['delete']>): Promise<never>
  deleteMany(...args: Parameters<Blockstore['deleteMany']>): AsyncGenerator<never>
  /**
   * Close the owner, once; every caller gets the outcome of that one time. From the first call on, every other call and
   * every next step of an iteration rejects with `BLOCKSTORE_CLOSED`, also when closing the owner failed.
   */
  close(): Promise<void>
}

/**
 * The full blockstore that reads from `store` and whose `close` closes `owner`, to which the store belongs: a shard lease,
 * an index mount, an open store.
 *
 * @param store - any read blockstore, of js-stores too
 */
export const promote = (store: ReadBlockstore, owner: AsyncDisposable): PromotedBlockstore => {
  let closing: Promise<void> | undefined

  const closeOwner = async (): Promise<void> => { await owner[Symbol.asyncDispose]() }
  const close = (): Promise<void> => closing ??= closeOwner()
  const check = (options: StoreCallOptions | undefined): void => {
    if (closing !== undefined) throw new BlockstoreError('BLOCKSTORE_CLOSED', 'promoted blockstore is closed')
    options?.signal?.throwIfAborted()
  }
  const refuse = (method: string): never => {
    check(undefined)
    throw new ReadOnlyError(`${method} called but not implemented`)
  }

  async function * chunksOf (block: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: StoreCallOptions | undefined): AsyncGenerator<Uint8Array> {
    check(options)
    // a block that is already complete stays so: nothing is checked after its last chunk
    for await (const chunk of block) {
      check(options)
      yield chunk
    }
  }
  async function * pairsOf (open: () => Iterable<Pair> | AsyncIterable<Pair>, options: StoreCallOptions | undefined): AsyncGenerator<Pair> {
    check(options)
    for await (const { cid, bytes } of open()) {
      yield { cid: toCid(cid), bytes: chunksOf(bytes, options) }
      check(options)
    }
  }

  return {
    has: async (cid, options) => {
      check(options)
      return store.has(toCid(cid), options)
    },
    get: async function * (cid, options) {
      check(options)
      if (hasBytes(store)) yield await store.bytes(toCid(cid), options)
      else yield * chunksOf(store.get(toCid(cid), options), options)
    },
    getMany: (cids, options) => pairsOf(() => store.getMany(ownCids(cids), options), options),
    getAll: (options) => pairsOf(() => store.getAll(options), options),
    put: async () => refuse('put'),
    putMany: async function * () { yield refuse('putMany') },
    delete: async () => refuse('delete'),
    deleteMany: async function * () { yield refuse('deleteMany') },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The CIDs as ours, as lazily as they come. */
const ownCids = (cids: Iterable<AnyCid> | AsyncIterable<AnyCid>): Iterable<CID> | AsyncIterable<CID> =>
  Symbol.asyncIterator in cids ? ownAwaited(cids) : ownOnes(cids)

function * ownOnes (cids: Iterable<AnyCid>): Generator<CID> {
  for (const cid of cids) yield toCid(cid)
}

async function * ownAwaited (cids: AsyncIterable<AnyCid>): AsyncGenerator<CID> {
  for await (const cid of cids) yield toCid(cid)
}
