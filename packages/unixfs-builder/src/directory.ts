/**
 * A directory: one node with a link for each entry, sorted by the bytes of the names; or, above the size that the profile
 * sets, a tree of nodes (HAMT) in which the hash of a name says where its link is.
 *
 *     sharded node   Data: UnixFS type 5, bit field of the slots in use (lowest slot last, no zero bytes in front),
 *                    hash function 0x22 (murmur3-x64-64), fan-out 256
 *     link           name: slot in two upper-case hexadecimal digits, then the entry's name; a slot with several entries
 *                    links to a node of its own under the digits alone, placed by the next byte of the hash
 *
 * Source: boxo ipld/unixfs/io/directory.go, ipld/unixfs/hamt/hamt.go; UnixFS specification, "HAMTDirectory".
 */
import { encode, type PBLink } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { type BlockWriter, type BuiltNode, DAG_PB } from './block-writer.ts'
import { UnixfsError } from './errors.ts'
import { murmur3 } from './murmur3.ts'

/** The largest block of a directory that is never sharded: what fits into a section of a CAR, CID included. */
export const MAX_DIRECTORY_BYTES: number = (8 << 20) - 256

const FAN_OUT = 256
const MURMUR3_X64_64 = 0x22
const textEncoder = new TextEncoder()

export interface DirectoryLink {
  readonly name: string
  readonly node: BuiltNode
}

/**
 * Write a directory of entries that were written before.
 *
 * @param entries - in any order, names unique
 * @param path - for messages
 * @throws {UnixfsError} `UNIXFS_DIRECTORY_TOO_LARGE`: a profile that never shards, and a node above {@link MAX_DIRECTORY_BYTES}
 */
export const writeDirectory = async (writer: BlockWriter, entries: readonly DirectoryLink[], path: string): Promise<BuiltNode> => {
  const named = entries.map((entry) => ({ ...entry, nameBytes: textEncoder.encode(entry.name) })).sort((a, b) => compareBytes(a.nameBytes, b.nameBytes))
  const { sharding } = writer.rules
  const total = (what: 'fileBytes' | 'blocks'): number => entries.reduce((sum, { node }) => sum + node[what], 0)
  const counted = (shell: Shell): BuiltNode => ({ ...shell, fileBytes: total('fileBytes'), blocks: total('blocks') + shell.blocks })
  if (sharding?.measure === 'links' && linkBytes(named) > sharding.thresholdBytes) return counted(await writeShard(writer, named, 0))
  const bytes = encode({ Data: new UnixFS({ type: 'directory' }).marshal(), Links: named.map((entry) => linkTo(entry, '')) })
  if (sharding?.measure === 'block' && bytes.byteLength > sharding.thresholdBytes) return counted(await writeShard(writer, named, 0))
  if (bytes.byteLength > MAX_DIRECTORY_BYTES) {
    throw new UnixfsError('UNIXFS_DIRECTORY_TOO_LARGE', `directory exceeds one block; path=${path} entries=${entries.length} bytes=${bytes.byteLength} max=${MAX_DIRECTORY_BYTES}`, { path })
  }
  return counted(await writeShell(writer, bytes, named.map(({ node }) => node.dagBytes)))
}

interface NamedLink extends DirectoryLink {
  readonly nameBytes: Uint8Array
}

/** The nodes of a directory without what is in it. */
interface Shell extends Pick<BuiltNode, 'cid' | 'dagBytes' | 'blocks'> {}

const writeShell = async (writer: BlockWriter, bytes: Uint8Array, linkedBytes: readonly number[]): Promise<Shell> => {
  const { cid, blocks } = await writer.write(DAG_PB, bytes)
  return { cid, blocks, dagBytes: linkedBytes.reduce((sum, length) => sum + length, bytes.byteLength) }
}

const writeShard = async (writer: BlockWriter, entries: readonly NamedLink[], depth: number): Promise<Shell> => {
  const slots = new Map<number, NamedLink[]>()
  for (const entry of entries) {
    const slot = murmur3(entry.nameBytes)[depth]
    // 64 equal bits of hash: such names can be made, but do not happen
    if (slot === undefined) throw new UnixfsError('UNIXFS_BAD_NAME', `names with equal hashes; name=${entry.name}`, { path: entry.name })
    const filled = slots.get(slot)
    if (filled === undefined) slots.set(slot, [entry])
    else filled.push(entry)
  }
  const links: PBLink[] = []
  let blocks = 0
  for (const [slot, inSlot] of [...slots].sort(([a], [b]) => a - b)) {
    const prefix = slot.toString(16).toUpperCase().padStart(2, '0')
    const [only] = inSlot
    if (only !== undefined && inSlot.length === 1) {
      links.push(linkTo(only, prefix))
      continue
    }
    const shard = await writeShard(writer, inSlot, depth + 1)
    links.push({ Hash: shard.cid, Name: prefix, Tsize: shard.dagBytes })
    blocks += shard.blocks
  }
  const shard = new UnixFS({ type: 'hamt-sharded-directory', data: bitField(slots.keys()), fanout: BigInt(FAN_OUT), hashType: BigInt(MURMUR3_X64_64) })
  const shell = await writeShell(writer, encode({ Data: shard.marshal(), Links: links }), links.map(({ Tsize = 0 }) => Tsize))
  return { ...shell, blocks: shell.blocks + blocks }
}

const linkTo = ({ name, node }: DirectoryLink, prefix: string): PBLink => ({ Hash: node.cid, Name: `${prefix}${name}`, Tsize: node.dagBytes })

const linkBytes = (entries: readonly NamedLink[]): number => entries.reduce((sum, { nameBytes, node }) => sum + nameBytes.byteLength + node.cid.bytes.byteLength, 0)

const bitField = (slots: Iterable<number>): Uint8Array => {
  const bits = new Uint8Array(FAN_OUT / 8)
  for (const slot of slots) bits[bits.byteLength - 1 - (slot >> 3)]! |= 1 << (slot & 7)
  return bits.subarray(bits.findIndex((byte) => byte !== 0))
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.byteLength, b.byteLength)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!
  return a.byteLength - b.byteLength
}
