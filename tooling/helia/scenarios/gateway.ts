/** Nodes without libp2p whose one source is our gateway: it tells them that it has the blocks, and gives them. */
import assert from 'node:assert/strict'
import { createGateway } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'
import { withHTTP } from '@helia/http'
import { unixfs } from '@helia/unixfs'
import { createVerifiedFetch } from '@helia/verified-fetch'
import { CarReader } from '@ipld/car'
import { createHeliaLight } from 'helia'
import type { Helia } from '@helia/interface'
import { CID } from 'multiformats/cid'
import { collect, type Dag, openShards, rejection, type Test, withNode } from './world.ts'

/** What both ways have in common: this machine, and no TLS. */
const HERE = { allowInsecure: true, allowLocal: true }

const withGateway = async (folder: string, dag: Dag, use: (url: string) => Promise<void>): Promise<void> => {
  await using shards = await openShards(folder, dag.carBytes)
  const server = await serveGateway(createGateway({ blockstore: shards.store.blockstore, verify: 'never' }), { listen: { port: 0 } })
  try {
    await use(server.address.url)
  } finally {
    await server.close({ deadlineMs: 0 })
  }
}

/** The same URL for routing and, if wanted, as a gateway that is asked for everything. */
const startHttp = (url: string, recursiveGateways: readonly string[] = []): Promise<Helia> =>
  withHTTP(createHeliaLight(), { delegatedRouters: [url], recursiveGateways: [...recursiveGateways], ...HERE }).start() as Promise<Helia>

const absent = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')

export const GATEWAY: readonly Test[] = [
  {
    name: 'gateway: a node by HTTP alone finds it by its routing and reads files, whole and in part',
    run: ({ folder, dag }) => withGateway(folder, dag, async (url) => {
      await withNode(startHttp(url), async (helia) => {
        for (const [path, bytes] of Object.entries(dag.files)) assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path })), bytes)
        assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path: 'large.bin', offset: 1_500_000, length: 70_000 })), dag.files['large.bin']!.slice(1_500_000, 1_570_000))
        const session = helia.blockstore.createSession(dag.root)
        for (const cid of dag.cids) assert.ok((await collect(session.get(cid))).byteLength > 0)
        session.close()
      })
    }),
  },
  {
    name: 'gateway: a node asks it for everything, and is told at once what it has not',
    run: ({ folder, dag }) => withGateway(folder, dag, async (url) => {
      await withNode(startHttp(url, [url]), async (helia) => {
        assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path: 'small.txt' })), dag.files['small.txt'])
        assert.equal((await rejection(collect(helia.blockstore.get(absent)))).name, 'LoadBlockFailedError')
      })
    }),
  },
  ...[
    { how: 'on such a node', open: async (url: string) => createVerifiedFetch(await startHttp(url)) },
    { how: 'with its URL as routers', open: async (url: string) => createVerifiedFetch({ gateways: [], routers: [url], ...HERE }) },
  ].map(({ how, open }): Test => ({
    name: `gateway: verified-fetch ${how}: text, bytes, a range, no such path, a CAR`,
    run: ({ folder, dag }) => withGateway(folder, dag, async (url) => {
      const fetch = await open(url)
      try {
        const text = await fetch(`ipfs://${dag.root.toString()}/small.txt`)
        assert.deepEqual([text.status, await text.text()], [200, 'in a shard'])
        const bytes = new Uint8Array(await (await fetch(`ipfs://${dag.root.toString()}/large.bin`)).arrayBuffer())
        assert.deepEqual(bytes, dag.files['large.bin'])
        const part = await fetch(`ipfs://${dag.root.toString()}/large.bin`, { headers: { range: 'bytes=1000000-1000999' } })
        assert.deepEqual([part.status, part.headers.get('content-range'), new Uint8Array(await part.arrayBuffer())], [206, 'bytes 1000000-1000999/3000000', dag.files['large.bin']!.slice(1_000_000, 1_001_000)])
        assert.equal((await fetch(`ipfs://${dag.root.toString()}/none.txt`)).status, 404)
        const car = await fetch(`ipfs://${dag.root.toString()}`, { headers: { accept: 'application/vnd.ipld.car' } })
        const reader = await CarReader.fromBytes(new Uint8Array(await car.arrayBuffer()))
        for (const cid of dag.cids) assert.equal(await reader.has(cid), true)
      } finally {
        await fetch.stop()
      }
    }),
  })),
]
