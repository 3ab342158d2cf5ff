/// <reference lib="esnext.disposable" preserve="true" />
/** What an IPFS node is here: a blockstore that reads and writes, and keeps what is pinned. */
import type { BlockBytes, BlockSizes, ReadBlockstore } from '@dagstore/read-blockstore'
import type { CallOptions } from '@dagstore/io'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

export interface ImportCarOptions extends CallOptions {
  /** Pin the DAGs under the roots once all blocks are written. @default false: the node's garbage collection may take them */
  readonly pinRoots?: boolean | undefined
}

/**
 * Reads fail with the errors of blockstores: `BLOCKSTORE_NOT_FOUND` only when the node says that it lacks the block, else
 * `BLOCKSTORE_UNREADABLE`, with the {@link IpfsError} as its cause. Writes and pins fail with {@link IpfsError}.
 */
export interface IpfsBlockstore extends ReadBlockstore, BlockBytes, BlockSizes, Pick<Blockstore, 'put' | 'putMany'>, AsyncDisposable {
  /** For messages. */
  readonly name: string
  /**
   * Blocks may be gathered before they are sent: {@link flush} says when they are written. Until then they are read from memory.
   *
   * @throws {BlockstoreError} `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH`: it was not taken
   */
  put: Blockstore['put']
  /** All are written when it ends; nothing happens before it is iterated. */
  putMany: Blockstore['putMany']
  /** Everything put before is written when it resolves. Blocks that could not be sent stay gathered, for the next call. */
  flush(options?: CallOptions): Promise<void>
  /**
   * Write all blocks of a CARv1 or CARv2, in batches, each hashed on the way. On failure those before have been written.
   *
   * @returns the roots in the header
   * @throws {CarV2Error} no CAR, or a damaged one. {@link IpfsError}; {@link BlockstoreError} as `put`
   */
  importCar(car: AsyncIterable<Uint8Array>, options?: ImportCarOptions): Promise<readonly CID[]>
  /** Keep the DAG under it; all of it has to be there unless the store is online. Flushes first. */
  pin(cid: CID, options?: CallOptions): Promise<void>
  /** @throws {IpfsError} `IPFS_REFUSED`: it is not pinned, or by a pin above it */
  unpin(cid: CID, options?: CallOptions): Promise<void>
  /** Flushes, and refuses later calls. */
  close(): Promise<void>
}
