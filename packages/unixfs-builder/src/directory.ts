/**
 * A directory: one node with a link for each entry, sorted by the bytes of the names; or, above the size that the profile
 * sets, a tree of nodes (HAMT, src/sharded-directory.ts).
 *
 * Source: boxo ipld/unixfs/io/directory.go.
 */
import { type BlockWriter, type DirectoryNodes, DAG_PB } from './block-writer.ts'
import type { EntryList } from './entry-list.ts'
import { UnixfsError } from './errors.ts'
import { dataLength, type EncodedLink, encodeNode } from './pb-node.ts'
import { writeShards } from './sharded-directory.ts'
import { encodeUnixfs } from './unixfs-data.ts'

/** The largest block of a directory that is never sharded: what fits into a section of a CAR, CID included. */
export const MAX_DIRECTORY_BYTES: number = (8 << 20) - 256

const DATA: Uint8Array = encodeUnixfs({ type: 'directory' })

/**
 * To be asked after each entry, so that a directory that cannot be written is refused before the rest of it is read.
 *
 * @throws {UnixfsError} `UNIXFS_DIRECTORY_TOO_LARGE`: a profile that never shards, and a node above {@link MAX_DIRECTORY_BYTES}
 */
export const checkDirectory = ({ rules }: BlockWriter, entries: EntryList, path: string): void => {
  const length = nodeLength(entries)
  if (rules.sharding !== undefined || length <= MAX_DIRECTORY_BYTES) return
  throw new UnixfsError('UNIXFS_DIRECTORY_TOO_LARGE', `directory exceeds one block; path=${path} entries=${entries.count} bytes=${length} max=${MAX_DIRECTORY_BYTES}`, { path })
}

/**
 * Write a directory of entries that were written before.
 *
 * @param entries - sorted and checked
 * @param path - for messages
 * @throws {UnixfsError} `UNIXFS_BAD_NAME`: names that no sharded directory can tell apart
 */
export const writeDirectory = async (writer: BlockWriter, entries: EntryList, path: string): Promise<DirectoryNodes> => {
  const { sharding } = writer.rules
  const length = nodeLength(entries)
  const measured = sharding?.measure === 'links' ? entries.nameAndCidBytes : length
  if (sharding !== undefined && measured > sharding.thresholdBytes) return writeShards(writer, entries, path)
  let dagBytes = length
  const links = function * (): Generator<EncodedLink> {
    for (let entry = 0; entry < entries.count; entry++) {
      const link = { cid: entries.cid(entry), name: entries.name(entry), dagBytes: entries.dagBytes(entry) }
      dagBytes += link.dagBytes
      yield link
    }
  }
  const bytes = encodeNode(links(), DATA, length)
  return { ...await writer.write(DAG_PB, bytes), dagBytes }
}

const nodeLength = (entries: EntryList): number => entries.linkBytes + dataLength(DATA.byteLength)
