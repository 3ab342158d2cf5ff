/** Which sectors hold which piece, and which pieces hold which payload: the interface of every form. */
import type { CallOptions } from '@dagstore/io'
import type { AnyPieceCid } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'

/** Where a copy of a piece lies. Sizes and offsets in bytes, as Filecoin counts them: fr32-padded. */
export interface PieceLocation {
  /** Actor id; a u64. */
  readonly miner: bigint
  /** Number of the sector; a u64. */
  readonly sector: bigint
  /** Start in the unsealed sector; a multiple of 128. */
  readonly offsetPadded: number
  /** A power of two, 128 to 64 GiB. */
  readonly lengthPadded: number
  /** Bytes of the payload (the CAR) before its zero padding; `undefined` when nobody said. */
  readonly payloadBytes: number | undefined
}

/** A copy of a piece. */
export interface PieceCopy {
  /** Of either version. */
  readonly piece: AnyPieceCid
  readonly location: PieceLocation
}

export interface PieceRecord {
  /** v1. */
  readonly piece: CID
  /** By miner, sector, offset, length; at least one. */
  readonly locations: readonly PieceLocation[]
}

/** A payload CID of any multiformats major, or its bytes. Its codec and version do not matter. */
export type PayloadCid = Uint8Array | { readonly multihash: { readonly bytes: Uint8Array } }

/**
 * Piece CIDs are taken in both versions and name the same piece; those given back are v1. Every change is durable on return,
 * and repeating it changes nothing.
 *
 * Every call that takes a CID rejects with `PIECE_STORE_BAD_CID` for what is none, and every call with `PIECE_STORE_FAILED`
 * when the database fails.
 */
export interface PieceStore {
  /** Grows when a copy is added, through any object on the same database in this process: who remembers a list of copies sees that it is old. */
  additions(): number
  /**
   * A copy of the piece lies there. Said again with another `payloadBytes`, the new one counts; said again without, the known
   * one stays. A v2 CID says its `payloadBytes` itself.
   *
   * @throws {RangeError} a field is out of range, or contradicts what a v2 CID says
   */
  add(piece: AnyPieceCid, location: PieceLocation): Promise<void>
  /**
   * As `add` for each of them, in one write: all of them or none, and nothing at all where nothing is new. They are in memory
   * together.
   *
   * @throws {RangeError} as `add`
   */
  addMany(copies: Iterable<PieceCopy>): Promise<void>
  /** By miner, sector, offset, length; empty when the piece is unknown. @throws {PieceStoreError} `PIECE_STORE_DAMAGED` */
  get(piece: AnyPieceCid): Promise<readonly PieceLocation[]>
  /** That copy is gone, whatever its `payloadBytes`. Payloads stay linked to the piece. */
  remove(piece: AnyPieceCid, location: PieceLocation): Promise<void>
  /** Every piece with a location, by the bytes of its commitment; one piece's records are in memory at a time. */
  list(options?: CallOptions): AsyncIterable<PieceRecord>
  /** The piece holds the DAG or block with this CID. */
  addPayload(payload: PayloadCid, piece: AnyPieceCid): Promise<void>
  removePayload(payload: PayloadCid, piece: AnyPieceCid): Promise<void>
  /** Pieces that hold it, by the bytes of their commitments, with or without a location; empty when none is known. */
  pieces(payload: PayloadCid): Promise<readonly CID[]>
  /** Multihash of each payload of which a piece is known, by length, then bytes. */
  payloads(options?: CallOptions): AsyncIterable<Uint8Array>
}
