/** What a caller gets for a refusal of the machine. */
import { DagstoreError } from '../errors.ts'
import { causeOf } from '../failure.ts'
import type { Failure, Refusal } from '../machine/index.ts'

const TEXTS: Readonly<Record<Refusal, string>> = {
  DAGSTORE_SHARD_EXISTS: 'shard is registered with another mount',
  DAGSTORE_SHARD_UNKNOWN: 'no such shard',
  DAGSTORE_SHARD_ERRORED: 'shard is errored',
  DAGSTORE_SHARD_DESTROYED: 'shard is being destroyed',
  DAGSTORE_NOT_ERRORED: 'shard is not errored',
  DAGSTORE_REFRESH_FAILED: 'what the mount has now could not be indexed; the shard is as it was',
  DAGSTORE_STORAGE_FAILED: 'the store could not write',
  DAGSTORE_CLOSED: 'store is closed',
}

export const refusalOf = (key: string, code: Refusal, failure: Failure | undefined): DagstoreError => {
  const damaged = code === 'DAGSTORE_STORAGE_FAILED' && failure?.code === 'DAGSTORE_BAD_RECORD'
  const detail = failure === undefined ? '' : `; cause=${failure.code}: ${failure.message}`
  return new DagstoreError(damaged ? 'DAGSTORE_BAD_RECORD' : code, `${TEXTS[code]}; key=${key}${detail}`, {
    key,
    ...(failure === undefined ? {} : { cause: causeOf(failure), retry: failure.retry }),
  })
}
