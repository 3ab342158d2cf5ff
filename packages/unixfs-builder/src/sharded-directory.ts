/**
 * A directory as a tree of nodes (HAMT), in which the hash of a name says where its link is.
 *
 *     node   Data: UnixFS type 5, bit field of the slots in use (lowest slot last, no zero bytes in front),
 *            hash function 0x22 (murmur3-x64-64), fan-out 256
 *     link   name: slot in two upper-case hexadecimal digits, then the entry's name; a slot with several entries links to a
 *            node of its own under the digits alone, placed by the next byte of the hash
 *
 * Entries come in the order of their hashes, so that a node is whole when an entry comes that does not belong below it: only
 * the nodes from the root to the entry at hand are held.
 *
 * Source: boxo ipld/unixfs/hamt/hamt.go; UnixFS specification, "HAMTDirectory".
 */
import { type BlockWriter, type DirectoryNodes, DAG_PB } from './block-writer.ts'
import { compareBytes } from './entry-list.ts'
import { badName } from './errors.ts'
import { HASH_BYTES, type HashedEntry } from './hash-order.ts'
import { dataLength, type EncodedLink, encodeNode, linkLength } from './pb-node.ts'
import { encodeUnixfs } from './unixfs-data.ts'

const FAN_OUT = 256
const MURMUR3_X64_64 = 0x22
/** The digits of each slot, as bytes. */
const PREFIXES: readonly Uint8Array[] = Array.from({ length: FAN_OUT }, (_, slot) => new TextEncoder().encode(slot.toString(16).toUpperCase().padStart(2, '0')))

/**
 * Write the nodes, lower ones first.
 *
 * @param batches - all entries by ascending hash; each batch is kept until the nodes that it leads to are written
 * @throws {UnixfsError} `UNIXFS_BAD_NAME`: two entries of one name, or names with one hash
 */
export const writeShards = async (writer: BlockWriter, batches: Iterable<readonly HashedEntry[]> | AsyncIterable<readonly HashedEntry[]>, path: string): Promise<DirectoryNodes> => {
  const root = new Shard()
  /** From the root down to the node of the last entry. */
  const open: Shard[] = [root]
  const place = (entry: HashedEntry, depth: number): void => {
    while (open.length <= depth) open.push(new Shard())
    const slot = slotOf(entry, depth)
    open[depth]!.add(slot, { cid: entry.cid, name: joined(PREFIXES[slot]!, entry.name), dagBytes: entry.dagBytes })
  }
  /** Write what is below the node in which `entry` and the one after it part. */
  const closeTo = async (entry: HashedEntry, depth: number): Promise<void> => {
    while (open.length - 1 > depth) {
      const node = await open.pop()!.write(writer)
      const slot = slotOf(entry, open.length - 1)
      open.at(-1)!.add(slot, { cid: node.cid.bytes, name: PREFIXES[slot]!, dagBytes: node.dagBytes }, node.blocks)
    }
  }

  let last: HashedEntry | undefined
  // bytes that the hash of the last one shares with the one before it
  let before = 0
  for await (const batch of batches) {
    for (const entry of batch) {
      if (last !== undefined) {
        const shared = sharedBytes(last, entry)
        if (shared === HASH_BYTES) refuse(last, entry, path)
        // an entry is as deep as it takes to tell it from its neighbours
        place(last, Math.max(before, shared))
        if (open.length - 1 > shared) await closeTo(last, shared)
        before = shared
      }
      last = entry
    }
  }
  if (last !== undefined) {
    place(last, before)
    await closeTo(last, 0)
  }
  return root.write(writer)
}

/** A node that more links may be added to. */
class Shard {
  readonly #links: EncodedLink[] = []
  readonly #bits: Uint8Array = new Uint8Array(FAN_OUT / 8)
  #linkBytes = 0
  #dagBytes = 0
  #blocks = 0

  /** By ascending slot. @param blocks - written for what the link leads to, as far as it is nodes */
  add (slot: number, link: EncodedLink, blocks = 0): void {
    this.#links.push(link)
    this.#bits[this.#bits.byteLength - 1 - (slot >> 3)]! |= 1 << (slot & 7)
    this.#linkBytes += linkLength(link.cid.byteLength, link.name.byteLength, link.dagBytes)
    this.#dagBytes += link.dagBytes
    this.#blocks += blocks
  }

  async write (writer: BlockWriter): Promise<DirectoryNodes> {
    const bits = this.#bits
    const data = encodeUnixfs({ type: 'shard', data: bits.subarray(bits.findIndex((byte) => byte !== 0)), hashType: MURMUR3_X64_64, fanOut: FAN_OUT })
    const length = this.#linkBytes + dataLength(data.byteLength)
    const { cid, blocks } = await writer.write(DAG_PB, encodeNode(this.#links, data, length))
    return { cid, blocks: this.#blocks + blocks, dagBytes: this.#dagBytes + length }
  }
}

const slotOf = ({ high, low }: HashedEntry, depth: number): number => (depth < 4 ? high : low) >>> (24 - 8 * (depth & 3)) & 0xff

/** How many bytes of two hashes are equal before one is not. */
const sharedBytes = (a: HashedEntry, b: HashedEntry): number => {
  const high = a.high ^ b.high
  if (high !== 0) return Math.clz32(high) >>> 3
  const low = a.low ^ b.low
  return low === 0 ? HASH_BYTES : 4 + (Math.clz32(low) >>> 3)
}

const refuse = (a: HashedEntry, b: HashedEntry, path: string): never => {
  // 64 equal bits of different names can be made, but do not happen
  const why = compareBytes(a.name, b.name) === 0 ? 'two entries of one name' : 'names with equal hashes'
  throw badName(path, new TextDecoder().decode(a.name), why)
}

const joined = (prefix: Uint8Array, name: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(prefix.byteLength + name.byteLength)
  bytes.set(prefix)
  bytes.set(name, prefix.byteLength)
  return bytes
}
