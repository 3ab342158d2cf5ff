/** DAGs in memory for the tests here: blocks by whole CID, and the order in which they were asked for. */
import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { createHashes } from '@dagstore/hashes'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import type { BlockGetter } from '../src/index.ts'

export const hashes = createHashes()

export const RAW = 0x55
export const DAG_PB = 0x70
export const DAG_CBOR = 0x71
export const SHA2_256 = 0x12
export const BLAKE2B_256 = 0xb220
export const IDENTITY = 0

export const text = (words: string): Uint8Array => new TextEncoder().encode(words)
export const cidOf = (bytes: Uint8Array, codec = RAW, hash = SHA2_256): CID => CID.createV1(codec, Digest.decode(hashes.multihash(hash, bytes)))

export class MemoryDag implements BlockGetter {
  readonly blocks = new Map<string, Uint8Array>()
  readonly asked: string[] = []

  add (bytes: Uint8Array, codec = RAW, hash = SHA2_256): CID {
    const cid = cidOf(bytes, codec, hash)
    if (hash !== IDENTITY) this.blocks.set(cid.toString(), bytes)
    return cid
  }

  raw (words: string): CID { return this.add(text(words)) }
  cbor (value: unknown, hash = SHA2_256): CID { return this.add(dagCbor.encode(value), DAG_CBOR, hash) }
  /** Links in the order given. */
  pb (links: readonly CID[], hash = SHA2_256): CID {
    return this.add(dagPb.encode(dagPb.prepare({ Links: links.map((cid, i) => ({ Hash: cid, Name: String(i).padStart(6, '0'), Tsize: 1 })) })), DAG_PB, hash)
  }

  async * get (cid: CID, options: { signal?: AbortSignal } = {}): AsyncGenerator<Uint8Array> {
    options.signal?.throwIfAborted()
    this.asked.push(cid.toString())
    const bytes = this.blocks.get(cid.toString())
    if (bytes === undefined) throw new BlockNotFoundError(cid)
    yield bytes
  }
}

export const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const out: T[] = []
  for await (const item of source) out.push(item)
  return out
}
export const joined = async (source: AsyncIterable<Uint8Array>): Promise<Uint8Array> => new Uint8Array(Buffer.concat(await all(source)))
