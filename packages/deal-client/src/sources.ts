/** The port to the data of deals: imports, a store in layers, an IPFS node. */
import type { BlockGetter } from '@dagstore/dag'
import type { Awaitable, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** The payload form of a DAG as a piece. */
export interface PiecePayload {
  /** v1; of the smallest piece. */
  readonly pieceCid: CID
  /** Of that. */
  readonly paddedBytes: number
  /** Of the payload form, before any zeros. */
  readonly payloadBytes: number
}

/** A DAG that can be read. */
export interface DealSource {
  readonly store: BlockGetter
  /** Whether the store has compared what it gives with its CID. @default false */
  readonly verified?: boolean | undefined
  /** What is remembered of its piece. */
  readonly piece?: PiecePayload | undefined
  /** Remember it. */
  setPiece?(piece: PiecePayload): Promise<void>
  /** Called once. */
  close(): Awaitable<void>
}

export interface DealSources {
  /** `undefined`: nobody here has it. */
  open(root: CID, options: CallOptions): Promise<DealSource | undefined>
}
