/**
 * A blockstore of one's own with a DAG store behind it: what a Helia node takes as its blockstore.
 *
 * One's own store is asked first. A block that is there is answered without waking a shard, whose bytes may lie behind a
 * network or have to be fetched as a whole, and it is answered too while its shard cannot be read. What a miss costs is one
 * lookup in a local store.
 *
 * Only reads reach the shards. Garbage collection of a node walks `getAll` and deletes what is not pinned: both see one's own
 * blocks alone, so it can neither list nor delete a block of a shard, nor does it read one.
 */
import { type AnyCid, BlockNotFoundError, BlockstoreError, readBlock, type ReadBlockstore, type StoreCallOptions, toCid } from '@dagstore/read-blockstore'
import type { Blockstore, Pair } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import { createRecentCids, type RecentCids } from './recent-cids.ts'

const SUSPECTS = 4096
const LACKED = 1024

export interface ReadThroughOptions {
  /**
   * What callers are told of a block that is there and cannot be read. `reject`: the failure, so that nothing is taken for
   * absent that is not. `absent`: a `NotFoundError` with the failure as its cause, and from then on `has` is false until the
   * block can be read again. For nodes that serve others: Bitswap answers a peer that it lacks such a block, where a failure
   * makes it fall silent towards that peer; and a node with other brokers gets the block from there, and keeps it in its own
   * store.
   *
   * @default 'reject'
   */
  readonly unreadable?: 'reject' | 'absent' | undefined
  /** Called with each failure that `absent` turns into an absence; nothing is harmed when it throws. */
  readonly onUnreadable?: ((cid: CID, error: unknown) => void) | undefined
}

/** A full `Blockstore`; its reads take CIDs of every multiformats major, and binary ones. */
export interface ReadThroughBlockstore extends Blockstore {
  /**
   * True only if `get` could find it. A store that cannot tell is passed over when the other one has it.
   *
   * @throws what the store that could not tell threw
   */
  has(cid: AnyCid, options?: StoreCallOptions): Promise<boolean>
  /**
   * From one's own store in its chunks, else from the shards in one.
   *
   * @throws on first iteration: a `NotFoundError` when both say that it is absent. What one store threw, when the other says
   *   that. {@link BlockstoreError} `BLOCKSTORE_UNREADABLE` with an AggregateError as its cause, when both threw
   */
  get(cid: AnyCid, options?: StoreCallOptions): AsyncGenerator<Uint8Array>
  /** In the order of `cids`. A missing block throws when its `bytes` are iterated. */
  getMany(cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: StoreCallOptions): AsyncGenerator<Pair>
}

/**
 * @param own - takes all writes and deletes, and is all that `getAll` lists; the caller opens and closes it
 * @param shards - read only: `dagstore.blockstore`, the blockstore of a lease, or any other
 */
export const createReadThroughBlockstore = (own: Blockstore, shards: ReadBlockstore, settings: ReadThroughOptions = {}): ReadThroughBlockstore => {
  /** Could not be read, and are absent since. */
  const suspects = settings.unreadable === 'absent' ? createRecentCids(SUSPECTS) : undefined
  /** Whoever asks whether a block is there asks for it next: one's own store lacked these, and the shards have them. */
  const lacked = createRecentCids(LACKED)

  /** Remember and tell a failure that is to count as an absence; false for every other one. */
  const hide = (cid: CID, error: unknown): boolean => {
    if (suspects === undefined || !isUnreadable(error)) return false
    suspects.add(cid)
    try {
      settings.onUnreadable?.(cid, error)
    } catch {
      // whoever listens harms nobody
    }
    return true
  }

  async function * get (any: AnyCid, options?: StoreCallOptions): AsyncGenerator<Uint8Array> {
    const cid = toCid(any)
    const asked = lacked.delete(cid) ? await settled(readBlock(shards, cid, options)) : undefined
    if (asked?.status === 'fulfilled') {
      yield asked.value
      return
    }
    options?.signal?.throwIfAborted()
    let begun = false
    let failure: unknown
    try {
      for await (const chunk of own.get(cid, options)) {
        begun = true
        yield chunk
      }
      return
    } catch (error) {
      if (begun) throw error
      // some stores call an abort an absence
      options?.signal?.throwIfAborted()
      failure = error
    }
    yield await otherwise(cid, failure, options, () => asked === undefined ? readBlock(shards, cid, options) : Promise.reject(asked.reason)).catch((error: unknown) => {
      options?.signal?.throwIfAborted()
      throw hide(cid, error) ? new BlockNotFoundError(cid, { cause: error }) : error
    })
  }

  const has = async (cid: CID, options: StoreCallOptions | undefined): Promise<boolean> => {
    let failure: unknown
    try {
      if (await own.has(cid, options)) return true
    } catch (error) {
      options?.signal?.throwIfAborted()
      failure = error
    }
    return otherwise(cid, failure, options, async () => {
      const found = suspects?.has(cid) === true ? await canRead(shards, cid, options, suspects) : await shards.has(cid, options)
      // absent there, and here nobody knows
      if (!found && failure !== undefined) throw failure
      if (found) lacked.add(cid)
      return found
    })
  }

  return {
    get,
    has: async (any, options) => {
      const cid = toCid(any)
      try {
        return await has(cid, options)
      } catch (error) {
        options?.signal?.throwIfAborted()
        if (hide(cid, error)) return false
        throw error
      }
    },
    getMany: async function * (cids, options) {
      for await (const any of cids) {
        options?.signal?.throwIfAborted()
        const cid = toCid(any)
        yield { cid, bytes: get(cid, options) }
      }
    },
    put: (cid, bytes, options) => own.put(cid, bytes, options),
    putMany: (source, options) => own.putMany(source, options),
    delete: (cid, options) => own.delete(cid, options),
    deleteMany: (source, options) => own.deleteMany(source, options),
    getAll: (options) => own.getAll(options),
  }
}

/** `read` from the shards, after `failure` of one's own store; what went wrong on both sides is told. */
const otherwise = async <T>(cid: CID, failure: unknown, options: StoreCallOptions | undefined, read: () => Promise<T>): Promise<T> => {
  try {
    return await read()
  } catch (error) {
    options?.signal?.throwIfAborted()
    if (failure === undefined || isNotFound(failure) || error === failure) throw error
    if (isNotFound(error)) throw failure
    throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `neither store can be read; cid=${cid.toString()}`, { cid, cause: new AggregateError([failure, error]) })
  }
}

const settled = async <T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> => (await Promise.allSettled([promise]))[0]

/** Whether a block that could not be read can be now; an index alone cannot tell. */
const canRead = async (shards: ReadBlockstore, cid: CID, options: StoreCallOptions | undefined, suspects: RecentCids): Promise<boolean> => {
  try {
    await readBlock(shards, cid, options)
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
  suspects.delete(cid)
  return true
}

/** Neither an absence, nor a store that is used after its end. */
const isUnreadable = (error: unknown): boolean => !isNotFound(error) && !(error instanceof BlockstoreError && error.code === 'BLOCKSTORE_CLOSED')

/** As js-stores and Helia tell it, whoever made the error. */
const isNotFound = (error: unknown): boolean => error instanceof Error && error.name === 'NotFoundError'
