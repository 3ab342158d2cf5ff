/** What callers give as CIDs, read. */
import { type AnyPieceCid, parsePieceCid, type PieceCidFacts, PieceError } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import { PieceStoreError } from './errors.ts'
import type { PayloadCid } from './piece-store.ts'

/** @throws {PieceStoreError} `PIECE_STORE_BAD_CID` */
export const factsOf = (piece: AnyPieceCid): PieceCidFacts => {
  try {
    return parsePieceCid(piece)
  } catch (cause) {
    if (!(cause instanceof PieceError) && !(cause instanceof TypeError)) throw cause
    throw new PieceStoreError('PIECE_STORE_BAD_CID', 'not a piece CID', { cause })
  }
}

/** @throws {PieceStoreError} `PIECE_STORE_BAD_CID` */
export const multihashOf = (payload: PayloadCid): Uint8Array => {
  if (!(payload instanceof Uint8Array)) return payload.multihash.bytes
  try {
    return CID.decode(payload).multihash.bytes
  } catch (cause) {
    throw new PieceStoreError('PIECE_STORE_BAD_CID', 'not the bytes of a CID', { cause })
  }
}
