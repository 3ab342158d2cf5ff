/** Files and folders to be read as a tree, wherever they are: what an importer walks. */
import type { CallOptions } from './calls.ts'

export interface TreeReadOptions extends CallOptions {
  /** Each chunk is needed only until the next one is asked for, so that its memory may be used again. @default false */
  readonly isBorrowed?: boolean | undefined
}

export interface TreeFile {
  readonly kind: 'file'
  /** Last part of the path; empty for a root without a name. */
  readonly name: string
  readonly sizeBytes: number
  /** The bytes in order, in chunks of any length, owned by the caller unless borrowed; each call starts anew. @throws {IoError} */
  read(options?: TreeReadOptions): AsyncIterable<Uint8Array>
  /**
   * All of the bytes at once, owned by the caller, where that costs less than `read`: of small files, perhaps only while they are
   * the entry that their folder gave last. `undefined`: use `read`, which also says what is wrong.
   */
  readAll?(options?: CallOptions): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

export interface TreeDirectory {
  readonly kind: 'directory'
  readonly name: string
  /** Direct children, sorted by the UTF-8 bytes of their names; each call starts anew. @throws {IoError} */
  entries(options?: CallOptions): AsyncIterable<TreeEntry>
}

/** Symbolic link; what becomes of it is the importer's policy. */
export interface TreeLink {
  readonly kind: 'link'
  readonly name: string
  readonly target: string
}

export type TreeEntry = TreeFile | TreeDirectory | TreeLink
