/// <reference lib="esnext.disposable" preserve="true" />
/** What an index answers, wherever its bytes are. */
import type { Awaitable, CallOptions, SourceIdentity } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** CarIndexSorted: one list of buckets by digest length, the hash function unknown. */
export const INDEX_SORTED = 0x0400
/** CarMultihashIndexSorted: such lists by multihash code. */
export const MULTIHASH_INDEX_SORTED = 0x0401

export type IndexCodec = typeof INDEX_SORTED | typeof MULTIHASH_INDEX_SORTED

/** One section. Offsets count from the start of the CARv1 payload (not of the file) to the section's length varint. */
export interface IndexEntry {
  readonly sectionOffset: number
  /**
   * Varint and CID before the data; `undefined` for an index without our trailer, and for a CID of a rare form, whose
   * section tells.
   */
  readonly headBytes: number | undefined
  /** The block's data; `undefined` for an index without our trailer. */
  readonly dataBytes: number | undefined
}

/** An entry with its key. */
export interface KeyedIndexEntry extends IndexEntry {
  /** Multihash code; `undefined` for codec 0x0400. */
  readonly code: number | undefined
  /** A copy that the consumer may keep. */
  readonly digest: Uint8Array
}

/** Digests of neighbouring entries, without an object for each. */
export interface DigestRows {
  /** Multihash code; `undefined` for codec 0x0400. */
  readonly code: number | undefined
  readonly digestBytes: number
  /** Each row begins with its digest. Good until the next ones are asked for; read-only. */
  readonly rows: Uint8Array
  readonly rowBytes: number
}

export interface IndexFacts {
  readonly codec: IndexCodec
  readonly entryCount: number
  /** Where the CARv1 payload starts in the source (0, or the data offset of a CARv2). `undefined` without trailer. */
  readonly payloadStart: number | undefined
  /** End of the last section, from the payload's start; zero padding lies behind it. `undefined` without trailer. */
  readonly payloadEnd: number | undefined
  /** The bytes it was built from; `undefined` without trailer, or when they were not named. */
  readonly source: SourceIdentity | undefined
  /** Roots of the CARv1 header; `undefined` without trailer, or when the header was too long for it. */
  readonly roots: readonly CID[] | undefined
  readonly identityCids: 'included' | 'excluded' | 'unknown'
}

export interface FindOptions extends CallOptions {
  /** Stop after so many entries, at least 1; a block may be there a million times. @default no limit */
  readonly limit?: number | undefined
}

/**
 * A read-only view of one immutable index. Opening reads the end of the index only, of a short one all; a page is checked
 * against its checksum before it is used, so damage is an error, never an absence.
 */
export interface IndexView extends AsyncDisposable {
  readonly facts: IndexFacts
  /**
   * All sections that may hold the block, by offset where this library wrote the index; empty proves absence, but
   * for a multihash of identity only where `facts.identityCids` is `included`. With codec 0x0400 the hash function is
   * unknown: the caller must compare the CID in the section. A plain value when the pages are at hand. Two reads, plus
   * log2(entries) for clustered digests.
   *
   * @throws {CarV2Error} `CARV2_INDEX_DAMAGED`: a page does not match its checksum; `offset` is the page.
   *   `CARV2_BAD_INDEX`: an index without checksums is not sorted, or an offset is not legal. `IO_*`
   * @throws {TypeError} not a multihash
   * @throws {RangeError} `limit`
   */
  find(multihash: Uint8Array, options?: FindOptions): Awaitable<readonly IndexEntry[]>
  /**
   * What `find` gives with `limit: 1` where no I/O is needed; starts none. `undefined`: it does not tell, or the view has no
   * such way. @throws as {@link IndexView.find}
   */
  peek?(multihash: Uint8Array): readonly IndexEntry[] | undefined
  /** Grouped by hash code and digest length, digests ascending; constant memory. @throws as {@link IndexView.find} */
  entries(options?: CallOptions): AsyncIterable<KeyedIndexEntry>
  /** The digests of `entries`, in the same order, some thousand at a time. @throws as {@link IndexView.find} */
  digests(options?: CallOptions): AsyncIterable<DigestRows>
  /** Idempotent. Later calls reject with `IO_CLOSED`. */
  close(): Promise<void>
}
