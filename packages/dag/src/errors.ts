/** The errors of walking; what a store rejects with passes through unchanged. */
import type { CID } from 'multiformats/cid'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type DagErrorCode =
  | 'DAG_BAD_BLOCK'
  | 'DAG_HASH_MISMATCH'
  | 'DAG_TOO_DEEP'
  | 'DAG_TOO_MANY_BLOCKS'
  | 'DAG_UNKNOWN_CODEC'
  | 'DAG_UNKNOWN_HASH'

/** The DAG cannot be walked as asked. */
export class DagError extends Error {
  override readonly name = 'DagError'
  readonly code: DagErrorCode
  /** The block at fault. */
  readonly cid: CID

  constructor (code: DagErrorCode, message: string, cid: CID, options: ErrorOptions = {}) {
    super(`${message}; cid=${cid.toString()}`, options)
    this.code = code
    this.cid = cid
  }
}
