/** The files that references name: which may be opened, and how their bytes are read. */
import { CAR_LIMITS } from '@dagstore/carv2'
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { RefCarError, type RefCarErrorCode } from './errors.ts'
import type { FileReference } from './file-reference.ts'

/** Which files references may name, and how one is opened. */
export interface ReferencedFiles {
  /**
   * @param path - absolute, `/` between parts, without `.` and `..`
   * @throws {IoError} `IO_NOT_FOUND`, …
   * @throws {RefCarError} `REF_CAR_FORBIDDEN`: not to be read, whatever is there
   */
  open(path: string, options?: CallOptions): Promise<ByteSource>
}

interface OpenFile {
  readonly opening: Promise<ByteSource>
  users: number
}

/** Files that nobody reads at the moment and that stay open all the same. */
const KEPT_FILES = 16
/** A leaf that is longer is no block that anybody would send. */
const MAX_LEAF_BYTES: number = CAR_LIMITS.maxSectionBytes

export interface LeafFiles {
  /**
   * The bytes where the reference says. Not hashed.
   *
   * @throws {RefCarError} `REF_CAR_FILE_GONE`, `_CHANGED` (it is shorter), `_UNREADABLE`, `REF_CAR_FORBIDDEN`
   * @throws {BlockstoreError} `BLOCKSTORE_TOO_LARGE`
   */
  read(cid: CID, reference: FileReference, options: CallOptions & { readonly fresh?: boolean }): Promise<Uint8Array>
  /** Closes all files. */
  close(): Promise<void>
}

export const createLeafFiles = (files: ReferencedFiles): LeafFiles => {
  /** By path, the one used last at the end. */
  const open = new Map<string, OpenFile>()
  const closing = new Set<Promise<void>>()
  const shut = ({ opening }: OpenFile): void => {
    const closed = opening.then((source) => source.close()).catch(() => {}) // whoever opened or read it was told
    closing.add(closed)
    void closed.finally(() => closing.delete(closed))
  }
  const take = (path: string, fresh: boolean): OpenFile => {
    let file = open.get(path)
    if (file !== undefined) open.delete(path)
    if (file !== undefined && fresh) {
      if (file.users === 0) shut(file)
      file = undefined
    }
    // no signal: another reader may wait for the same opening
    file ??= { opening: files.open(path), users: 0 }
    file.users++
    open.set(path, file)
    return file
  }
  const leave = (path: string, file: OpenFile, failed: boolean): void => {
    file.users--
    if (failed && open.get(path) === file) open.delete(path)
    if (file.users === 0 && open.get(path) !== file) shut(file)
    for (const [other, idle] of open) {
      if (open.size <= KEPT_FILES) break
      if (idle.users > 0) continue
      open.delete(other)
      shut(idle)
    }
  }
  return {
    read: async (cid, reference, { signal, fresh = false }) => {
      const { path, offset, size } = reference
      if (size > MAX_LEAF_BYTES) throw new BlockstoreError('BLOCKSTORE_TOO_LARGE', `leaf is too large; max=${MAX_LEAF_BYTES} got=${size}`, { cid })
      const file = take(path, fresh)
      let failed = true
      try {
        const source = await file.opening
        signal?.throwIfAborted()
        if (offset + size > source.sizeBytes) throw failure('REF_CAR_FILE_CHANGED', cid, reference, new IoError('IO_TRUNCATED', `file is too short; size=${source.sizeBytes}`))
        const bytes = await source.read(offset, size, { signal })
        failed = false
        return bytes
      } catch (error) {
        signal?.throwIfAborted()
        throw asFileFailure(error, cid, reference)
      } finally {
        leave(path, file, failed)
      }
    },
    close: async () => {
      for (const file of open.values()) shut(file)
      open.clear()
      while (closing.size > 0) await Promise.all(closing)
    },
  }
}

const CODES: Readonly<Partial<Record<IoError['code'], RefCarErrorCode>>> = {
  IO_NOT_FOUND: 'REF_CAR_FILE_GONE',
  IO_SOURCE_LOST: 'REF_CAR_FILE_GONE',
  IO_SOURCE_CHANGED: 'REF_CAR_FILE_CHANGED',
  IO_TRUNCATED: 'REF_CAR_FILE_CHANGED',
  IO_OUT_OF_RANGE: 'REF_CAR_FILE_CHANGED',
}

const WORDS: Readonly<Partial<Record<RefCarErrorCode, string>>> = {
  REF_CAR_FILE_GONE: 'referenced file is gone',
  REF_CAR_FILE_CHANGED: 'referenced file has changed',
  REF_CAR_FILE_UNREADABLE: 'referenced file can not be read',
  REF_CAR_FORBIDDEN: 'reference into a file that is not to be read',
}

/** An error of a file as that of a leaf in it; others as they are. */
export const asFileFailure = (error: unknown, cid: CID | undefined, reference: FileReference): unknown => {
  if (error instanceof RefCarError) return error.cid === undefined ? failure(error.code, cid, reference, error) : error
  if (!(error instanceof IoError)) return error
  return failure(CODES[error.code] ?? 'REF_CAR_FILE_UNREADABLE', cid, reference, error)
}

export const failure = (code: RefCarErrorCode, cid: CID | undefined, reference: FileReference, cause?: unknown): RefCarError => {
  const { path, offset, size } = reference
  const retry = code === 'REF_CAR_FILE_UNREADABLE' && cause instanceof IoError ? cause.retry : 'never'
  return new RefCarError(code, `${WORDS[code] ?? code}; path=${JSON.stringify(path)} offset=${offset} size=${size}`, { cid, reference, retry, ...(cause === undefined ? {} : { cause }) })
}
