/** Trustless gateways without a network, with what may go wrong between them and those who ask. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import { walkDag, walkPath } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import type { TreeEntry } from '@dagstore/io'
import { type AnyCid, oneChunk, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import { createGateway } from '@dagstore/trustless-gateway'
import { buildTree } from '@dagstore/unixfs-builder'
import type { CID } from 'multiformats/cid'
import { type DagPart, type DagSource, fetchingStore, type FetchingStore, type FetchingStoreOptions, gatewaySource, type GatewaySourceOptions } from '../src/index.ts'
import { MemoryStore } from './dags.ts'

export const hashes = await openHashes()

/** Stores whole CIDs, by what a gateway asks. */
export const gatewayOf = (store: MemoryStore): ((request: Request) => Promise<Response>) => {
  const blockstore: ReadBlockstore = {
    has: (cid) => store.blocks.has(toCid(cid).toString()),
    get: (cid) => store.get(toCid(cid)),
    async * getMany (cids) { for await (const cid of cids) yield { cid: toCid(cid), bytes: store.get(toCid(cid)) } },
    async * getAll () {},
  }
  const gateway = createGateway({ blockstore, hashes })
  return (request) => gateway(request)
}

export interface Asked { readonly path: string, readonly query: string, readonly car: boolean }

export interface TestSource { readonly source: DagSource, readonly asked: Asked[] }

/** @param change - what becomes of an answer; may be another one, or never come */
export const sourceOf = (store: MemoryStore, change: (response: Response, asked: Asked, n: number) => Response | Promise<Response> = (response) => response, options: GatewaySourceOptions = {}, name = 'one'): TestSource => {
  const gateway = gatewayOf(store)
  const asked: Asked[] = []
  const send: typeof fetch = async (input, init) => {
    const request = new Request(input as URL, init as RequestInit)
    const { pathname, search, searchParams } = new URL(request.url)
    const one = { path: decodeURIComponent(pathname), query: search, car: searchParams.get('format') === 'car' }
    asked.push(one)
    return change(await gateway(request), one, asked.length)
  }
  return { source: gatewaySource(`http://${name}.test/`, { fetch: send, ...options }), asked }
}

export const file = (name: string, bytes: Uint8Array): TreeEntry => ({ kind: 'file', name, sizeBytes: bytes.byteLength, read: async function * () { yield bytes } })
export const folder = (name: string, ...entries: TreeEntry[]): TreeEntry => ({ kind: 'directory', name, entries: async function * () { yield * entries } })

export interface Tree { readonly store: MemoryStore, readonly root: CID }

export const treeOf = async (tree: TreeEntry): Promise<Tree> => {
  const store = new MemoryStore()
  const { cid } = await buildTree(tree, { put: (each, bytes) => { if (each.multihash.code !== 0) store.blocks.set(each.toString(), bytes) } }, { hashes, profile: 'lotus-2021', identity: 'skip' })
  return { store, root: cid }
}

/** A file of 5 blocks between others, and a folder of small ones. */
export const sampleTree = (seed = 1): Promise<Tree> => treeOf(folder('',
  folder('many', ...Array.from({ length: 12 }, (_, n) => file(`${n}`.padStart(2, '0'), seededBytes(seed * 100 + n, 200 + n)))),
  folder('sub', file('large.bin', seededBytes(seed, (4 << 20) + 1000)), file('other.bin', seededBytes(seed + 50, 3000))),
  file('tiny', Uint8Array.of(1, 2, 3)),
))

/** What a walk with a file of its own does: blocks that are there come from there, others are fetched and kept. */
export const walkInto = async (held: Map<string, Uint8Array>, store: FetchingStore, root: CID, part?: DagPart): Promise<string[]> => {
  const kept = { has: (any: AnyCid) => held.has(toCid(any).toString()) }
  store.begin(kept)
  const both = {
    get: (any: AnyCid) => oneChunk(async () => {
      const cid = toCid(any)
      const own = held.get(cid.toString())
      if (own !== undefined) store.passed(cid, own)
      return own ?? await readWhole(store, cid)
    }),
  }
  const options = { identity: 'skip', hashes } as const
  const names: string[] = []
  for await (const { cid, bytes } of part === undefined ? walkDag(both, root, options) : walkPath(both, root, { ...options, ...part, outside: 'throw' })) {
    held.set(cid.toString(), bytes)
    names.push(cid.toString())
  }
  return names
}

const readWhole = async (store: FetchingStore, cid: CID): Promise<Uint8Array> => {
  for await (const bytes of store.get(cid)) return bytes
  throw new Error('no block')
}

export const namesOf = async (store: MemoryStore, root: CID, part?: DagPart): Promise<string[]> => {
  const names: string[] = []
  const options = { identity: 'skip', hashes } as const
  for await (const { cid } of part === undefined ? walkDag(store, root, options) : walkPath(store, root, { ...options, ...part })) names.push(cid.toString())
  return names
}

export const openStore = (root: CID, sources: readonly DagSource[], more: Partial<FetchingStoreOptions> = {}): FetchingStore => fetchingStore({ root, sources, hashes, ...more })
