/** Pieces as Lotus lists them. Source: go-fil-markets `piecestore/types.go`. */
import type { CID } from 'multiformats/cid'
import { about, cid, id, list, object, type Schema, whole } from './schema.ts'

export interface PieceDealInfo {
  readonly DealID: bigint
  readonly SectorID: bigint
  /** Padded bytes. */
  readonly Offset: number
  /** Padded bytes. */
  readonly Length: number
}

export interface PieceInfo {
  readonly PieceCID: CID
  readonly Deals: readonly PieceDealInfo[]
}

export const pieceInfo: Schema<PieceInfo> = object('PieceInfo', {
  PieceCID: cid,
  Deals: list(object<PieceDealInfo>('PieceDealInfo', { DealID: id, SectorID: id, Offset: about('padded bytes', whole), Length: about('padded bytes', whole) })),
})

export interface PieceBlockLocation {
  readonly RelOffset: number
  readonly BlockSize: number
  readonly PieceCID: CID
}

export interface CIDInfo {
  readonly CID: CID
  readonly PieceBlockLocations: readonly PieceBlockLocation[]
}

export const cidInfo: Schema<CIDInfo> = object('CIDInfo', {
  CID: cid,
  PieceBlockLocations: list(object<PieceBlockLocation>('PieceBlockLocation', { RelOffset: whole, BlockSize: whole, PieceCID: cid })),
})
