/** Imports as a client lists them. Source of what is Lotus's: lotus v1.11.2 `api/api_full.go`. */
import type { CID } from 'multiformats/cid'
import { about, cid, decimal, flag, id, list, nullable, object, oneOf, optional, type Schema, text, whole } from './schema.ts'

/** Lotus's. */
export interface FileRef {
  /** Of the machine of the node, absolute. */
  readonly Path: string
  readonly IsCAR: boolean
}

export const fileRef: Schema<FileRef> = object('FileRef', { Path: about('of the machine of the node, absolute', text), IsCAR: flag })

/** Lotus's. */
export interface ImportRes {
  readonly Root: CID
  readonly ImportID: bigint
}

export const importRes: Schema<ImportRes> = object('ImportRes', { Root: cid, ImportID: id })

/** Lotus's, and what ours knows besides. */
export interface Import {
  readonly Key: bigint
  /** `''`, or why the import cannot be read: no CAR, or not the one that was written. */
  readonly Err: string
  readonly Root: CID | null
  /** `import`, `import-local`, `unknown`. */
  readonly Source: string
  /** Of the original. */
  readonly FilePath: string
  readonly CARPath: string
  /** Ours: how the content lies in the CAR. */
  readonly Form?: 'ref' | 'dense' | 'car' | 'unknown' | undefined
  /** Ours: how it was made into blocks. */
  readonly Profile?: string | undefined
  readonly Blocks?: number | undefined
  readonly CARBytes?: number | undefined
  readonly FileBytes?: number | undefined
  /** Ours: of the payload form, once it was asked for. */
  readonly PieceCID?: CID | undefined
}

const form: Schema<NonNullable<Import['Form']>> = oneOf(['ref', 'dense', 'car', 'unknown'])

export const importInfo: Schema<Import> = object('Import', {
  Key: id,
  Err: about('why it cannot be read; `""` where it can', text),
  Root: nullable(cid),
  Source: about('`import`, `import-local` or `unknown`', text),
  FilePath: about('of the original', text),
  CARPath: text,
  Form: about('ours; `ref`: leaves are references into the original, `car`: a CAR that was there is used in place', optional(form)),
  Profile: about('ours: how it was made into blocks', optional(text)),
  Blocks: about('ours', optional(whole)),
  CARBytes: about('ours', optional(whole)),
  FileBytes: about('ours', optional(whole)),
  PieceCID: about('ours: of the payload form, once it was asked for', optional(cid)),
})

/** How a source becomes blocks. */
export interface ClientImportHow {
  /** `ref`: leaves are references into the source. `dense`: all bytes are copied. @default 'ref' */
  readonly Form?: 'ref' | 'dense' | undefined
  /** @default 'lotus-2021' */
  readonly Profile?: 'lotus-2021' | 'unixfs-v1-2025' | 'unixfs-v0-2015' | undefined
  /** What becomes of symbolic links. @default 'refuse' */
  readonly Links?: 'refuse' | 'skip' | 'keep' | undefined
  /** Where the blocks go; in an IPFS node there is no import of them, so its id is 0. @default 'file' */
  readonly Into?: 'file' | 'ipfs' | 'ipfs-pinned' | undefined
}

export const clientImportHow: Schema<ClientImportHow> = object('ClientImportHow', {
  Form: about('`ref`: leaves are references into the source; `dense`: all bytes are copied; default `ref`', optional(oneOf(['ref', 'dense']))),
  Profile: about('default `lotus-2021`', optional(oneOf(['lotus-2021', 'unixfs-v1-2025', 'unixfs-v0-2015']))),
  Links: about('what becomes of symbolic links; default `refuse`', optional(oneOf(['refuse', 'skip', 'keep']))),
  Into: about('where the blocks go: an import, or the IPFS node, where none is remembered and the id is 0; default `file`', optional(oneOf(['file', 'ipfs', 'ipfs-pinned']))),
}, { strict: true })

/** How far an import is; the last one has the result. */
export interface ClientImportProgress {
  /** Bytes of the source. */
  readonly DoneBytes: number
  readonly TotalBytes: number | null
  /** `null` until it is done. */
  readonly Import: Import | null
}

export const clientImportProgress: Schema<ClientImportProgress> = object('ClientImportProgress', {
  DoneBytes: about('of the source', whole), TotalBytes: about('`null`: nobody knows', nullable(whole)), Import: about('`null` until it is done', nullable(importInfo)),
})

/** What is wrong with an import. */
export interface ClientImportFault {
  readonly Code: string
  readonly Message: string
  /** The block that cannot be had. */
  readonly Cid: CID | null
  /** The file in question, of the machine of the node. */
  readonly Path: string
  /** In that file; `null`: not about a place in it. */
  readonly Offset: number | null
}

const clientImportFault: Schema<ClientImportFault> = object('ClientImportFault', {
  Code: text, Message: text, Cid: about('the block that cannot be had', nullable(cid)), Path: about('the file in question', text),
  Offset: about('in that file, in bytes', nullable(whole)),
})

export interface ClientImportCheck {
  readonly Import: Import
  /** True: nothing was found wrong. */
  readonly Sound: boolean
  readonly CheckedBlocks: number
  readonly CheckedBytes: number
  readonly FaultCount: number
  /** The first 100 of them. */
  readonly Faults: readonly ClientImportFault[]
}

const clientImportCheck: Schema<ClientImportCheck> = object('ClientImportCheck', {
  Import: importInfo, Sound: flag, CheckedBlocks: whole, CheckedBytes: whole, FaultCount: whole, Faults: about('the first 100 of them', list(clientImportFault)),
})

/** How deep an import is looked into. */
export interface ClientVerifyHow {
  /** `stat`: whether the files that it refers to are there, and long enough. `full`: all is read and hashed. @default 'full' */
  readonly Depth?: 'stat' | 'full' | undefined
}

export const clientVerifyHow: Schema<ClientVerifyHow> = object('ClientVerifyHow', {
  Depth: about('`stat`: whether the files that it refers to are there, and long enough; `full`: all is read and hashed; default `full`', optional(oneOf(['stat', 'full']))),
}, { strict: true })

/** How far the check of an import is; the last one has the report. */
export interface ClientImportCheckProgress {
  readonly DoneBytes: number
  readonly TotalBytes: number | null
  readonly Report: ClientImportCheck | null
}

export const clientImportCheckProgress: Schema<ClientImportCheckProgress> = object('ClientImportCheckProgress', {
  DoneBytes: whole, TotalBytes: nullable(whole), Report: about('`null` until it is done', nullable(clientImportCheck)),
})

export interface ClientBrokenImport {
  readonly Key: bigint
  readonly Reason: 'no-car-path' | 'broken'
  readonly Message: string
  readonly Root: CID | null
  readonly Source: string
  /** Of the original. */
  readonly FilePath: string
}

export interface ClientImportsCheck {
  readonly Total: number
  readonly BrokenCount: number
  /** The first 1000 of them. */
  readonly Broken: readonly ClientBrokenImport[]
}

export const clientImportsCheck: Schema<ClientImportsCheck> = object('ClientImportsCheck', {
  Total: whole,
  BrokenCount: whole,
  Broken: about('the first 1000 of them', list(object<ClientBrokenImport>('ClientBrokenImport', {
    Key: decimal, Reason: oneOf(['no-car-path', 'broken']), Message: text, Root: nullable(cid), Source: text, FilePath: about('of the original', text),
  }))),
})

/** One import of another repository, taken over or not. */
export interface ClientAdoptedImport {
  /** The id that it has there and here. */
  readonly Key: bigint
  readonly Root: CID | null
  readonly FilePath: string
  /** False: it was here before, or `Error` says why not. */
  readonly Adopted: boolean
  readonly Error: string
}

export const clientAdoptedImport: Schema<ClientAdoptedImport> = object('ClientAdoptedImport', {
  Key: about('the id that it has there and here', decimal), Root: nullable(cid), FilePath: text,
  Adopted: about('false: it was here before, or `Error` says why not', flag), Error: text,
})
