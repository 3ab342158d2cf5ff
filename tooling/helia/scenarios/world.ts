/** A DAG store on a folder with a UnixFS DAG in one shard, and the nodes that use it. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { DealSources, Retrieval, RetrievalInto, RetrievalNode } from '@dagstore/deal-client'
import { fileUrl } from '@dagstore/mounts'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { withBitswap } from '@helia/bitswap'
import { car } from '@helia/car'
import type { Helia } from '@helia/interface'
import { type HeliaWithLibp2p, withLibp2pLight } from '@helia/libp2p'
import { unixfs } from '@helia/unixfs'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createHeliaLight, type HeliaInit } from 'helia'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

export interface Test {
  readonly name: string
  readonly run: (place: Place) => Promise<void>
}

/** What all tests share, and a folder of their own. */
export interface Place {
  readonly folder: string
  readonly dag: Dag
  /** Client and provider, joined: those of `tooling/compositions`. */
  readonly openSides: (options: SidesOptions) => Promise<Sides>
}

export interface SidesOptions {
  readonly seed: string
  /** Files of the user. */
  readonly user: Map<string, Uint8Array>
  readonly client: { readonly behind: DealSources, readonly node: RetrievalNode }
}

export interface Sides {
  /** Until it is active. */
  deal(root: CID): Promise<unknown>
  retrieve(root: CID, order: { readonly into: RetrievalInto }): Promise<Pick<Retrieval, 'state' | 'message'>>
  close(): Promise<void>
}

/** A directory with a file of 3 MB and a small one, and the CAR that Helia exports of it. */
export interface Dag {
  readonly root: CID
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly cids: readonly CID[]
  readonly blocks: readonly { readonly cid: CID, readonly bytes: Uint8Array }[]
  readonly carBytes: Uint8Array
}

export const FILES: Dag['files'] = { 'large.bin': seededBytes(7, 3_000_000), 'small.txt': new TextEncoder().encode('in a shard') }

export const collect = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> => {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Uint8Array.from(Buffer.concat(all))
}

export const count = async (items: AsyncIterable<unknown> | Iterable<unknown>): Promise<number> => {
  let found = 0
  for await (const _ of items) found++
  return found
}

/** What a promise rejects with. */
export const rejection = (promise: Promise<unknown>): Promise<any> => promise.then(
  (value) => { throw new Error(`resolved with ${String(value)}`) },
  (error: unknown) => error
)

/** Made by Helia itself. */
export const makeDag = async (): Promise<Dag> => {
  const helia = await createHeliaLight().start()
  try {
    const fs = unixfs(helia)
    let root = await fs.addDirectory()
    for (const [name, bytes] of Object.entries(FILES)) root = await fs.cp(await fs.addBytes(bytes), root, name)
    const seen = new Map<string, CID>()
    for await (const cid of helia.pins.add(root)) seen.set(cid.toString(), cid)
    const cids = [...seen.values()]
    const blocks = await Promise.all(cids.map(async (cid) => ({ cid, bytes: await collect(helia.blockstore.get(cid)) })))
    return { root, files: FILES, cids, blocks, carBytes: await collect(car(helia).export(root)) }
  } finally {
    await helia.stop()
  }
}

export interface Shards extends AsyncDisposable {
  readonly store: NodeDagstore
  readonly path: string
  /** All that can be seen of the shard: its record, its bytes, its blocks. */
  readonly look: () => Promise<string>
}

/** A DAG store in a folder of its own; its one shard is the CAR given, beside it. */
export const openShards = async (folder: string, carBytes: Uint8Array): Promise<Shards> => {
  const own = await mkdtemp(join(folder, 'store-'))
  const path = join(own, 'dag.car')
  await writeFile(path, carBytes)
  const store = await openDagstore(join(own, 'root'))
  await store.register('dag', fileUrl(path), { indexing: 'eager' })
  const look = async (): Promise<string> => {
    const hash = createHash('sha256').update(await readFile(path))
    const lease = await store.acquire('dag')
    try {
      for await (const { cid, bytes } of lease.blockstore.getAll()) hash.update(cid.bytes).update(await collect(bytes))
    } finally {
      await lease.close()
    }
    const { key, mountUrl, health } = (await store.shard('dag'))!
    return JSON.stringify({ key, mountUrl, health, sha256: hash.digest('hex') })
  }
  return { store, path, look, [Symbol.asyncDispose]: () => store.close() }
}

/** A node without a network. */
export const startLight = (init: HeliaInit): Promise<Helia> => createHeliaLight(init).start() as Promise<Helia>

/** A node that speaks Bitswap over TCP, on this machine only. */
export const startBitswap = (blockstore: Blockstore, init: HeliaInit = {}): Promise<HeliaWithLibp2p<any>> => withBitswap(withLibp2pLight(createHeliaLight({ ...init, blockstore }), {
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() },
})).start() as Promise<HeliaWithLibp2p<any>>

/** The CAR with one bit of that file's first block changed, and which block that is. */
export const damage = async (dag: Dag, file: string): Promise<{ readonly carBytes: Uint8Array, readonly cid: CID }> => {
  const carBytes = dag.carBytes.slice()
  const start = dag.files[file]!.subarray(0, 100)
  carBytes[Buffer.from(carBytes).indexOf(start)]! ^= 1
  for (const [at, { cid, bytes }] of dag.blocks.entries()) if (at > 0 && Buffer.from(bytes).indexOf(start) === 0) return { carBytes, cid }
  throw new Error(`no block begins as ${file}`)
}

/** With a node that is stopped at the end. */
export const withNode = async <N extends { stop(): Promise<unknown> }>(starting: Promise<N>, use: (node: N) => Promise<void>): Promise<void> => {
  const node = await starting
  try {
    await use(node)
  } finally {
    await node.stop()
  }
}
