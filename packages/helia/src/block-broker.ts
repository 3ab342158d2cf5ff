/**
 * A DAG store as one of the places where a Helia node gets blocks that its blockstore lacks. The node verifies each one and
 * keeps a copy of it.
 *
 * Source: `BlockBroker` and `SessionBlockBroker` of `@helia/interface` 7, whose shape this has; nothing of Helia is imported,
 * so it loads on every platform.
 */
import { type AnyCid, type BlockCallOptions, BlockstoreError, hasSizes, readBlock, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'

/** What blocks are read from: a DAG store, a lease or an index mount. */
export interface BlockSource {
  readonly blockstore: ReadBlockstore
  /** For the blocks of one DAG: reads first where the last ones were found. @default `blockstore` */
  createSession?(): ReadBlockstore
}

export interface RetrieveOptions extends BlockCallOptions {
  /** Called with the block before it is given out; what it rejects with is passed on. */
  readonly validateFn?: ((block: Uint8Array) => Promise<void>) | undefined
  /** Of a block, in bytes. @default none */
  readonly maxSize?: number | undefined
}

/** Fits wherever Helia takes a `BlockBroker`. */
export interface DagstoreBlockBroker {
  readonly name: string
  /**
   * The whole block, checked by the store and by `validateFn`.
   *
   * @throws {BlockNotFoundError} no indexed shard has it; the node's other brokers are not held up. `unindexedShards` says how
   *   many could not be asked
   * @throws {BlockstoreError} as the store's reads, code and cause unchanged. `BLOCKSTORE_TOO_LARGE`: above `maxSize`
   */
  retrieve(cid: AnyCid, options?: RetrieveOptions): Promise<Uint8Array>
  /** For one DAG. Holds nothing, so there is nothing to close. */
  createSession(): DagstoreSessionBroker
}

/** Fits wherever Helia takes a `SessionBlockBroker`. */
export interface DagstoreSessionBroker extends DagstoreBlockBroker {
  /** Does nothing: there are shards here, and no peers. */
  addPeer(peer: unknown): Promise<void>
}

const NAME = 'dagstore'

/** @param source - the caller closes it, after the node */
export const dagstoreBlockBroker = (source: BlockSource): DagstoreBlockBroker => {
  const createSession = (): DagstoreSessionBroker => ({
    ...brokerOf(source.createSession?.() ?? source.blockstore, createSession),
    addPeer: async () => {},
  })
  return brokerOf(source.blockstore, createSession)
}

const brokerOf = (store: ReadBlockstore, createSession: () => DagstoreSessionBroker): DagstoreBlockBroker => ({
  name: NAME,
  retrieve: async (any, { signal, validateFn, maxSize } = {}) => {
    const cid = toCid(any)
    const check = (sizeBytes: number): void => {
      if (maxSize === undefined || sizeBytes <= maxSize) return
      throw new BlockstoreError('BLOCKSTORE_TOO_LARGE', `block above the size asked for; cid=${cid.toString()} size=${sizeBytes} limit=${maxSize}`, { cid })
    }
    // a block that is too large need not be read to know
    if (maxSize !== undefined && hasSizes(store)) check(await store.size(cid, { signal }))
    const bytes = await readBlock(store, cid, { signal })
    check(bytes.byteLength)
    await validateFn?.(bytes)
    signal?.throwIfAborted()
    return bytes
  },
  createSession,
})
