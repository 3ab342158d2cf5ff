/** The two types that every package's calls share. */

/** Plain value when no I/O was needed, else a promise; check before awaiting on hot paths. */
export type Awaitable<T> = T | Promise<T>

/** Options that every call with I/O takes. On abort it rejects with the signal's reason, unchanged. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a long call reports as it goes; `doneBytes` never decreases, `totalBytes` is `undefined` while it is unknown. */
export interface ByteProgress {
  readonly doneBytes: number
  readonly totalBytes: number | undefined
}
