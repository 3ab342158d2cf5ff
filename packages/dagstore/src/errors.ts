/** The errors of the store itself; those of blocks are `BlockstoreError` and `BlockNotFoundError` of read-blockstore. */
import type { Retry } from '@dagstore/io'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type DagstoreErrorCode =
  | 'DAGSTORE_BAD_KEY'
  | 'DAGSTORE_SHARD_EXISTS'
  | 'DAGSTORE_SHARD_UNKNOWN'
  | 'DAGSTORE_SHARD_ERRORED'
  | 'DAGSTORE_SHARD_DESTROYED'
  | 'DAGSTORE_NOT_ERRORED'
  | 'DAGSTORE_REFRESH_FAILED'
  | 'DAGSTORE_NOT_LOCAL'
  | 'DAGSTORE_BAD_RECORD'
  | 'DAGSTORE_BAD_FORMAT'
  | 'DAGSTORE_BAD_EXPORT'
  | 'DAGSTORE_STORAGE_FAILED'
  | 'DAGSTORE_LOCKED'
  | 'DAGSTORE_CLOSED'

/** A call on the store, or on one shard, was refused or has failed. */
export class DagstoreError extends Error {
  override readonly name = 'DagstoreError'
  readonly code: DagstoreErrorCode
  /** The shard's key; `undefined` when no single shard is at fault. */
  readonly key: string | undefined
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retry: Retry

  constructor (code: DagstoreErrorCode, message: string, options: ErrorOptions & { readonly key?: string, readonly retry?: Retry } = {}) {
    super(message, options)
    this.code = code
    this.key = options.key
    this.retry = options.retry ?? 'never'
  }
}

/** What a failure read from a record becomes as a `cause`: the error itself ended with the process that saw it. */
export class RecordedError extends Error {
  override readonly name = 'RecordedError'
  /** That of the original error. */
  readonly code: string
  readonly retry: Retry
  /** When it happened, ISO 8601, UTC. */
  readonly at: string

  constructor (failure: { readonly code: string, readonly message: string, readonly at: string, readonly retry: Retry }) {
    super(failure.message)
    this.code = failure.code
    this.retry = failure.retry
    this.at = failure.at
  }
}
