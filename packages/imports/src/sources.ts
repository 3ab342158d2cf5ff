/** The files that are imported, that references lead into, and that CARs used in place are. */
import type { ByteSource, CallOptions, TreeEntry } from '@dagstore/io'
import { RefCarError, type ReferencedFiles } from '@dagstore/ref-carv2'

export interface SourceStat {
  readonly kind: 'file' | 'directory' | 'other'
  /** Of a file, in bytes. */
  readonly sizeBytes: number
}

/**
 * Which files outside of the folder of the imports may be read, and how. Paths are absolute. Every method refuses what is not to
 * be read with {@link RefCarError} `REF_CAR_FORBIDDEN`, whether it is there or not.
 */
export interface SourceFiles extends ReferencedFiles {
  /** @throws {IoError} `IO_NOT_FOUND`, … */
  open(path: string, options?: CallOptions): Promise<ByteSource>
  /** What is to be imported; without what must never be part of an import. @throws {IoError} */
  openTree(path: string, options?: CallOptions): Promise<TreeEntry>
  /** `undefined`: nothing is there. @throws {IoError} */
  stat(path: string, options?: CallOptions): Promise<SourceStat | undefined>
  /** Of what {@link openTree} gives: equal ones mean equal content. @throws {IoError} */
  fingerprint(path: string, options?: CallOptions): Promise<string>
}

const forbidden = async (path: string): Promise<never> => {
  throw new RefCarError('REF_CAR_FORBIDDEN', `no file outside of the imports is to be read; path=${JSON.stringify(path)}`)
}

/** None may be read. */
export const NO_SOURCES: SourceFiles = Object.freeze({ open: forbidden, openTree: forbidden, stat: forbidden, fingerprint: forbidden })
