/** What a mount can fail with, and how a failure of its bytes becomes one. */
import { IoError, type Retry } from '@dagstore/io'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type MountErrorCode =
  | 'MOUNT_BAD_URL'
  | 'MOUNT_UNKNOWN_SCHEME'
  | 'MOUNT_MISSING'
  | 'MOUNT_UNREACHABLE'
  | 'MOUNT_FORBIDDEN'
  | 'MOUNT_COPY_OUTDATED'
  | 'MOUNT_NOT_LOCAL'
  | 'MOUNT_HASH_MISMATCH'

/** A mount could not be made from its URL, or its bytes not be reached. Messages never repeat the URL: it may hold a secret. */
export class MountError extends Error {
  override readonly name = 'MountError'
  readonly code: MountErrorCode
  /** Whether trying again may help. */
  readonly retry: Retry

  constructor (code: MountErrorCode, message: string, options: ErrorOptions & { readonly retry?: Retry } = {}) {
    super(message, options)
    this.code = code
    this.retry = options.retry ?? 'never'
  }
}

/**
 * What a mount rejects with when the port below it rejected with `error`: an `IoError` becomes a {@link MountError} with the
 * same `retry` and the error as its cause; everything else (the reason of an abort, a MountError) is given back unchanged.
 *
 * @param what - start of the message: kind of mount and what was tried
 */
export const toMountError = (error: unknown, what: string): unknown => {
  if (!(error instanceof IoError)) return error
  const options = { cause: error, retry: error.retry }
  switch (error.code) {
    case 'IO_NOT_FOUND': return new MountError('MOUNT_MISSING', `${what}: nothing is there`, options)
    case 'IO_FORBIDDEN': return new MountError('MOUNT_FORBIDDEN', `${what}: not allowed`, options)
    default: return new MountError('MOUNT_UNREACHABLE', `${what}: failed; io=${error.code}`, options)
  }
}

/** The failures of several sources as one cause. */
export const causeOf = (failures: readonly unknown[]): ErrorOptions =>
  (failures.length === 0 ? {} : { cause: new AggregateError(failures, `${failures.length} sources failed`) })

/** `later` as soon as one of them may pass; an error that does not say is taken as such. */
export const retryOf = (failures: readonly unknown[]): Retry => (failures.some((failure) => retryIn(failure) !== 'never') ? 'later' : 'never')

const retryIn = (failure: unknown): unknown =>
  (typeof failure === 'object' && failure !== null && 'retry' in failure ? failure.retry : undefined)
