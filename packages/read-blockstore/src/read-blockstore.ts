/** The read half of interface-blockstore 7, and the optional powers beside it. */
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { AnyCid } from './any-cid.ts'

/** Plain value when no I/O was needed, else a promise; check before awaiting on hot paths. */
export type Awaitable<T> = T | Promise<T>

/** What every call takes. On abort it rejects with the signal's reason, unchanged. */
export interface BlockCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Memory of somebody who reads many long blocks and looks at each for a short time. */
export interface BlockMemory {
  /** Shorter blocks are not worth it. */
  readonly minBytes: number
  /** Memory of that length, whose bytes are any. */
  take(length: number): Uint8Array
}

/** As {@link BlockCallOptions}, for whole blocks. */
export interface BlockBytesOptions extends BlockCallOptions {
  /** A store may read the block into memory from here, and does not look at it once it has given it. @default memory of its own */
  readonly memory?: BlockMemory | undefined
}

/** As {@link BlockCallOptions}, in the form in which js-stores declares it. */
export interface StoreCallOptions {
  signal?: AbortSignal
}

/**
 * The read half of interface-blockstore 7, method for method, so that any js-stores store is one and one goes wherever a
 * consumer asks for `Pick<Blockstore, 'get'>` and the like.
 *
 * Ours add: keys compare by multihash (the codec and version of the CID asked for do not matter) unless opened with
 * `wholeCid: true`; `get` yields exactly one chunk (an empty block: one empty chunk), hashed before it is yielded unless the
 * store was opened with `verify: 'never'`; no resource is held between chunks, so an abandoned generator leaks nothing;
 * `getAll` yields the CIDs of the sections, codec included.
 */
export interface ReadBlockstore extends Pick<Blockstore, 'has' | 'get' | 'getMany' | 'getAll'> {
  /** True only if `get` could find it; rejects on I/O errors, never answers false for them. */
  has(cid: AnyCid, options?: StoreCallOptions): Awaitable<boolean>
  /** @throws on first iteration: {@link BlockNotFoundError}; {@link BlockstoreError} `BLOCKSTORE_HASH_MISMATCH`, `_UNREADABLE`, `_CLOSED`, … */
  get(cid: AnyCid, options?: StoreCallOptions): ReturnType<Blockstore['get']>
  /** In the order of `cids`; may read ahead in a window and coalesce. A missing block throws when its `bytes` are iterated. */
  getMany(cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: StoreCallOptions): ReturnType<Blockstore['getMany']>
  /** Every section once per multihash, unordered; scans the payload, holds no lock. */
  getAll(options?: StoreCallOptions): ReturnType<Blockstore['getAll']>
}

/** Optional power: a whole block in one piece. */
export interface BlockBytes {
  /** The whole verified block, memory owned by the caller; same errors as `get`. */
  bytes(cid: AnyCid, options?: BlockBytesOptions): Promise<Uint8Array>
}

/** Optional power: lengths without reading data. */
export interface BlockSizes {
  /** Length of the block's data in bytes (CID not counted). @throws {@link BlockNotFoundError} */
  size(cid: AnyCid, options?: BlockCallOptions): Awaitable<number>
}

/** Optional power: parts of a block. */
export interface BlockRanges {
  /**
   * Data bytes [from, from + length). A verifying store reads and hashes the whole block first.
   *
   * @throws {RangeError} past the end; otherwise as `get`
   */
  bytesAt(cid: AnyCid, from: number, length: number, options?: BlockCallOptions): Promise<Uint8Array>
}

/** A block that was read together with those behind it. Memory only: it holds nothing open. */
export interface BlockStretch {
  /** The block asked for, verified. A view of memory that all blocks of the stretch share. */
  readonly bytes: Uint8Array
  /** Nothing is left to be taken; known at the latest when that was tried. */
  readonly isSpent: boolean
  /**
   * Another block, as {@link bytes}, if it follows the one that was taken last, or lies shortly behind. `undefined`: it does not,
   * or is damaged; the store has to be asked. Never throws.
   */
  take(cid: CID): Uint8Array | undefined
}

/** Optional power: a block with those that follow it where it is stored, for walks, which mostly ask for them next. */
export interface BlockStretches {
  /** @param maxBytes - to read; the block itself comes however long it is. @throws as `bytes` */
  stretch(cid: AnyCid, maxBytes: number, options?: BlockCallOptions): Promise<BlockStretch>
}

/** What our own stores are: the interface with the powers that every one of them has. */
export type ShardBlockstore = ReadBlockstore & BlockBytes & BlockSizes & BlockRanges

export const hasBytes = <S extends object>(store: S): store is S & BlockBytes => 'bytes' in store && typeof store.bytes === 'function'
export const hasSizes = <S extends object>(store: S): store is S & BlockSizes => 'size' in store && typeof store.size === 'function'
export const hasStretches = <S extends object>(store: S): store is S & BlockStretches => 'stretch' in store && typeof store.stretch === 'function'
export const hasRanges = <S extends object>(store: S): store is S & BlockRanges => 'bytesAt' in store && typeof store.bytesAt === 'function'
