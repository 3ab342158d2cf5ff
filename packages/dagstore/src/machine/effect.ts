/**
 * What the runner must do, in the order given. A `persist` is first and is awaited: when it fails, nothing behind it
 * happens, the state stays as it was and the machine gets `unsaved`. So nobody is answered before the answer is durable.
 */
import type { Failure } from './state.ts'

/** A change of the record. Generations, shard numbers and what becomes garbage by it: `applyChange` in `record.ts`. */
export type Change =
  | { readonly type: 'register', readonly url: string }
  /** A build starts, under a new index generation and shard number; `refetch`: also under a new data generation. */
  | { readonly type: 'begin', readonly health: 'initializing' | 'recovering', readonly refetch: boolean, readonly registerAs: string | undefined }
  /** What the build made becomes the shard's index. */
  | { readonly type: 'commit' }
  /** The build is given up without a failure. */
  | { readonly type: 'undo' }
  | { readonly type: 'fail', readonly failure: Failure }
  /** A retry opened the shard with the index it had. */
  | { readonly type: 'heal' }
  | { readonly type: 'destroy' }
  | { readonly type: 'remove' }

export type Refusal =
  | 'DAGSTORE_SHARD_EXISTS'
  | 'DAGSTORE_SHARD_UNKNOWN'
  | 'DAGSTORE_SHARD_ERRORED'
  | 'DAGSTORE_SHARD_DESTROYED'
  | 'DAGSTORE_NOT_ERRORED'
  | 'DAGSTORE_STORAGE_FAILED'
  | 'DAGSTORE_CLOSED'

export type Effect =
  | { readonly type: 'persist', readonly change: Change }
  /** `open`: mount and committed index. `build`: mount, new index, publish. `clean`: delete what the store made for the shard. */
  | { readonly type: 'start', readonly job: number, readonly kind: 'open' | 'build' | 'clean' }
  /** The job answers with its end all the same. */
  | { readonly type: 'abort', readonly job: number }
  /** The waiter gets a lease of its own number on the session. */
  | { readonly type: 'grant', readonly waiter: number, readonly session: number }
  /** The waiter's call has succeeded. */
  | { readonly type: 'answer', readonly waiter: number }
  | { readonly type: 'refuse', readonly waiter: number, readonly code: Refusal, readonly failure: Failure | undefined }
  /** Calls on the session's leases are refused from now on. */
  | { readonly type: 'revoke', readonly session: number }
  | { readonly type: 'close-session', readonly session: number }
  /** Who keeps leases only for speed gives them back. */
  | { readonly type: 'let-go' }
  /** Delete the shard's garbage, but for what open sessions still use. */
  | { readonly type: 'collect' }
  /** An event that means nothing in this state; counted. */
  | { readonly type: 'ignored' }

export interface Step<S> { readonly state: S, readonly effects: readonly Effect[] }
