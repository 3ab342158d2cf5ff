/** What happens to a shard: calls, ends of jobs, and what the runner found out. */
import type { RetryPlan } from './retry.ts'
import type { Failure, LocalCopy } from './state.ts'

export type Event =
  /** The URL is canonical and its scheme known; the runner has checked both. */
  | { readonly type: 'register', readonly waiter: number, readonly url: string, readonly eager: boolean, readonly localCopy: LocalCopy | undefined }
  /** Index it now, unless there is an index of ours; in the place of a foreign one, from the data that this is of. */
  | { readonly type: 'initialize', readonly waiter: number }
  /** `registerAs`: a canonical URL to register first when the key is unknown. */
  | { readonly type: 'acquire', readonly waiter: number, readonly registerAs: string | undefined, readonly urgent: boolean }
  | { readonly type: 'recover', readonly waiter: number }
  /** `url`: canonical, of the mount to read from now on; `undefined`: the one it has. */
  | { readonly type: 'refresh', readonly waiter: number, readonly url: string | undefined }
  | { readonly type: 'destroy', readonly waiter: number, readonly force: boolean }
  /** A caller's signal fired; the runner has answered it. */
  | { readonly type: 'withdraw', readonly waiter: number }
  | { readonly type: 'release', readonly lease: number }
  /** A session turned out to be broken while it was read. */
  | { readonly type: 'spoiled', readonly session: number, readonly part: 'source' | 'index' }
  /** The record says that something is unfinished, and no job is at it: the last process was cut off, or its end could not be written. */
  | { readonly type: 'resume' }
  /** The time that the record names for the next try has come. */
  | { readonly type: 'retry' }
  | { readonly type: 'close' }
  | JobEnd
  /** `event` led to a record that could not be written; the state is the one before it. */
  | { readonly type: 'unsaved', readonly event: Exclude<Event, { readonly type: 'unsaved' }>, readonly failure: Failure }

/** The end of a job; each job has exactly one. */
export type JobEnd =
  /** An opening found mount and index in order; a session of the job's number is open. */
  | { readonly type: 'opened', readonly job: number }
  /**
   * An opening found no index or a damaged one (`index`), or one of other bytes than the mount has (`source`). A build found
   * that the copy of the data is of other bytes than the mount has (`source`).
   */
  | { readonly type: 'unusable', readonly job: number, readonly part: 'index' | 'source' }
  /** Index written, published, and opened with the mount as a session of the job's number. `foreign`: the one in the source is used for now. */
  | { readonly type: 'built', readonly job: number, readonly foreign?: true }
  /** A refresh found the bytes that were indexed. */
  | { readonly type: 'unchanged', readonly job: number }
  | { readonly type: 'cleaned', readonly job: number }
  /** `failure` is not counted yet. */
  | { readonly type: 'failed', readonly job: number, readonly failure: Failure, readonly plan: RetryPlan }
  /** It obeyed an `abort`; whatever it made is garbage. */
  | { readonly type: 'aborted', readonly job: number }

export type EventType = Event['type']
