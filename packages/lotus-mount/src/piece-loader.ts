/// <reference lib="esnext.disposable" preserve="true" />
/** What teaches a `lotus://` mount to reach a piece: the interfaces between the mount, the loader and its sources. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import type { AnyPieceCid } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'

export interface PieceStat {
  /** `sealed`: known, and only sealed copies are known of. `unknown`: known, but nobody could look. */
  readonly unsealed: 'yes' | 'sealed' | 'unknown'
  /** Unpadded piece size (127/128 of the padded one), zero tail included. The end of the CAR stands in the index (`payloadEnd`). */
  readonly pieceBytes: number
}

export interface OpenPieceOptions extends CallOptions {
  /** What to do where only sealed copies are: refuse, or wait until a source has unsealed one, if any can. @default 'reject' */
  readonly sealed?: 'reject' | 'queue' | undefined
}

/** One place where pieces may be: sector files, a storage server, a piece server. */
export interface PieceSource {
  /** For messages. */
  readonly name: string
  /** Sources are tried from the least on. */
  readonly cost: number
  /** `undefined`: no record of the piece here. Rejects when it cannot say. @param piece - v1 */
  stat(piece: CID, options?: CallOptions): Promise<PieceStat | undefined>
  /**
   * The whole unpadded piece, zero tail included, closed by the caller; its identity does not matter. `undefined`: not here, or
   * not unsealed. Opening again gives an independent source.
   *
   * @param piece - v1
   */
  open(piece: CID, options?: OpenPieceOptions): Promise<ByteSource | undefined>
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
   * @throws {PieceLoaderError} `PIECE_UNKNOWN`, as `stat`. `PIECE_SEALED`: only sealed copies are known of.
   *   `PIECE_NO_SOURCE`, with each source's cause
   */
  open(piece: AnyPieceCid, options?: OpenPieceOptions): Promise<ByteSource>
  /** For people: what each source says about where the piece is. Never rejects but for a bad CID, on abort and after `close`. */
  explain(piece: AnyPieceCid, options?: CallOptions): Promise<string>
  /** Closes every piece that is open. Idempotent; later calls reject with `PIECE_LOADER_CLOSED`. */
  close(): Promise<void>
}
