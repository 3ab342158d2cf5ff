/**
 * A directory as a tree of nodes (HAMT), in which the hash of a name says where its link is.
 *
 *     node   Data: UnixFS type 5, bit field of the slots in use (lowest slot last, no zero bytes in front),
 *            hash function 0x22 (murmur3-x64-64), fan-out 256
 *     link   name: slot in two upper-case hexadecimal digits, then the entry's name; a slot with several entries links to a
 *            node of its own under the digits alone, placed by the next byte of the hash
 *
 * Entries are sorted by their hashes, so that those of one node are neighbours; of a node only its own links are objects.
 *
 * Source: boxo ipld/unixfs/hamt/hamt.go; UnixFS specification, "HAMTDirectory".
 */
import { murmur3Into } from '@dagstore/hashes'
import { type BlockWriter, type DirectoryNodes, DAG_PB } from './block-writer.ts'
import type { EntryList } from './entry-list.ts'
import { UnixfsError } from './errors.ts'
import { dataLength, type EncodedLink, encodeNode, linkLength } from './pb-node.ts'
import { encodeUnixfs } from './unixfs-data.ts'

const FAN_OUT = 256
const MURMUR3_X64_64 = 0x22
const HASH_BYTES = 8
/** The digits of each slot, as bytes. */
const PREFIXES: readonly Uint8Array[] = Array.from({ length: FAN_OUT }, (_, slot) => new TextEncoder().encode(slot.toString(16).toUpperCase().padStart(2, '0')))

/**
 * Write the nodes, lower ones first.
 *
 * @throws {UnixfsError} `UNIXFS_BAD_NAME`: two names with one hash
 */
export const writeShards = async (writer: BlockWriter, entries: EntryList, path: string): Promise<DirectoryNodes> => {
  const hashes = new Uint32Array(2 * entries.count)
  for (let entry = 0; entry < entries.count; entry++) murmur3Into(entries.name(entry), hashes, 2 * entry)
  const order = Uint32Array.from({ length: entries.count }, (_, entry) => entry)
  order.sort((a, b) => hashes[2 * a]! - hashes[2 * b]! || hashes[2 * a + 1]! - hashes[2 * b + 1]!)

  const slotOf = (at: number, depth: number): number => hashes[2 * order[at]! + (depth >> 2)]! >>> (24 - 8 * (depth & 3)) & 0xff

  const writeShard = async (from: number, to: number, depth: number): Promise<DirectoryNodes> => {
    if (depth === HASH_BYTES) {
      // 64 equal bits: such names can be made, but do not happen
      const name = new TextDecoder().decode(entries.name(order[from]!))
      throw new UnixfsError('UNIXFS_BAD_NAME', `names with equal hashes; path=${path} name=${name}`, { path: path === '' ? name : `${path}/${name}` })
    }
    const links: EncodedLink[] = []
    const bits = new Uint8Array(FAN_OUT / 8)
    let blocks = 0
    for (let start = from; start < to;) {
      const slot = slotOf(start, depth)
      let end = start + 1
      while (end < to && slotOf(end, depth) === slot) end++
      const prefix = PREFIXES[slot]!
      if (end - start === 1) {
        const entry = order[start]!
        links.push({ cid: entries.cid(entry), name: joined(prefix, entries.name(entry)), dagBytes: entries.dagBytes(entry) })
      } else {
        const shard = await writeShard(start, end, depth + 1)
        links.push({ cid: shard.cid.bytes, name: prefix, dagBytes: shard.dagBytes })
        blocks += shard.blocks
      }
      bits[bits.byteLength - 1 - (slot >> 3)]! |= 1 << (slot & 7)
      start = end
    }
    const data = encodeUnixfs({ type: 'shard', data: bits.subarray(bits.findIndex((byte) => byte !== 0)), hashType: MURMUR3_X64_64, fanOut: FAN_OUT })
    const length = links.reduce((sum, { cid, name, dagBytes }) => sum + linkLength(cid.byteLength, name.byteLength, dagBytes), dataLength(data.byteLength))
    const written = await writer.write(DAG_PB, encodeNode(links, data, length))
    return { cid: written.cid, blocks: written.blocks + blocks, dagBytes: links.reduce((sum, { dagBytes }) => sum + dagBytes, length) }
  }
  return writeShard(0, entries.count, 0)
}

const joined = (prefix: Uint8Array, name: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(prefix.byteLength + name.byteLength)
  bytes.set(prefix)
  bytes.set(name, prefix.byteLength)
  return bytes
}
