/// <reference lib="esnext.disposable" preserve="true" />
/** What a CARv2 file under construction offers. */
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { AnyCid, ShardBlockstore, StoreCallOptions } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { BlockInput } from './block-input.ts'

/** Facts of a finished file. All sizes in bytes. */
export interface FinalizedFacts {
  readonly roots: readonly CID[]
  /** The CARv1 inside: header and sections. */
  readonly payloadBytes: number
  readonly blockCount: number
  /** The whole file. */
  readonly sizeBytes: number
}

/**
 * What a finished file says about where its blocks are. `with-trailer`: the standard index, then what our readers look blocks
 * up by (Go readers ignore it). `multihash-index-sorted` (0x0401) and `index-sorted` (0x0400): the standard bytes alone, as
 * go-car's `UseIndexCodec` has them. `none`: nothing, readers have to scan.
 */
export type IndexForm = 'with-trailer' | 'multihash-index-sorted' | 'index-sorted' | 'none'

export interface FinalizeOptions extends CallOptions {
  /** @default those given at opening */
  readonly roots?: readonly AnyCid[] | undefined
  /** @default 'with-trailer' */
  readonly index?: IndexForm
  /** Zeros between the sections and the index, in bytes; go-car's `UseIndexPadding`. @default 0 */
  readonly indexPadding?: number
  /** Told of the bytes of sections that are in the index. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/**
 * A blockstore on one file. Writes follow interface-blockstore, reads `ReadBlockstore`; a block is readable once its `put`
 * has resolved, and on disk once a `checkpoint` after that has. Blocks can not be deleted.
 */
export interface WritableCar extends ShardBlockstore, Pick<Blockstore, 'put' | 'putMany' | 'delete' | 'deleteMany'>, AsyncDisposable {
  /** Sections in the file, those found at opening included. */
  readonly blockCount: number
  /** Length of the CARv1 with the present roots. */
  readonly payloadBytes: number
  /** Those given so far; `undefined`: a change of them was cut short, and `finalize` must be told. */
  readonly roots: readonly CID[] | undefined
  /**
   * Resolves with the CID when the block is readable; not yet durable. A block that is there is not stored again, unless
   * duplicates are allowed. May be called any number of times at once. Keeps no reference to the bytes.
   *
   * @throws {BlockstoreError} `BLOCKSTORE_HASH_MISMATCH`, `_UNKNOWN_HASH`, `_TOO_LARGE`, `_CLOSED`, `_UNREADABLE` (a section
   *   that may be the same can not be read): nothing is stored
   * @throws {WritableCarError} `WRITABLE_CAR_FINALIZED`, `WRITABLE_CAR_FAILED`
   * @throws {IoError} too much waits to be written, and writing fails: nothing is stored
   */
  put(cid: AnyCid, bytes: BlockInput, options?: StoreCallOptions): Promise<CID>
  /** Puts in the order of the source, one after another as it is iterated. */
  putMany(source: Iterable<BlockPair> | AsyncIterable<BlockPair>, options?: StoreCallOptions): AsyncGenerator<CID, void, undefined>
  /** @throws {ReadOnlyError} always: sections can not be taken out of a CAR */
  delete(cid: AnyCid, options?: StoreCallOptions): Promise<void>
  /** @throws {ReadOnlyError} on first iteration, always; the source is not touched */
  deleteMany(source: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: StoreCallOptions): AsyncGenerator<CID, void, undefined>
  /** On return every block whose `put` had resolved survives a crash. */
  checkpoint(): Promise<void>
  /**
   * Makes it a CARv2 file with an index, durable on return. Reads go on after it, puts do not. When it rejects before the
   * header is written, the file is as it was: puts go on, and the call may be repeated. A signal counts until then.
   *
   * @throws {WritableCarError} `WRITABLE_CAR_ROOTS_TOO_LARGE` with `reserveBytes`; `WRITABLE_CAR_ROOTS_UNKNOWN`,
   *   `WRITABLE_CAR_FINALIZED`, `WRITABLE_CAR_FAILED`; `WRITABLE_CAR_ROOTS_FIXED` in a layout of go-car
   * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: a section that the index needs can not be read
   */
  finalize(options?: FinalizeOptions): Promise<FinalizedFacts>
  /**
   * Checkpoints, unless finalized, and closes. Idempotent; calls under way finish, later ones reject with `BLOCKSTORE_CLOSED`.
   * After a sync that failed nothing is written, and what was put since the last checkpoint may be lost.
   *
   * @throws {WritableCarError} `WRITABLE_CAR_FAILED`, unless another call had it before. The file is closed all the same
   */
  close(): Promise<void>
  /** Closes without writing anything more: what was put since the last checkpoint may be lost. The file stays. */
  discard(): Promise<void>
}

export interface BlockPair {
  readonly cid: AnyCid
  readonly bytes: BlockInput
}
