/** Files as UnixFS has them, for walks: balanced trees over blocks that are there. */
import { createHash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

const LINKS = 174
const DAG_PB = 0x70

/**
 * A balanced file over raw leaves `{ cid, bytes }`: all its blocks, the root first, in the order of a walk.
 *
 * @param digest - sha2-256 of bytes
 */
export const fileBlocks = (leaves, digest = (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest())) => {
  const node = (children) => {
    const sizes = children.map(({ size }) => size)
    const size = sizes.reduce((sum, each) => sum + each, 0)
    const data = [8, 2, 24, ...varint(size), ...sizes.flatMap((each) => [32, ...varint(each)])]
    const bytes = dagPb.encode({ Data: Uint8Array.from(data), Links: children.map(({ cid, bytes }) => ({ Hash: cid, Name: '', Tsize: bytes.byteLength })) })
    return { cid: CID.createV1(DAG_PB, Digest.create(0x12, digest(bytes))), bytes, size, children }
  }
  let level = Array.from(leaves, ({ cid, bytes }) => ({ cid, bytes, size: bytes.byteLength, children: [] }))
  while (level.length > 1) level = Array.from({ length: Math.ceil(level.length / LINKS) }, (_, i) => node(level.slice(i * LINKS, (i + 1) * LINKS)))
  const blocks = []
  const collect = ({ cid, bytes, children }) => {
    blocks.push({ cid, bytes })
    for (const child of children) collect(child)
  }
  collect(level[0])
  return blocks
}

const varint = (value) => (value < 0x80 ? [value] : [value % 0x80 | 0x80, ...varint(Math.floor(value / 0x80))])
