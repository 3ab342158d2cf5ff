/** What the handlers of imports need of the client's side. Paths are of this machine, and absolute. */
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** Lengths in bytes. */
export interface ClientImportFacts {
  readonly id: bigint
  /** `undefined`: it cannot be read. */
  readonly root: CID | undefined
  readonly source: string
  /** Of the original; `''`: nobody has said. */
  readonly filename: string
  /** `undefined`: an old record that has none. */
  readonly carPath: string | undefined
  readonly form: 'ref' | 'dense' | 'car' | 'unknown'
  readonly profile: string | undefined
  readonly blocks: number | undefined
  readonly carBytes: number | undefined
  readonly fileBytes: number | undefined
  readonly piece: { readonly pieceCid: CID } | undefined
}

export interface ImportHow extends CallOptions {
  /** A CAR, which is used in place. */
  readonly isCar: boolean
  /** @default 'ref' */
  readonly form?: 'ref' | 'dense' | undefined
  readonly profile?: 'lotus-2021' | 'unixfs-v1-2025' | 'unixfs-v0-2015' | undefined
  readonly links?: 'refuse' | 'skip' | 'keep' | undefined
  /** `ipfs`, `ipfs-pinned`: into the IPFS node, with no import to remember; its id is 0. @default 'file' */
  readonly into?: 'file' | 'ipfs' | 'ipfs-pinned' | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface ImportFaultFacts {
  readonly code: string
  readonly message: string
  readonly cid?: CID | undefined
  readonly path?: string | undefined
  readonly offset?: number | undefined
}

export interface ImportCheckFacts {
  readonly record: ClientImportFacts
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly faultCount: number
  /** The first ones. */
  readonly faults: readonly ImportFaultFacts[]
}

export interface BrokenImport {
  readonly record: ClientImportFacts
  readonly reason: 'no-car-path' | 'broken'
  readonly message: string
}

export interface AdoptedImportFacts {
  readonly id: bigint
  readonly root: CID | undefined
  readonly filename: string
  readonly adopted: boolean
  readonly error?: unknown
}

export interface ProgressOptions extends CallOptions {
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface ClientImportParts {
  importPath (path: string, how: ImportHow): Promise<ClientImportFacts>
  /** Content that comes as a stream; all of it is copied. */
  importStream (content: AsyncIterable<Uint8Array>, options: CallOptions): Promise<ClientImportFacts>
  /** By age. */
  list (options: CallOptions): AsyncIterable<ClientImportFacts>
  /** Each broken one; on return, how many were looked at. */
  check (options: CallOptions): AsyncGenerator<BrokenImport, number, undefined>
  remove (id: bigint, options: CallOptions): Promise<void>
  reimport (id: bigint, options: ProgressOptions): Promise<ClientImportFacts>
  verify (id: bigint, options: ProgressOptions & { readonly depth?: 'stat' | 'full' | undefined }): Promise<ImportCheckFacts>
  /** @param lotusPath - a repository of Lotus */
  adopt (lotusPath: string, options: CallOptions): AsyncIterable<AdoptedImportFacts>
}

export interface PieceFacts {
  /** Of the payload form. */
  readonly payloadBytes: number
  readonly paddedBytes: number
}

export interface DagPlace {
  readonly root: CID
  /** Below it; `''`: itself. */
  readonly path: string
  /** Of a retrieval; `undefined`: imports and IPFS. */
  readonly retrieval: bigint | undefined
}

export interface DagListing {
  /** `''` of what was asked for itself. */
  readonly name: string
  readonly cid: CID
  readonly type: 'file' | 'directory' | 'link' | 'raw' | 'other'
  readonly sizeBytes: number | undefined
  readonly target?: string | undefined
}

/** What can be said and read of the DAGs that are here. */
export interface ClientDataParts {
  has (root: CID, options: CallOptions): Promise<boolean>
  size (root: CID, options: CallOptions): Promise<PieceFacts>
  commP (root: CID, options: CallOptions): Promise<PieceFacts & { readonly pieceCid: CID }>
  /** Of a CAR as it lies there. */
  commPOfCar (path: string, options: CallOptions): Promise<{ readonly pieceCid: CID, readonly paddedBytes: number }>
  /** The payload form of a file, a directory or the DAG of a CAR. */
  generateCar (source: string, isCar: boolean, target: string, options: CallOptions): Promise<void>
  list (place: DagPlace, options: CallOptions): AsyncIterable<DagListing>
  /** @param from - @default 0 @param to - without it. @default the end */
  read (place: DagPlace, from: number | undefined, to: number | undefined, options: CallOptions): AsyncIterable<Uint8Array>
}

