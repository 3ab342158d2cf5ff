/**
 * What the runner must do, in the order given. A `persist` is first and is awaited: when it fails, nothing behind it
 * happens, the state stays as it was and the machine gets `unsaved`. So nobody is answered before the answer is durable.
 */
import type { Event } from './event.ts'
import type { Failure, LocalCopy } from './state.ts'

/** A change of the record. Generations, shard numbers and what becomes garbage by it: `applyChange` in `record.ts`. */
export type Change =
  | { readonly type: 'register', readonly url: string, readonly localCopy: LocalCopy | undefined }
  /** Of a shard that was never indexed: another mount. */
  | { readonly type: 'remount', readonly url: string }
  /** A build starts, under a new index generation and shard number; `refetch`: also under a new data generation. */
  | { readonly type: 'begin', readonly health: 'initializing' | 'recovering', readonly refetch: boolean, readonly registerAs: Registration | undefined }
  /** A build beside the current index starts, under a new index generation and shard number; `refetch`: also under a new data generation. */
  | { readonly type: 'begin-refresh', readonly url: string, readonly refetch: boolean }
  /** What the build made becomes the shard's index; after a refresh, what was read for it becomes the shard's data and mount. */
  | { readonly type: 'commit', readonly foreign?: true }
  /** The build, or refresh, is given up without a failure of the shard. */
  | { readonly type: 'undo' }
  | { readonly type: 'fail', readonly failure: Failure }
  /** A retry opened the shard with the index it had. */
  | { readonly type: 'heal' }
  | { readonly type: 'destroy' }
  | { readonly type: 'remove' }

/** Of a key that is not registered yet, in the same write. */
export interface Registration { readonly url: string, readonly localCopy: LocalCopy | undefined }

export type Refusal =
  | 'DAGSTORE_SHARD_EXISTS'
  | 'DAGSTORE_SHARD_UNKNOWN'
  | 'DAGSTORE_SHARD_ERRORED'
  | 'DAGSTORE_SHARD_DESTROYED'
  | 'DAGSTORE_NOT_ERRORED'
  | 'DAGSTORE_REFRESH_FAILED'
  | 'DAGSTORE_STORAGE_FAILED'
  | 'DAGSTORE_CLOSED'

export type Effect =
  | { readonly type: 'persist', readonly change: Change }
  /**
   * `open`: mount and committed index. `build`: mount, new index, publish. `refresh`: the same beside the committed index, unless
   * nothing has changed. `clean`: delete what the store made for the shard. `urgent`: somebody waits for bytes.
   */
  | { readonly type: 'start', readonly job: number, readonly kind: JobKind, readonly urgent: boolean }
  /** Somebody waits for bytes now. */
  | { readonly type: 'raise', readonly job: number }
  /** The job answers with its end all the same. */
  | { readonly type: 'abort', readonly job: number }
  /** The waiter gets a lease of its own number on the session. */
  | { readonly type: 'grant', readonly waiter: number, readonly session: number }
  /** The waiter's call has succeeded. */
  | { readonly type: 'answer', readonly waiter: number }
  | { readonly type: 'refuse', readonly waiter: number, readonly code: Refusal, readonly failure: Failure | undefined }
  /** What was parked comes once more, unless its caller has left. */
  | { readonly type: 'again', readonly event: Event & { readonly waiter: number } }
  /** Calls on the session's leases are refused from now on. */
  | { readonly type: 'revoke', readonly session: number }
  | { readonly type: 'close-session', readonly session: number }
  /** Who keeps leases only for speed gives them back. */
  | { readonly type: 'let-go' }
  /** Delete the shard's garbage, but for what open sessions still use. */
  | { readonly type: 'collect' }
  /** An event that means nothing in this state; counted. */
  | { readonly type: 'ignored' }

export type JobKind = 'open' | 'build' | 'refresh' | 'clean'

export interface Step<S> { readonly state: S, readonly effects: readonly Effect[] }
