/// <reference lib="esnext.disposable" preserve="true" />
/** What a `lotus://` mount needs to reach a piece: the interfaces between the mount, the loader and its sources. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import type { AnyPieceCid } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import type { SourceScore } from './source-scores.ts'

export interface PieceStat {
  /**
   * `sealed`: known, and only sealed copies are known of. `lost`: known, but no copy is where its records say, and no sealed one
   * is known of. `unknown`: known, but nobody could look.
   */
  readonly unsealed: 'yes' | 'sealed' | 'lost' | 'unknown'
  /** Unpadded piece size (127/128 of the padded one), zero tail included: how much can be read. */
  readonly pieceBytes: number
  /** Of the CAR before its zero tail; `undefined` where nobody said. What was indexed has its end in the index (`payloadEnd`). */
  readonly payloadBytes?: number | undefined
}

/** What is to be done where only sealed copies are known of. */
export type SealedPolicy = 'reject' | 'queue' | 'ask'

/** What is known of a piece without looking at it. */
export interface PieceSizes {
  /** Unpadded piece size. */
  readonly pieceBytes?: number | undefined
  /** Of the payload before its zero tail. */
  readonly payloadBytes?: number | undefined
}

/** What a source is told about the piece that it is asked for. */
export interface PieceCallOptions extends CallOptions, PieceSizes {}

export interface OpenPieceOptions extends CallOptions {
  /** Where only sealed copies are known of. @default that of the loader */
  readonly sealed?: SealedPolicy | undefined
}

/** One place where pieces may be: sector files, a storage server, a piece server. */
export interface PieceSource {
  /** For messages. */
  readonly name: string
  /** Sources are tried from the least on; one unit counts as much as 100 ms that a source takes to answer. */
  readonly cost: number
  /** How long `undefined`, `sealed` and `lost` are believed; 0: it is asked each time. @default `negativeTtlMs` of the loader */
  readonly absenceTtlMs?: number | undefined
  /** `undefined`: no record of the piece here. Rejects when it cannot say. @param piece - v1 */
  stat(piece: CID, options?: PieceCallOptions): Promise<PieceStat | undefined>
  /**
   * The whole unpadded piece, zero tail included, closed by the caller; its identity does not matter. `undefined`: not here, or
   * not unsealed; opening never unseals. Opening again gives an independent source.
   *
   * @param piece - v1
   */
  open(piece: CID, options?: PieceCallOptions): Promise<ByteSource | undefined>
  /** What its records say, without a look at the piece; other sources are told. `undefined`: no record. @param piece - v1 */
  sizes?(piece: CID, options?: CallOptions): Promise<PieceSizes | undefined>
  /** Have the piece unsealed, for as long as that takes. `false`: no sealed copy here. @param piece - v1 */
  unseal?(piece: CID, options?: CallOptions): Promise<boolean>
  /** For people: where it looks for the piece, and what is or is not there. `undefined`: no record of it here. @param piece - v1 */
  explain?(piece: CID, options?: CallOptions): Promise<string | undefined>
}

/** v1 and v2 piece CIDs name the same piece. What is no piece CID rejects with `PIECE_BAD_CID` of `@dagstore/piece`. */
export interface PieceLoader extends AsyncDisposable {
  /**
   * @throws {PieceLoaderError} `PIECE_UNKNOWN`: no record of it anywhere that answered; `retry` is `later` when some did not.
   *   `PIECE_NO_SOURCE`: none answered
   */
  stat(piece: AnyPieceCid, options?: CallOptions): Promise<PieceStat>
  /**
   * The unpadded piece bytes, read in place, identity of kind `content` (the v1 CID). A read that its source loses is repeated
   * on the next one; when all have lost it, it rejects with `IO_SOURCE_LOST`, and a later read tries them all again.
   *
   * @throws {PieceLoaderError} `PIECE_UNKNOWN`, as `stat`. `PIECE_SEALED`: only sealed copies are known of, and they are left
   *   so. `PIECE_LOST`: no copy is where its records say, and no sealed one is known of. `PIECE_NO_SOURCE`, with each source's cause
   */
  open(piece: AnyPieceCid, options?: OpenPieceOptions): Promise<ByteSource>
  /** For people: what each source says about where the piece is. Never rejects but for a bad CID, on abort and after `close`. */
  explain(piece: AnyPieceCid, options?: CallOptions): Promise<string>
  /** Ask again whoever said that the piece is not there; all pieces, where none is given. */
  forget(piece?: AnyPieceCid): void
  /** How the sources have done, those that are tried first at the beginning. */
  scores(): readonly SourceScore[]
  /** Closes every piece that is open. Idempotent; later calls reject with `PIECE_LOADER_CLOSED`. */
  close(): Promise<void>
}
