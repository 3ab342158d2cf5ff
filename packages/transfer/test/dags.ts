/** Random DAGs in memory, with all that makes their order hard: blocks met twice, identity CIDs, one multihash under two codecs. */
import { seededBytes, seededInts } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { payloadForm } from '@dagstore/dag'
import { BlockNotFoundError, type BlockBytes, type BlockSizes, oneChunk, toCid } from '@dagstore/read-blockstore'
import { createCrashFs } from '@dagstore-tooling/testkit'
import type { WritableFile } from '@dagstore/io'
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const RAW = 0x55
const CBOR = 0x71
const SHA = 0x12
const hashes = createHashes()

export class MemoryStore implements BlockBytes, BlockSizes {
  readonly blocks = new Map<string, Uint8Array>()
  /** CIDs whose bytes were asked for, in order. */
  readonly reads: string[] = []

  add (codec: number, bytes: Uint8Array, hash = SHA): CID {
    const cid = CID.createV1(codec, create(hash, hashes.digest(hash, bytes)))
    if (hash !== 0) this.blocks.set(cid.toString(), bytes)
    return cid
  }

  async bytes (asked: Parameters<BlockBytes['bytes']>[0]): Promise<Uint8Array> {
    const cid = toCid(asked)
    this.reads.push(cid.toString())
    return this.#find(cid).slice()
  }

  get (cid: Parameters<BlockBytes['bytes']>[0]): AsyncGenerator<Uint8Array, void, undefined> { return oneChunk(() => this.bytes(cid)) }
  size (cid: Parameters<BlockBytes['bytes']>[0]): number { return this.#find(toCid(cid)).byteLength }

  #find (cid: CID): Uint8Array {
    const bytes = this.blocks.get(cid.toString())
    if (bytes === undefined) throw new BlockNotFoundError(cid)
    return bytes
  }
}

export interface TestDag { readonly store: MemoryStore, readonly root: CID, readonly payload: Uint8Array, /** Where sections end, the header first. */ readonly ends: readonly number[] }

/** @param maxLeaf - length of the longest leaf in bytes */
export const randomDag = async (seed: number, nodes = 8, maxLeaf = 90): Promise<TestDag> => {
  const store = new MemoryStore()
  const next = seededInts(seed)
  const at = (length: number): number => next(length)
  const made: CID[] = [store.add(RAW, new Uint8Array(0)), store.add(RAW, Uint8Array.of(1, 2, 3), 0)]
  for (let n = 0; n < nodes; n++) {
    made.push(store.add(RAW, seededBytes(seed * 1000 + n, 1 + at(maxLeaf))))
    const links = Array.from({ length: 1 + at(4) }, () => made[at(made.length)]!)
    const node = cbor.encode({ n, links })
    const kind = at(4)
    made.push(store.add(CBOR, node, kind === 0 ? 0 : SHA))
    // the same bytes, and the same hash, as a leaf
    if (kind === 1) made.push(store.add(RAW, node))
  }
  const root = store.add(CBOR, cbor.encode({ links: [...made].reverse() }))
  return { store, root, ...await payloadOf(store, root) }
}

export const payloadOf = async (store: MemoryStore, root: CID): Promise<{ readonly payload: Uint8Array, readonly ends: readonly number[] }> => {
  const payload = await bytesOf(payloadForm(store, root))
  store.reads.length = 0
  const ends: number[] = []
  for (let end = 0; end < payload.byteLength;) {
    let length = 0
    let shift = 0
    for (let more = true; more; shift += 7) {
      const byte = payload[end++]!
      length += (byte & 127) * 2 ** shift
      more = byte > 127
    }
    end += length
    ends.push(end)
  }
  return { payload, ends }
}

export const bytesOf = async (chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk.slice())
  return new Uint8Array(Buffer.concat(parts))
}

/** In chunks of these lengths, over and over. */
export async function * inChunks (bytes: Uint8Array, ...lengths: number[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0, n = 0; at < bytes.byteLength; n++) {
    const length = lengths[n % lengths.length] ?? bytes.byteLength
    yield bytes.slice(at, at + length)
    at += length
  }
}

export interface MemoryFile { open(): Promise<WritableFile>, content(): Uint8Array }

export const memoryFile = (bytes?: Uint8Array): MemoryFile => {
  const fs = createCrashFs({ seed: 1 })
  if (bytes !== undefined) fs.plant('car', bytes)
  return { open: () => fs.writableFile('car'), content: () => fs.content('car')! }
}
