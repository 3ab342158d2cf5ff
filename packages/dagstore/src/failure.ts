/** From an error to what is persisted of it, and back. */
import type { Clock } from '@dagstore/io'
import { RecordedError } from './errors.ts'
import type { Failure } from './machine/index.ts'

const causes = new WeakMap<Failure, unknown>()

/**
 * What a record says of `error`. The layer that knew the cause has said whether trying again may help (`retry`); where
 * nobody did, it does not. Bytes that changed while they were read are the exception: the next opening sees one version.
 */
export const failureOf = (error: unknown, clock: Clock): Failure => {
  const { code, retry } = read(error)
  const failure: Failure = {
    code: code ?? 'DAGSTORE_UNEXPECTED',
    message: error instanceof Error ? error.message : String(error),
    at: new Date(clock.now()).toISOString(),
    retry: RETRIED.has(code ?? '') ? 'later' : retry ?? 'never',
    attempts: 1,
    nextRetryAt: undefined,
  }
  causes.set(failure, error)
  return failure
}

/** `failure` with its place in a row of failures, which the machine has counted, is of the same error. */
export const sameCause = (failure: Failure, counted: Failure): void => {
  const cause = causes.get(failure)
  if (cause !== undefined) causes.set(counted, cause)
}

/** What is a matter of this process or its disk, not of the shard: a scheme without a factory, the store's own database. */
const RETRIED: ReadonlySet<string> = new Set(['IO_SOURCE_CHANGED', 'MOUNT_UNKNOWN_SCHEME', 'TOP_LEVEL_INDEX_FAILED'])

/** The error that led to `failure`, or what is left of it after a restart. */
export const causeOf = (failure: Failure): unknown => causes.get(failure) ?? new RecordedError(failure)

export const codeOf = (error: unknown): string | undefined => read(error).code

const read = (error: unknown): { readonly code: string | undefined, readonly retry: 'never' | 'later' | undefined } => {
  if (typeof error !== 'object' || error === null) return { code: undefined, retry: undefined }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const retry = 'retry' in error && (error.retry === 'never' || error.retry === 'later') ? error.retry : undefined
  return { code, retry }
}
