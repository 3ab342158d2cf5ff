/** What can be wrong with a leaf that lies in another file. */
import type { Retry } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { FileReference } from './file-reference.ts'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type RefCarErrorCode =
  | 'REF_CAR_BAD_REFERENCE'
  | 'REF_CAR_FILE_CHANGED'
  | 'REF_CAR_FILE_GONE'
  | 'REF_CAR_FILE_UNREADABLE'
  | 'REF_CAR_FORBIDDEN'
  | 'REF_CAR_UNPLACED'

export interface RefCarErrorOptions extends ErrorOptions {
  readonly cid?: CID | undefined
  readonly reference?: FileReference | undefined
  readonly retry?: Retry
}

/**
 * A leaf cannot be had from its file; never that it is not there. What Go calls `CorruptReferenceError`: status 10 is
 * `REF_CAR_FILE_UNREADABLE`, 11 `REF_CAR_FILE_GONE`, 12 `REF_CAR_FILE_CHANGED`.
 */
export class RefCarError extends Error {
  override readonly name = 'RefCarError'
  readonly code: RefCarErrorCode
  /** The leaf; `undefined` where a path alone was refused. */
  readonly cid: CID | undefined
  /** `undefined` where there is none that can be read. */
  readonly reference: FileReference | undefined
  /** Whether trying again may help: as the failure of reading says with `REF_CAR_FILE_UNREADABLE`, else `never`. */
  readonly retry: Retry

  constructor (code: RefCarErrorCode, message: string, options: RefCarErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.cid = options.cid
    this.reference = options.reference
    this.retry = options.retry ?? 'never'
  }
}
