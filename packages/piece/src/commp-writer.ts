/** A commitment for those who may wait, so that the work may be done elsewhere. */
import type { Awaitable, CallOptions } from '@dagstore/io'
import { createCommP, type CommPOptions, type PieceCommitment } from './commp.ts'

/** Takes a payload in order, in parts of any length. */
export interface CommPWriter {
  /** Keeps no reference once it is done. @throws {PieceError} `PIECE_TOO_LARGE` @throws the reason of an abort */
  write(bytes: Uint8Array): Awaitable<void>
  /** The result of all that was written. @throws {PieceError} `PIECE_TOO_SMALL`: nothing was @throws the reason of an abort */
  finish(): Promise<PieceCommitment>
  /** Gives up what is under way. Idempotent. */
  close(): Promise<void>
}

/** One for each payload; the caller closes it. */
export type OpenCommP = (options?: CallOptions) => CommPWriter

/** On this thread. */
export const openCommPHere = (options: CommPOptions = {}): OpenCommP => ({ signal } = {}) => {
  const commp = createCommP(options)
  return {
    write: (bytes) => { commp.write(bytes) },
    finish: async () => {
      signal?.throwIfAborted()
      return commp.finish()
    },
    close: async () => {},
  }
}
