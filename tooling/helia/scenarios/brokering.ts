/** A node that gets from a DAG store what its blockstore lacks. */
import assert from 'node:assert/strict'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { asMultihashHasher } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { createReadThroughBlockstore, dagstoreBlockBroker } from '@dagstore/helia'
import { unixfs } from '@helia/unixfs'
import { MemoryBlockstore } from 'blockstore-core'
import { CID } from 'multiformats/cid'
import { collect, count, damage, openShards, rejection, startLight, type Test, withNode } from './world.ts'

const BLAKE2B_256 = 0xb220

export const BROKERING: readonly Test[] = [
  {
    name: 'a broker brings blocks from shards; gc takes the copies away, and they are there again',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const before = await shards.look()
      const own = new MemoryBlockstore()
      await withNode(startLight({ blockstore: own, blockBrokers: [dagstoreBlockBroker(shards.store)] }), async (helia) => {
        for (let round = 0; round < 2; round++) {
          assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path: 'large.bin' })), dag.files['large.bin'])
          assert.ok(await count(own.getAll()) > 3)
          await helia.gc()
          assert.equal(await count(own.getAll()), 0)
        }
      })
      assert.equal(await shards.look(), before)
    },
  },
  {
    name: 'a session of the broker brings a whole DAG',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      await withNode(startLight({ blockBrokers: [dagstoreBlockBroker(shards.store)] }), async (helia) => {
        const session = helia.blockstore.createSession(dag.root)
        await session.addPeer(dag.root)
        for (const cid of dag.cids) assert.ok((await collect(session.get(cid))).byteLength > 0)
        session.close()
        for (const cid of dag.cids) assert.equal(await helia.blockstore.has(cid), true)
      })
    },
  },
  {
    name: 'what no shard has is told to Helia as not found, what cannot be read with code and cause, and another broker may have it',
    run: async ({ folder, dag }) => {
      const { carBytes, cid: small } = await damage(dag, 'small.txt')
      await using shards = await openShards(folder, carBytes)
      const absent = CID.decode(makeBlocks(1, 1, { min: 9, max: 9 })[0]!.cid)
      const broker = dagstoreBlockBroker(shards.store)
      await withNode(startLight({ blockBrokers: [broker] }), async (helia) => {
        const missing = await rejection(collect(helia.blockstore.get(absent)))
        assert.equal(missing.name, 'LoadBlockFailedError')
        assert.deepEqual(missing.errors.map(({ name, code }: { name: string, code: string }) => [name, code]), [['NotFoundError', 'BLOCKSTORE_NOT_FOUND']])
        const broken = await rejection(collect(helia.blockstore.get(small)))
        assert.deepEqual(broken.errors.map(({ code }: { code: string }) => code), ['BLOCKSTORE_HASH_MISMATCH'])
      })
      const other = { name: 'other', retrieve: async () => dag.files['small.txt']! }
      await withNode(startLight({ blockBrokers: [broker, other] }), async (helia) => {
        assert.deepEqual(await collect(helia.blockstore.get(small)), dag.files['small.txt'])
      })
    },
  },
  {
    name: 'blocks of blake2b-256: read through as they are, brought by the broker with our hasher',
    run: async ({ folder }) => {
      const blocks = makeBlocks(3, 5, { min: 100, max: 2000, hash: 'blake2b-256' })
      await using shards = await openShards(folder, carV1([blocks[0]!.cid], blocks))
      await withNode(startLight({ blockstore: createReadThroughBlockstore(new MemoryBlockstore(), shards.store.blockstore) }), async (helia) => {
        for (const { cid, data } of blocks) assert.deepEqual(await collect(helia.blockstore.get(CID.decode(cid))), Uint8Array.from(data))
      })
      const blockBrokers = [dagstoreBlockBroker(shards.store)]
      await withNode(startLight({ blockBrokers }), async (helia) => {
        assert.equal((await rejection(collect(helia.blockstore.get(CID.decode(blocks[0]!.cid))))).name, 'UnknownHashAlgorithmError')
      })
      await withNode(startLight({ blockBrokers, hashers: [asMultihashHasher(await openHashes(), BLAKE2B_256)] }), async (helia) => {
        for (const { cid, data } of blocks) assert.deepEqual(await collect(helia.blockstore.get(CID.decode(cid))), Uint8Array.from(data))
      })
    },
  },
]
