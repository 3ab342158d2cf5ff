/** What a block is to a reader of files and directories. */
import type { CID } from 'multiformats/cid'
import { type PbNode, scanPb } from './dag-pb.ts'
import { fileNodeOf } from './file-range.ts'
import { CBOR, DAG_CBOR, DAG_JSON, DAG_PB, decoding, JSON_CODEC, RAW } from './links.ts'
import { decodeUnixfs, type UnixfsNode } from './unixfs.ts'

/**
 * `raw`: a raw block, which is a file by itself. `file`, `directory`, `hamt` (a sharded directory), `symlink`, `metadata`:
 * UnixFS. `dag-pb`: a dag-pb node that is not UnixFS. `unknown`: any other codec.
 */
export type EntityKind = 'raw' | 'file' | 'directory' | 'hamt' | 'symlink' | 'metadata' | 'dag-pb' | 'dag-cbor' | 'dag-json' | 'cbor' | 'json' | 'unknown'

export interface Entity {
  readonly kind: EntityKind
  /** Length of a file's content; `undefined` for anything else. */
  readonly fileBytes: number | undefined
  /** Where a symlink points, undecoded; `undefined` for anything else. */
  readonly target: Uint8Array | undefined
}

export interface PbEntity {
  readonly node: PbNode
  /** `undefined`: not UnixFS. */
  readonly unixfs: UnixfsNode | undefined
}

const KINDS: ReadonlyMap<number, EntityKind> = new Map<number, EntityKind>([[DAG_CBOR, 'dag-cbor'], [DAG_JSON, 'dag-json'], [CBOR, 'cbor'], [JSON_CODEC, 'json']])

/** @throws {DagError} `DAG_BAD_BLOCK`, `DAG_TOO_MANY_LINKS` */
export const readPb = (cid: CID, bytes: Uint8Array, maxLinks: number): PbEntity => {
  const node = decoding(cid, () => scanPb(bytes, maxLinks))
  return { node, unixfs: node.data === undefined ? undefined : decodeUnixfs(node.data) }
}

/** Whether it is a file: UnixFS has two types of them. */
export const isFile = (unixfs: UnixfsNode | undefined): unixfs is UnixfsNode & { readonly type: 'file' | 'raw' } => unixfs?.type === 'file' || unixfs?.type === 'raw'

/** @throws {DagError} `DAG_BAD_BLOCK`, `DAG_TOO_MANY_LINKS`; `DAG_BAD_UNIXFS`: sizes of a file that do not fit one another */
export const entityOf = (cid: CID, bytes: Uint8Array, maxLinks: number): Entity => {
  if (cid.code === RAW) return { kind: 'raw', fileBytes: bytes.byteLength, target: undefined }
  if (cid.code !== DAG_PB) return { kind: KINDS.get(cid.code) ?? 'unknown', fileBytes: undefined, target: undefined }
  const { node, unixfs } = readPb(cid, bytes, maxLinks)
  if (unixfs === undefined) return { kind: 'dag-pb', fileBytes: undefined, target: undefined }
  if (isFile(unixfs)) return { kind: 'file', fileBytes: fileNodeOf(cid, unixfs, node).size, target: undefined }
  return { kind: unixfs.type, fileBytes: undefined, target: unixfs.type === 'symlink' ? unixfs.data.slice() : undefined }
}
