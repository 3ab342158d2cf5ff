/** The errors of walking; what a store rejects with passes through unchanged, but for its not-found error, which is told more exactly. */
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type DagErrorCode =
  | 'DAG_BAD_BLOCK'
  | 'DAG_BAD_PATH'
  | 'DAG_BAD_UNIXFS'
  | 'DAG_BLOCK_TOO_LARGE'
  | 'DAG_HASH_MISMATCH'
  | 'DAG_NOT_DIRECTORY'
  | 'DAG_NOT_FILE'
  | 'DAG_NO_LINK'
  | 'DAG_OUTSIDE'
  | 'DAG_TOO_DEEP'
  | 'DAG_TOO_MANY_BLOCKS'
  | 'DAG_TOO_MANY_BYTES'
  | 'DAG_TOO_MANY_CIDS'
  | 'DAG_TOO_MANY_LINKS'
  | 'DAG_UNKNOWN_CODEC'
  | 'DAG_UNKNOWN_HASH'

/** The DAG cannot be walked as asked. */
export class DagError extends Error {
  override readonly name = 'DagError'
  readonly code: DagErrorCode
  /** The block at fault. */
  readonly cid: CID
  /** How far a path was followed to it: segments joined by `/`, with one in front; `undefined` below the end of a path. */
  readonly where: string | undefined

  constructor (code: DagErrorCode, message: string, cid: CID, options: ErrorOptions & { where?: string | undefined } = {}) {
    super(`${message}; cid=${cid.toString()}${options.where === undefined ? '' : ` where=${options.where}`}`, options)
    this.code = code
    this.cid = cid
    this.where = options.where
  }
}

/** The store's not-found error (its `cause`), with the place of the block in the DAG. */
export class MissingBlockError extends BlockNotFoundError {
  /** The block that links to it; `undefined` for the root. */
  readonly parent: CID | undefined
  /** Links between it and the root on the way by which it was met. */
  readonly depth: number
  /** As `DagError.where`. */
  readonly where: string | undefined

  constructor (cid: CID, options: ErrorOptions & { unindexedShards?: number, parent: CID | undefined, depth: number, where: string | undefined }) {
    super(cid, options)
    this.parent = options.parent
    this.depth = options.depth
    this.where = options.where
    this.message += `${options.parent === undefined ? '' : ` parent=${options.parent.toString()}`} depth=${options.depth}`
  }
}
