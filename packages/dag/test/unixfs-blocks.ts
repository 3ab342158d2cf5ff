/** UnixFS nodes made by hand, also such as no importer makes. */
import * as dagPb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import { DAG_PB, type MemoryDag, SHA2_256 } from './blocks.ts'

export interface FileNode { readonly cid: CID, readonly size: number }

/** dag-pb with this Data, links in the order given and named as given. */
export const pbNode = (dag: MemoryDag, data: Uint8Array | undefined, links: readonly { readonly cid: CID, readonly name?: string }[] = [], hash = SHA2_256): CID =>
  dag.add(dagPb.encode({ ...(data === undefined ? {} : { Data: data }), Links: links.map(({ cid, name = '' }) => ({ Hash: cid, Name: name, Tsize: 1 })) }), DAG_PB, hash)

/** `lie` changes what the node says, not what it holds. */
export const fileNode = (dag: MemoryDag, inline: Uint8Array, parts: readonly FileNode[], lie: { readonly sizes?: readonly number[], readonly fileSize?: number } = {}): FileNode => {
  const size = parts.reduce((sum, part) => sum + part.size, inline.byteLength)
  const fields = [
    ...field(1, 2),
    ...(inline.byteLength === 0 ? [] : [0x12, ...varint(inline.byteLength), ...inline]),
    ...field(3, lie.fileSize ?? size),
    ...(lie.sizes ?? parts.map((part) => part.size)).flatMap((blockSize) => field(4, blockSize)),
  ]
  return { cid: pbNode(dag, Uint8Array.from(fields), parts), size }
}

export const rawLeaf = (dag: MemoryDag, bytes: Uint8Array): FileNode => ({ cid: dag.add(bytes), size: bytes.byteLength })

export const directory = (dag: MemoryDag, entries: Readonly<Record<string, CID>>): CID =>
  pbNode(dag, new UnixFS({ type: 'directory' }).marshal(), Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, cid]) => ({ name, cid })))

export const symlink = (dag: MemoryDag, target: string): CID => pbNode(dag, new UnixFS({ type: 'symlink', data: new TextEncoder().encode(target) }).marshal())

/** One shard; slots are those that the caller chose. */
export const shard = (dag: MemoryDag, fanout: number, slots: readonly { readonly slot: number, readonly name: string, readonly cid: CID }[], lie: { readonly hashType?: number, readonly field?: Uint8Array, readonly fanout?: number } = {}): CID => {
  const bits = new Uint8Array(Math.ceil(fanout / 8))
  for (const { slot } of slots) bits[bits.byteLength - 1 - (slot >> 3)]! |= 1 << (slot & 7)
  const data = lie.field ?? bits
  const digits = (fanout - 1).toString(16).length
  return pbNode(dag, Uint8Array.from([...field(1, 5), 0x12, ...varint(data.byteLength), ...data, ...field(5, lie.hashType ?? 0x22), ...field(6, lie.fanout ?? fanout)]),
    slots.map(({ slot, name, cid }) => ({ cid, name: slot.toString(16).toUpperCase().padStart(digits, '0') + name })))
}

const field = (number: number, value: number): number[] => [number << 3, ...varint(value)]

const varint = (value: number): number[] => (value < 0x80 ? [value] : [value % 0x80 | 0x80, ...varint(Math.floor(value / 0x80))])
