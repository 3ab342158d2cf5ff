/** One place where unsealed pieces may be had: the extension point of the loader. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export interface PieceStat {
  /** `yes`: readable now. `sealed`: only after unsealing. `unknown`: recorded, and nobody could say. */
  readonly unsealed: 'yes' | 'sealed' | 'unknown'
  /** Unpadded piece size (127/128 of the padded one), zero tail included. The end of the CAR stands in the index (`payloadEnd`). */
  readonly pieceBytes: number
}

/** Both methods get the piece CID v1, and reject only when they could not find out; `undefined` is an answer. */
export interface PieceSource {
  /** For messages. */
  readonly name: string
  /** Lower ones are asked first. */
  readonly cost: number
  /** `undefined`: the piece is not known here. */
  stat(piece: CID, options?: CallOptions): Promise<PieceStat | undefined>
  /**
   * The whole unpadded piece, zero tail included, for random reads; closed by the loader's caller. `undefined`: no unsealed
   * copy here.
   */
  open(piece: CID, options?: CallOptions): Promise<ByteSource | undefined>
}
