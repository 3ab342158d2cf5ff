/** What is here, as a client exports, lists and reads it. Source of `ExportRef`: lotus v1.13.2 and later `api/types.go`. */
import type { CID } from 'multiformats/cid'
import { about, cid, decimal, flag, id, list, nullable, object, oneOf, optional, type Schema, text, whole } from './schema.ts'

export interface DagSpec {
  readonly DataSelector?: string | undefined
  /** Refused where it is asked for and not given: a CAR of a path has the blocks on the way to it. */
  readonly ExportMerkleProof: boolean
}

/** Later Lotus's. What is exported: a retrieval, a CAR, or an import with this root. */
export interface ExportRef {
  readonly Root: CID
  /** None: all of it. At most one. */
  readonly DAGs: readonly DagSpec[]
  /** Of the machine of the node, absolute; `''`: none. */
  readonly FromLocalCAR: string
  /** 0: none. */
  readonly DealID: bigint
}

export const exportRef: Schema<ExportRef> = object('ExportRef', {
  Root: cid,
  DAGs: about('none: all of it; at most one', list(object<DagSpec>('DagSpec', { DataSelector: optional(text), ExportMerkleProof: flag }))),
  FromLocalCAR: about('of the machine of the node, absolute; `""`: none', text),
  DealID: about('0: none', id),
})

export interface ClientExportHow {
  /** Of a CAR. @default 1 */
  readonly CARVersion?: 1 | 2 | undefined
  /** What is there is replaced. @default false */
  readonly Force?: boolean | undefined
}

export const clientExportHow: Schema<ClientExportHow> = object('ClientExportHow', {
  CARVersion: about('of a CAR: 1 or 2; default 1', optional(whole) as Schema<1 | 2 | undefined>),
  Force: about('what is there is replaced', optional(flag)),
}, { strict: true })

/** How far an export is; the last one says so. */
export interface ClientExportProgress {
  readonly DoneBytes: number
  readonly TotalBytes: number | null
  readonly Done: boolean
}

export const clientExportProgress: Schema<ClientExportProgress> = object('ClientExportProgress', { DoneBytes: whole, TotalBytes: nullable(whole), Done: flag })

/** Where a node reads a DAG: an import or IPFS; a retrieval where `DealID` says so. */
export interface ClientDagRef {
  readonly Root: CID
  /** Below it. @default '' */
  readonly Path?: string | undefined
  /** Of a retrieval. */
  readonly DealID?: bigint | undefined
}

export const clientDagRef: Schema<ClientDagRef> = object('ClientDagRef', {
  Root: cid, Path: about('below it', optional(text)), DealID: about('of a retrieval', optional(decimal)),
}, { strict: true })

export interface ClientDagEntry {
  /** `''` of what was asked for itself. */
  readonly Name: string
  readonly Cid: CID
  readonly Type: 'file' | 'directory' | 'link' | 'raw' | 'other'
  /** Bytes of a file; `null`: not known. */
  readonly Size: number | null
  /** Of a link. */
  readonly Target?: string | undefined
}

export const clientDagEntry: Schema<ClientDagEntry> = object('ClientDagEntry', {
  Name: about('`""` of what was asked for itself', text), Cid: cid, Type: oneOf(['file', 'directory', 'link', 'raw', 'other']),
  Size: about('bytes of a file; `null`: not known', nullable(whole)), Target: about('of a link', optional(text)),
})
