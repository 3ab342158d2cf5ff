/** Two small stores to promote: one of ours, and one as js-stores writes them. */
import { createHash } from 'node:crypto'
import { type AnyCid, BlockNotFoundError, BlockstoreError, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import type { Blockstore, Pair } from 'interface-blockstore'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

export interface Block { readonly cid: CID, readonly bytes: Uint8Array }

export const makeBlock = (text: string): Block => {
  const bytes = new TextEncoder().encode(text)
  return { bytes, cid: CID.createV1(0x55, create(0x12, Uint8Array.from(createHash('sha256').update(bytes).digest()))) }
}

const keyOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex')

/** Takes any CID; `log` gets the name of each method at its call; with `failure` no block can be read. */
export const ownStore = (blocks: readonly Block[], log: string[] = [], failure?: BlockstoreError['code']): ReadBlockstore => {
  // the first of two blocks of one multihash counts
  const byKey = new Map(blocks.toReversed().map((block) => [keyOf(block.cid), block]))
  const find = (cid: AnyCid): Uint8Array => {
    const found = byKey.get(keyOf(toCid(cid)))
    if (found === undefined) throw new BlockNotFoundError(toCid(cid))
    if (failure !== undefined) throw new BlockstoreError(failure, 'as told by the test')
    return found.bytes
  }
  return {
    has: (cid) => {
      log.push('has')
      return byKey.has(keyOf(toCid(cid)))
    },
    get: async function * (cid) {
      log.push('get')
      yield find(cid)
    },
    getMany: async function * (cids) {
      log.push('getMany')
      for await (const cid of cids) yield { cid: toCid(cid), bytes: (async function * () { yield find(cid) })() }
    },
    getAll: async function * () {
      log.push('getAll')
      for (const { cid } of byKey.values()) yield { cid, bytes: (async function * () { yield find(cid) })() }
    },
  }
}

/** Insists on CIDs of its own multiformats, yields several chunks, answers at once; refuses no write. */
export class ForeignStore implements Blockstore {
  readonly #blocks = new Map<string, Block>()

  constructor (blocks: readonly Block[]) {
    for (const block of blocks) this.#blocks.set(keyOf(block.cid), block)
  }

  has (cid: CID): boolean {
    if (!(cid instanceof CID)) throw new Error('not my CID')
    return this.#blocks.has(keyOf(cid))
  }

  * get (cid: CID, options: { signal?: AbortSignal } = {}): Generator<Uint8Array> {
    if (!(cid instanceof CID)) throw new Error('not my CID')
    options.signal?.throwIfAborted()
    const bytes = this.#blocks.get(keyOf(cid))?.bytes
    if (bytes === undefined) throw new BlockNotFoundError(cid)
    yield bytes.subarray(0, 1)
    yield bytes.subarray(1)
  }

  * getMany (cids: Iterable<CID> | AsyncIterable<CID>): Generator<Pair> {
    if (Symbol.asyncIterator in cids) throw new Error('only at once')
    for (const cid of cids) yield { cid, bytes: this.get(cid) }
  }

  * getAll (): Generator<Pair> {
    for (const { cid } of this.#blocks.values()) yield { cid, bytes: this.get(cid) }
  }

  put (cid: CID): CID {
    return cid
  }

  * putMany (): Generator<CID> {}
  delete (): void {}
  * deleteMany (): Generator<CID> {}
}
