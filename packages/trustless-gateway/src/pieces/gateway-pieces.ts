/** Pieces as a gateway needs them: interfaces. */
import type { Awaitable, ByteSource, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** Sizes in bytes. */
export interface GatewayPieceStat {
  /** Of the payload before the zero padding, at least 1; `undefined`: not known, then the whole piece is served as the payload. */
  readonly rawBytes: number | undefined
  /**
   * Of the whole unpadded piece, zero padding included; `undefined`: not known, then the smallest that holds the payload. Without
   * either a piece is served by v2 CIDs alone.
   */
  readonly pieceBytes: number | undefined
  /** Where the payload is known to be a CAR. @default not known */
  readonly carVersion?: 1 | 2 | undefined
}

export interface GatewayPiece extends GatewayPieceStat {
  /** The bytes from the start; what it lacks of the piece is zeros. Not closed by the gateway. */
  readonly source: ByteSource
  /** Gives back what was opened. Idempotent. */
  close (): Awaitable<void>
}

export interface GatewayPieces {
  /** `undefined`: not here. Opens no data. @param piece - v1 */
  stat (piece: CID, options: CallOptions): Promise<GatewayPieceStat | undefined>
  /** `undefined`: not here, or no longer. @param piece - v1 */
  open (piece: CID, options: CallOptions): Promise<GatewayPiece | undefined>
}
