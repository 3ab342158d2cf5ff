/** Blocks in memory that are there, lack, break or hang as a test says. */
import type { Block } from '@dagstore-tooling/fixtures'
import { gatewayBlocks } from '@dagstore-tooling/fixtures/gateway'
import { type AnyCid, BlockNotFoundError, type ShardBlockstore, toCid } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'

export interface TestStore extends ShardBlockstore {
  /** Data was read; sizes and `has` cost none. In the order of the questions, as text. */
  readonly asked: string[]
  /** Called before each reading of data; what it throws is the answer. */
  before: ((cid: CID, signal: AbortSignal | undefined) => void | Promise<void>) | undefined
  /** What comes in place of a block's own bytes. */
  readonly altered: Map<string, Uint8Array>
  /** A number of shards that have no index yet. */
  unindexedShards: number
  add (...blocks: readonly Block[]): void
  remove (cid: CID): void
}

const keyOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex')

export const openTestStore = (blocks: Iterable<Block> = gatewayBlocks()): TestStore => {
  const held = new Map<string, Uint8Array>()
  const missing = (cid: CID): BlockNotFoundError => new BlockNotFoundError(cid, { unindexedShards: store.unindexedShards })
  const bytes = async (any: AnyCid, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Uint8Array> => {
    const cid = toCid(any)
    signal?.throwIfAborted()
    store.asked.push(cid.toString())
    await store.before?.(cid, signal)
    signal?.throwIfAborted()
    const found = held.get(keyOf(cid))
    if (found === undefined) throw missing(cid)
    return (store.altered.get(cid.toString()) ?? found).slice()
  }
  const store: TestStore = {
    asked: [],
    before: undefined,
    altered: new Map(),
    unindexedShards: 0,
    add: (...added) => { for (const { cid, data } of added) held.set(keyOf(CID.decode(cid)), data) },
    remove: (cid) => { held.delete(keyOf(cid)) },
    has: (cid) => held.has(keyOf(toCid(cid))),
    bytes,
    size: (any) => {
      const cid = toCid(any)
      const found = held.get(keyOf(cid))
      if (found === undefined) throw missing(cid)
      return found.byteLength
    },
    bytesAt: async (cid, from, length, options) => (await bytes(cid, options)).slice(from, from + length),
    async * get (cid, options) { yield await bytes(cid, options) },
    async * getMany (cids, options) { for await (const cid of cids) yield { cid: toCid(cid), bytes: store.get(cid, options) } },
    async * getAll () { for (const { cid, data } of blocks) yield { cid: CID.decode(cid), bytes: (function * () { yield data })() } },
  }
  store.add(...blocks)
  return store
}
