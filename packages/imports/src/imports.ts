/** The import manager: content becomes CARv2 files in one directory, and is found again. */
import type { ByteProgress, ByteSource, CallOptions, TreeEntry } from '@dagstore/io'
import type { Profile } from '@dagstore/unixfs-builder'
import type { ImportRecord } from './record.ts'

/** What a source is known by. */
export interface ImportSource {
  /** Path or other name of the source, as the caller writes it. */
  readonly sourceLabel: string
  /** Equal ones of one source mean equal content: sizes, times or a digest, as the caller likes. */
  readonly fingerprint: string
  /** @default 'lotus-2021' */
  readonly profile?: Profile | undefined
  /** What became of symbolic links. @default 'refuse' */
  readonly links?: 'refuse' | 'skip' | 'keep' | undefined
}

export interface ImportTreeOptions extends CallOptions, Omit<ImportSource, 'fingerprint'> {
  /** Default: this import is never taken for another one of the same source. */
  readonly fingerprint?: string | undefined
  /** File bytes that are in blocks. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface ImportCarOptions extends CallOptions {
  /** Where the CAR is; not opened by us. */
  readonly carPath: string
  /** As of {@link ImportTreeOptions}. */
  readonly fingerprint?: string | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** An import, and whether it was there before. */
export interface ImportResult extends ImportRecord {
  readonly reused: boolean
}

/** For one process at a time; calls may overlap. */
export interface Imports {
  /**
   * A file or directory as a dense CARv2 file with an index and one root, identity blocks included; read once. The record
   * is durable on return and its file before it; on any failure or abort neither is there. An import of the same source,
   * fingerprint, profile and policy of links is answered with the record that is there, if its file is.
   *
   * @throws {UnixfsError} what cannot be UnixFS. {@link IoError}, {@link WritableCarError}: it cannot be read or written.
   * @throws {ImportError} `IMPORT_FAILED`: the database failed
   */
  importTree(entry: TreeEntry, options: ImportTreeOptions): Promise<ImportResult>
  /**
   * Remember a CAR that stays where it is. Its structure is checked and its sections counted; blocks are not hashed.
   * `source` stays the caller's.
   *
   * @throws {CarV2Error} not a whole CAR
   * @throws {ImportError} `IMPORT_BAD_CAR`: not exactly one root. `IMPORT_FAILED`
   */
  importCar(source: ByteSource, options: ImportCarOptions): Promise<ImportResult>
  /** The import of that source; `undefined` too when its file is not there with the length that it had. @throws {ImportError} `IMPORT_FAILED` */
  find(source: ImportSource): Promise<ImportRecord | undefined>
  /** @throws {ImportError} `IMPORT_BAD_RECORD`, `IMPORT_FAILED` */
  get(id: bigint): Promise<ImportRecord | undefined>
  /** By age. @throws {ImportError} `IMPORT_BAD_RECORD`: after all others were yielded, that some are damaged. `IMPORT_FAILED` */
  list(): AsyncIterable<ImportRecord>
  /** Forget an import, a damaged one too, and delete its file if it is ours; durable on return. @throws {ImportError} `IMPORT_UNKNOWN`, `IMPORT_FAILED` */
  remove(id: bigint): Promise<void>
}
