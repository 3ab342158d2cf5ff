/** The errors of every blockstore here; their names are those that js-stores and Helia test for. */
import type { CID } from 'multiformats/cid'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type BlockstoreErrorCode =
  | 'BLOCKSTORE_NOT_FOUND'
  | 'BLOCKSTORE_READ_ONLY'
  | 'BLOCKSTORE_CLOSED'
  | 'BLOCKSTORE_HASH_MISMATCH'
  | 'BLOCKSTORE_UNKNOWN_HASH'
  | 'BLOCKSTORE_TOO_LARGE'
  | 'BLOCKSTORE_UNREADABLE'

/** A block could not be had, for another reason than that it is absent. */
export class BlockstoreError extends Error {
  override readonly name = 'BlockstoreError'
  readonly code: Exclude<BlockstoreErrorCode, 'BLOCKSTORE_NOT_FOUND' | 'BLOCKSTORE_READ_ONLY'>
  /** The block asked for; `undefined` when the store as a whole refuses. */
  readonly cid: CID | undefined

  constructor (code: BlockstoreError['code'], message: string, options: ErrorOptions & { cid?: CID } = {}) {
    super(message, options)
    this.code = code
    this.cid = options.cid
  }
}

/** Proven absent from everything indexed; never an I/O error in disguise. Helia's bitswap and js-stores test `name`, we test `code`. */
export class BlockNotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'BLOCKSTORE_NOT_FOUND'
  readonly cid: CID
  /** Registered shards that had no index yet when the answer was given; above 0 the block may exist there. */
  readonly unindexedShards: number

  constructor (cid: CID, options: ErrorOptions & { unindexedShards?: number } = {}) {
    super(`block not found; cid=${cid.toString()}`, options)
    this.cid = cid
    this.unindexedShards = options.unindexedShards ?? 0
  }
}

/** A write was asked of a store that only reads; nothing has happened. */
export class ReadOnlyError extends Error {
  override readonly name = 'ReadOnlyError'
  readonly code = 'BLOCKSTORE_READ_ONLY'
}
