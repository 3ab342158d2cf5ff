/** How long a piece is for one who asks for it. */
import { MAX_PIECE_PADDED, pieceBytes, type PieceCidFacts, unpaddedBytes } from '@dagstore/piece'
import type { GatewayPieceStat } from './gateway-pieces.ts'

/** Sizes in bytes. */
export interface PieceSizes {
  /** Of the payload; of the whole piece where nobody knows where the payload ends. */
  readonly raw: number
  /** Of the whole unpadded piece. */
  readonly whole: number
}

/**
 * What is there, as the CID names it; a v2 CID says itself where the payload ends. `undefined`: it is not that, since it is of
 * another size than the CID says, or has more than zeros behind where it says that the payload ends.
 */
export const sizesOf = ({ rawBytes, pieceBytes: given }: GatewayPieceStat, named: PieceCidFacts): PieceSizes | undefined => {
  const whole = given ?? (rawBytes === undefined ? undefined : smallestFor(rawBytes))
  if (rawBytes !== undefined && (whole === undefined || rawBytes > whole)) return undefined
  if (whole !== undefined && whole > unpaddedBytes(MAX_PIECE_PADDED)) return undefined
  if (named.payloadBytes === undefined || named.paddedBytes === undefined) return whole === undefined ? undefined : { raw: rawBytes ?? whole, whole }
  const size = unpaddedBytes(named.paddedBytes)
  if ((whole !== undefined && whole !== size) || (rawBytes !== undefined && rawBytes > named.payloadBytes)) return undefined
  return { raw: named.payloadBytes, whole: size }
}

/** `undefined`: there is no such piece. */
const smallestFor = (rawBytes: number): number | undefined =>
  rawBytes < 1 || rawBytes > unpaddedBytes(MAX_PIECE_PADDED) ? undefined : pieceBytes(rawBytes).unpadded
