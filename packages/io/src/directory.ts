/** A folder in which changes are atomic and durable: what every store of files here is written against. */
import type { ByteSource } from './byte-source.ts'
import type { CallOptions } from './calls.ts'
import type { WritableFile } from './writable-file.ts'

export interface FileStat {
  readonly kind: 'file' | 'directory'
  /** Length; 0 for a directory. */
  readonly sizeBytes: number
  /** Bytes of storage in use; less than `sizeBytes` for a file with holes. */
  readonly allocatedBytes: number
  /** When its content changed last, in milliseconds since 1970; `undefined` where nobody keeps that. */
  readonly modifiedAt?: number | undefined
}

/**
 * Files below one folder. Names are relative, with `/` between parts; `..`, empty and absolute names are refused with a
 * `TypeError`. Folders on the way come into being as they are needed.
 */
export interface Directory {
  /** For messages only: where it is, as the user named it. */
  readonly label: string
  /** @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED` */
  openSource(name: string, options?: CallOptions): Promise<ByteSource>
  /**
   * `new`: the file must not exist. `open`: it must. `any`: opened, or made empty. A new file's name is durable on return.
   *
   * @throws {IoError} `IO_EXISTS` (mode `new`), `IO_NOT_FOUND` (mode `open`), `IO_FORBIDDEN`, `IO_FULL`, `IO_FAILED`
   */
  openWritable(name: string, mode: 'new' | 'open' | 'any'): Promise<WritableFile>
  /**
   * The whole file or nothing: written under a temporary name on the same file system, synced, renamed over it, folder synced.
   * On return it survives a power cut; on any failure or abort the target is as it was and no temporary file stays.
   */
  writeAtomic(name: string, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options?: CallOptions): Promise<{ readonly sizeBytes: number }>
  /** `undefined`: nothing has that name. */
  stat(name: string): Promise<FileStat | undefined>
  /** Names directly below `name` ('' is the folder itself), sorted; empty when it does not exist. Temporary names are left out. */
  list(name: string): Promise<readonly { readonly name: string, readonly kind: FileStat['kind'] }[]>
  /** Durable on return; replaces `to`. @throws {IoError} `IO_NOT_FOUND` */
  rename(from: string, to: string): Promise<void>
  /** Durable on return; a missing file is no error. Folders are not removed. */
  remove(name: string): Promise<void>
  /** Bytes that a user may still write here; `undefined` where that cannot be known. */
  freeBytes(): Promise<number | undefined>
  /** The folder `name` below this one, as a directory of its own. */
  child(name: string): Directory
}

/** Check a relative name and split it. @throws {TypeError} empty, absolute, or with `.`, `..`, empty parts, NUL or a backslash */
export const splitName = (name: string): string[] => {
  const parts = name.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0') || part.includes('\\'))) {
    throw new TypeError(`bad relative name; name=${JSON.stringify(name)}`)
  }
  return parts
}
