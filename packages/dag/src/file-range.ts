/**
 * Which blocks of a UnixFS file hold which of its bytes.
 *
 *     content of a node  its own data, then the contents of its links one after another
 *     size of a node     length of its data and the sum of its block sizes; a raw block: its length
 *
 * Every size that a parent or the node itself states is held against the real one when the node is read, so work is bounded
 * by the range asked for. Source: UnixFS specification, "File". Looser: names of links are ignored, a file size may be absent.
 */
import type { CID } from 'multiformats/cid'
import { pbLinkCid, type PbNode, scanPb } from './dag-pb.ts'
import { DagError } from './errors.ts'
import { DAG_PB, decoding, RAW } from './links.ts'
import { decodeUnixfs, type UnixfsNode } from './unixfs.ts'

/** Bytes of an entity, both ends included; negative: counted from its end. */
export interface EntityBytes {
  readonly from: number
  /** @default the last one */
  readonly to?: number | undefined
}

/** What is wanted of a node below the root of a file, in bytes from the node's own first one. */
export interface FilePart {
  readonly kind: 'file'
  readonly from: number
  /** The last one; may lie behind the end. */
  readonly to: number
  /** What the parent says that the node holds. */
  readonly size: number
  /** Whether it is all of it. */
  readonly whole: boolean
}

export interface FileNode {
  readonly size: number
  /** A view of the block. */
  readonly data: Uint8Array
  readonly blockSizes: readonly number[]
  readonly pb: PbNode
}

export interface FileExpansion {
  readonly links: readonly CID[]
  /** One for each link. */
  readonly tasks: readonly FilePart[]
  /** Those bytes of the range that stand in the node itself; a view of the block. */
  readonly content: Uint8Array
}

/** @throws {DagError} `DAG_BAD_UNIXFS`: sizes that do not fit one another */
export const fileNodeOf = (cid: CID, unixfs: UnixfsNode, pb: PbNode): FileNode => {
  const { data, blockSizes, fileSize } = unixfs
  const { linkCount } = pb
  if (blockSizes.length !== linkCount) throw new DagError('DAG_BAD_UNIXFS', `block sizes of a file; want=${linkCount} got=${blockSizes.length}`, cid)
  const size = blockSizes.reduce((sum, blockSize) => sum + blockSize, data.byteLength)
  if (!Number.isSafeInteger(size)) throw new DagError('DAG_BAD_UNIXFS', 'file of more than 2^53 - 1 bytes', cid)
  if (fileSize !== undefined && fileSize !== size) throw new DagError('DAG_BAD_UNIXFS', `size of a file; want=${size} got=${fileSize}`, cid)
  return { size, data, blockSizes, pb }
}

/** The first and the last byte, counted from the start; the last may lie behind the end. Empty: the last before the first. */
export const resolveRange = ({ from, to }: EntityBytes, size: number): { readonly from: number, readonly to: number } => ({
  from: from < 0 ? Math.max(size + from, 0) : from,
  to: to === undefined ? Infinity : to < 0 ? size + to : to,
})

/** A file without a byte is met by what begins at its start. @throws {DagError} `DAG_OUTSIDE` */
export const checkMeets = (cid: CID, range: EntityBytes, size: number): void => {
  const { from, to } = resolveRange(range, size)
  if (size === 0 ? from > 0 : from >= size || to < 0) throw new DagError('DAG_OUTSIDE', `range outside of the file; size=${size} from=${range.from} to=${range.to ?? '*'}`, cid)
}

/** Of the root of a file. @throws {DagError} `DAG_BAD_BLOCK`, `DAG_BAD_UNIXFS`; `DAG_OUTSIDE` where it must meet the range */
export const expandFile = (cid: CID, bytes: Uint8Array, unixfs: UnixfsNode, pb: PbNode, range: EntityBytes, mustMeet: boolean): FileExpansion => {
  const node = fileNodeOf(cid, unixfs, pb)
  if (mustMeet) checkMeets(cid, range, node.size)
  const { from, to } = resolveRange(range, node.size)
  return expandNode(cid, bytes, node, from, to)
}

/** Of a block below the root. @throws {DagError} `DAG_BAD_BLOCK`; `DAG_BAD_UNIXFS`: not a file, or of another size than its parent says */
export const expandFilePart = (cid: CID, bytes: Uint8Array, part: FilePart, maxLinks: number): FileExpansion => {
  if (cid.code === RAW) {
    checkSize(cid, bytes.byteLength, part)
    return { links: [], tasks: [], content: cut(bytes, part.from, part.to) }
  }
  if (cid.code !== DAG_PB) throw new DagError('DAG_BAD_UNIXFS', `part of a file of another codec; codec=0x${cid.code.toString(16)}`, cid)
  const pb = decoding(cid, () => scanPb(bytes, maxLinks))
  const unixfs = pb.data === undefined ? undefined : decodeUnixfs(pb.data)
  if (unixfs?.type !== 'file' && unixfs?.type !== 'raw') throw new DagError('DAG_BAD_UNIXFS', `part of a file is none; type=${unixfs?.type ?? 'none'}`, cid)
  const node = fileNodeOf(cid, unixfs, pb)
  checkSize(cid, node.size, part)
  return expandNode(cid, bytes, node, part.from, part.to)
}

const expandNode = (cid: CID, bytes: Uint8Array, node: FileNode, from: number, to: number): FileExpansion => {
  const links: CID[] = []
  const tasks: FilePart[] = []
  let start = node.data.byteLength
  // all of a file has its parts without a byte too, at both ends
  const isWhole = from === 0 && to >= node.size - 1
  for (const [n, size] of node.blockSizes.entries()) {
    if (!isWhole && (start > to || from > to)) break
    const end = start + size
    if (isWhole || end > from) {
      links.push(decoding(cid, () => pbLinkCid(bytes, node.pb, n)))
      tasks.push({ kind: 'file', from: Math.max(from - start, 0), to: to - start, size, whole: from <= start && to >= end - 1 })
    }
    start = end
  }
  return { links, tasks, content: cut(node.data, from, to) }
}

const cut = (bytes: Uint8Array, from: number, to: number): Uint8Array => (from === 0 && to >= bytes.byteLength ? bytes : bytes.subarray(from, Math.max(to + 1, from)))

const checkSize = (cid: CID, got: number, { size }: FilePart): void => {
  if (got !== size) throw new DagError('DAG_BAD_UNIXFS', `part of a file is not as long as its parent says; want=${size} got=${got}`, cid)
}
