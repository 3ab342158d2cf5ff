/// <reference lib="esnext.disposable" preserve="true" />
/** The import manager: content becomes CARv2 files in one directory, and is found and read again. */
import type { ByteProgress, ByteSource, CallOptions, TreeEntry } from '@dagstore/io'
import type { AnyCid, ShardBlockstore } from '@dagstore/read-blockstore'
import type { RefCheck } from '@dagstore/ref-carv2'
import type { Profile } from '@dagstore/unixfs-builder'
import type { CID } from 'multiformats/cid'
import type { Labels } from './labels.ts'
import type { ImportPiece, ImportRecord, LinkPolicy, WholeImport } from './record.ts'

/** What a source is known by. */
export interface ImportSource {
  /** Path or other name of the source, as the caller writes it. */
  readonly sourceLabel: string
  /** Equal ones of one source mean equal content: sizes, times or a digest, as the caller likes. */
  readonly fingerprint: string
  /** @default 'lotus-2021' */
  readonly profile?: Profile | undefined
  /** What became of symbolic links. @default 'refuse' */
  readonly links?: LinkPolicy | undefined
  /** @default 'dense' */
  readonly form?: 'ref' | 'dense' | undefined
}

export interface ImportProgressOptions extends CallOptions {
  /** Bytes of files that are in blocks; of a CAR that is looked through, its own. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface ImportTreeOptions extends ImportProgressOptions, Omit<ImportSource, 'fingerprint'> {
  /** Default: this import is never taken for another one of the same source. */
  readonly fingerprint?: string | undefined
  /** Absolute path of what is imported, `/` between parts: leaves may become references into it. */
  readonly path?: string | undefined
  /** @default 'ref' with `path`, else 'dense' */
  readonly form?: 'ref' | 'dense' | undefined
  /** @default 'import' */
  readonly source?: 'import' | 'import-local' | undefined
}

export interface ImportPathOptions extends ImportProgressOptions, Pick<ImportSource, 'profile' | 'links'> {
  /** The file is a CAR, to be used in place; the other options say nothing then. @default false */
  readonly car?: boolean | undefined
  /** @default 'ref' */
  readonly form?: 'ref' | 'dense' | undefined
  /** Whether an import of the same unchanged source is the answer, if there is one. @default true */
  readonly reuse?: boolean | undefined
}

export interface ImportCarOptions extends ImportProgressOptions {
  /** Where the CAR is. Absolute, if it is to be read by {@link Imports.open}. */
  readonly carPath: string
  /** As of {@link ImportTreeOptions}. */
  readonly fingerprint?: string | undefined
}

/** An import, and whether it was there before. */
export interface ImportResult extends WholeImport {
  readonly reused: boolean
}

/** An import that can be read, until it is closed. */
export interface OpenImport extends AsyncDisposable {
  readonly record: ImportRecord
  readonly root: CID
  /** Blocks by multihash, each hashed when it is read; leaves of references from their files. */
  readonly blockstore: ShardBlockstore
  /** Idempotent. The last of those who have the import open closes its files. */
  close(): Promise<void>
}

/** What keeps an import from being read, as far as can be told without opening it. */
export interface ImportFault {
  readonly record: ImportRecord
  /** `no-car-path`: made by a Lotus before 1.11.2, and to be imported again. `broken`: anything else. */
  readonly reason: 'no-car-path' | 'broken'
  readonly message: string
}

export interface ImportsCount { readonly total: number, readonly broken: number }

/** Everything under the root, looked at or read. */
export interface ImportCheck extends RefCheck { readonly record: ImportRecord }

export interface VerifyImportOptions extends CallOptions {
  /** `stat`: the length of the CAR, and of each file that it refers to. `full`: every block is read and hashed. @default 'full' */
  readonly depth?: 'stat' | 'full' | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** A record as Lotus has it. */
export interface LotusImportRecord {
  readonly id: bigint
  readonly labels: Labels
  /** Why its labels cannot be read, if so. */
  readonly damage?: string | undefined
}

export interface AdoptOptions extends CallOptions {
  /** Where the CARs of these records are now, absolute: for those that are not where their records say. */
  readonly importsFolder: string
}

export interface AdoptedImport {
  readonly record: ImportRecord
  /** `known`: an import of this id was there already, and stays as it is. */
  readonly outcome: 'adopted' | 'known'
  /** Why it cannot be read, if so; it can be imported again or removed like any. */
  readonly fault: string | undefined
}

/** For one process at a time; calls may overlap. After {@link close}, and for imports that it ends, `IMPORT_CLOSED`. */
export interface Imports extends AsyncDisposable {
  /**
   * A file or directory as a CARv2 file with an index and one root; read once. Dense, identity blocks included, or of references
   * into the files at `path`. The record is durable on return and its file before it; on any failure or abort neither is there.
   * An import of the same source, fingerprint, profile, form and policy of links is answered with the record that is there, if
   * its file is.
   *
   * @throws {UnixfsError} what cannot be UnixFS. {@link IoError}, {@link WritableCarError}: it cannot be read or written.
   * @throws {ImportError} `IMPORT_FAILED`: the database failed
   * @throws {TypeError} references without a path. {RangeError} a name or fingerprint above 8,192 characters
   */
  importTree(entry: TreeEntry, options: ImportTreeOptions): Promise<ImportResult>
  /** What lies at an absolute path, by {@link importTree} or {@link importCar}. @throws {RefCarError} `REF_CAR_FORBIDDEN`; {CarV2Error} `CARV2_REFERENCES`: a file of references, and not `car`; what they throw */
  importPath(path: string, options?: ImportPathOptions): Promise<ImportResult>
  /**
   * Remember a CAR that stays where it is, CARv1 or CARv2, of blocks or of references. Its structure is checked and its sections
   * counted; blocks are not hashed. `source` stays the caller's.
   *
   * @throws {CarV2Error} not a whole CAR
   * @throws {ImportError} `IMPORT_BAD_CAR`: not exactly one root, or one above 2 KiB. `IMPORT_FAILED`
   */
  importCar(source: ByteSource, options: ImportCarOptions): Promise<ImportResult>
  /** The import of that source; `undefined` too when its file is not there with the length that it had. @throws {ImportError} `IMPORT_FAILED` */
  find(source: ImportSource): Promise<WholeImport | undefined>
  /** @throws {ImportError} `IMPORT_FAILED` */
  get(id: bigint): Promise<ImportRecord | undefined>
  /** By age; broken ones too. @throws {ImportError} `IMPORT_FAILED` */
  list(options?: CallOptions): AsyncIterable<ImportRecord>
  /** Forget an import, a broken one too, and delete its file if we wrote it; durable on return. @throws {ImportError} `IMPORT_UNKNOWN`, `IMPORT_FAILED` */
  remove(id: bigint): Promise<void>
  /** Imports with this root, oldest first, broken ones left out; by an index on the root. CIDs of version 0 and 1 are one. @throws {ImportError} `IMPORT_FAILED` */
  withRoot(root: AnyCid, options?: CallOptions): AsyncIterable<ImportRecord>
  /**
   * Open an import for reading. Several openings of one share its file.
   *
   * @throws {ImportError} `IMPORT_UNKNOWN`. `IMPORT_BROKEN`: its CAR is not there, is none, or is of another root; the cause says more. `IMPORT_FAILED`
   * @throws {RefCarError} `REF_CAR_FORBIDDEN`: a CAR in place that is not to be read
   */
  open(id: bigint, options?: CallOptions): Promise<OpenImport>
  /** The first import with this root that can be opened. `undefined`: there is none that is not broken. @throws what {@link open} throws for the first, if none can be opened */
  openRoot(root: AnyCid, options?: CallOptions): Promise<OpenImport | undefined>
  /**
   * Keep the commitment of the payload form with the import; durable on return.
   *
   * @param options.root - of what it was computed: nothing is kept if that is not the import's root any more. @default any
   * @throws {ImportError} `IMPORT_UNKNOWN`, `IMPORT_FAILED`
   */
  setPiece(id: bigint, piece: ImportPiece, options?: { readonly root?: AnyCid | undefined }): Promise<void>
  /**
   * Import again from where it came from, in the way in which it was, under the same id: the source may have changed, and the
   * root with it. The CAR that is there stays until the new one is whole, and on any failure.
   *
   * @throws {ImportError} `IMPORT_UNKNOWN`. `IMPORT_NO_SOURCE`: nobody wrote down where it came from, or it was streamed here. `IMPORT_FAILED`
   * @throws what {@link importPath} throws
   */
  reimport(id: bigint, options?: ImportProgressOptions): Promise<ImportResult>
  /** One fault for each broken import, by age, and how many there are; looks at lengths, opens nothing. @throws {ImportError} `IMPORT_FAILED` */
  check(options?: CallOptions): AsyncGenerator<ImportFault, ImportsCount, undefined>
  /** Look at or read everything under the root. What is wrong is told, with its place; only an abort, an unknown id or the database throw. @throws {ImportError} `IMPORT_UNKNOWN`, `IMPORT_FAILED` */
  verify(id: bigint, options?: VerifyImportOptions): Promise<ImportCheck>
  /**
   * Take over Lotus's records under their ids, with the CARs where they are: from then on they are the user's, and are neither
   * changed nor removed by us. May be repeated. Each record is durable when it is yielded.
   *
   * @throws {ImportError} `IMPORT_FAILED`
   */
  adopt(records: AsyncIterable<LotusImportRecord> | Iterable<LotusImportRecord>, options: AdoptOptions): AsyncIterable<AdoptedImport>
  /** Ends imports under way, closes what is open, and waits for both. Idempotent. */
  close(): Promise<void>
}
