/**
 * A directory: one node with a link for each entry, sorted by the bytes of the names; or, above the size that the profile
 * sets, a tree of nodes (HAMT, src/sharded-directory.ts).
 *
 * The size only grows as entries come, so that it is known from one of them on that a directory is sharded: from there
 * entries may go to a scratch file, in the order that shards need. Smaller ones are held, at most what the profile allows.
 *
 * Source: boxo ipld/unixfs/io/directory.go.
 */
import type { CallOptions } from '@dagstore/io'
import { type BlockWriter, type BuiltNode, type DirectoryNodes, DAG_PB } from './block-writer.ts'
import { EntryList } from './entry-list.ts'
import { EntryRuns, type Scratch } from './entry-runs.ts'
import { badName, UnixfsError } from './errors.ts'
import { hashedBatches } from './hash-order.ts'
import { dataLength, type EncodedLink, encodeNode } from './pb-node.ts'
import { writeShards } from './sharded-directory.ts'
import { encodeUnixfs } from './unixfs-data.ts'

/** The largest block of a directory that is never sharded: what fits into a section of a CAR, CID included. */
export const MAX_DIRECTORY_BYTES: number = (8 << 20) - 256

/** Where entries go that are not held. */
export interface Overflow {
  readonly scratch: Scratch
  /** Of entries that one directory holds, unless it would not be sharded. */
  readonly memoryBytes: number
}

const DATA: Uint8Array = encodeUnixfs({ type: 'directory' })
const textEncoder = new TextEncoder()

/** A directory whose entries are being written; directories inside it are finished before it gets its next entry. */
export class DirectoryBuilder {
  readonly #writer: BlockWriter
  readonly #path: string
  readonly #entries: EntryList = new EntryList()
  readonly #runs: EntryRuns | undefined
  readonly #memoryBytes: number

  /** @param path - for messages. @param overflow - `undefined`: all entries are held */
  constructor (writer: BlockWriter, path: string, overflow: Overflow | undefined) {
    this.#writer = writer
    this.#path = path
    this.#runs = overflow && new EntryRuns(overflow.scratch)
    this.#memoryBytes = overflow?.memoryBytes ?? Infinity
  }

  /**
   * Names may come in any order. A promise has to be awaited before the next one.
   *
   * @throws {UnixfsError} `UNIXFS_BAD_NAME`: that of the entry before, at once; else {@link finish} does.
   *   `UNIXFS_DIRECTORY_TOO_LARGE`: a profile that never shards, and a node above {@link MAX_DIRECTORY_BYTES}
   * @throws what the scratch file throws
   */
  add (name: string, { cid, dagBytes }: Pick<BuiltNode, 'cid' | 'dagBytes'>, options: CallOptions): Promise<void> | undefined {
    const entries = this.#entries
    if (!entries.add(textEncoder.encode(name), cid.bytes, dagBytes)) this.#refuseTwice(name)
    if (this.#writer.rules.sharding === undefined) this.#checkLength()
    return entries.heldBytes > this.#memoryBytes && this.#isSharded ? this.#runs!.spill(entries, options) : undefined
  }

  /**
   * Write the nodes; once, as the last call.
   *
   * @throws {UnixfsError} `UNIXFS_BAD_NAME`: two entries of one name, or names that no sharded directory can tell apart
   * @throws what the scratch file throws
   */
  async finish (options: CallOptions): Promise<DirectoryNodes> {
    const entries = this.#entries
    const runs = this.#runs
    if (runs !== undefined && !runs.isEmpty) {
      await runs.spill(entries, options)
      const nodes = await writeShards(this.#writer, runs.merged(options), this.#path)
      runs.release()
      return nodes
    }
    const twice = entries.sort()
    if (twice !== undefined) this.#refuseTwice(new TextDecoder().decode(entries.name(twice)))
    return this.#isSharded ? writeShards(this.#writer, hashedBatches(entries), this.#path) : this.#writePlain()
  }

  async #writePlain (): Promise<DirectoryNodes> {
    const entries = this.#entries
    const length = this.#nodeBytes
    let dagBytes = length
    const links = function * (): Generator<EncodedLink> {
      for (let entry = 0; entry < entries.count; entry++) {
        const link = { cid: entries.cid(entry), name: entries.name(entry), dagBytes: entries.dagBytes(entry) }
        dagBytes += link.dagBytes
        yield link
      }
    }
    const bytes = encodeNode(links(), DATA, length)
    return { ...await this.#writer.write(DAG_PB, bytes), dagBytes }
  }

  /** Stays true once it is. */
  get #isSharded (): boolean {
    const { sharding } = this.#writer.rules
    return sharding !== undefined && (sharding.measure === 'links' ? this.#entries.nameAndCidBytes : this.#nodeBytes) > sharding.thresholdBytes
  }

  get #nodeBytes (): number {
    return this.#entries.linkBytes + dataLength(DATA.byteLength)
  }

  /** After each entry, so that a directory that cannot be written is refused before the rest of it is read. */
  #checkLength (): void {
    const path = this.#path
    if (this.#nodeBytes <= MAX_DIRECTORY_BYTES) return
    throw new UnixfsError('UNIXFS_DIRECTORY_TOO_LARGE', `directory exceeds one block; path=${path} entries=${this.#entries.count} bytes=${this.#nodeBytes} max=${MAX_DIRECTORY_BYTES}`, { path })
  }

  #refuseTwice (name: string): never {
    throw badName(this.#path, name, 'two entries of one name')
  }
}
