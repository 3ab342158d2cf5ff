/** Two nodes on this machine: one serves the blocks of a shard, the other one has nothing. */
import assert from 'node:assert/strict'
import { createReadThroughBlockstore } from '@dagstore/helia'
import { unixfs } from '@helia/unixfs'
import { MemoryBlockstore } from 'blockstore-core'
import { collect, count, damage, openShards, startBitswap, type Test, withNode } from './world.ts'

export const BITSWAP: readonly Test[] = [
  {
    name: 'Bitswap over TCP serves a DAG out of a shard, and nothing is copied on the way; gc leaves the shard as it was',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const before = await shards.look()
      const own = new MemoryBlockstore()
      await withNode(startBitswap(createReadThroughBlockstore(own, shards.store.blockstore)), async (server) => {
        await withNode(startBitswap(new MemoryBlockstore()), async (client) => {
          await client.libp2p.dial(server.libp2p.getMultiaddrs())
          for (const [path, bytes] of Object.entries(dag.files)) assert.deepEqual(await collect(unixfs(client).cat(dag.root, { path })), bytes)
          for (const cid of dag.cids) assert.equal(await client.blockstore.has(cid), true)
        })
        assert.equal(await count(own.getAll()), 0)
        await server.gc()
        for (const cid of dag.cids) assert.equal(await server.blockstore.has(cid), true)
      })
      assert.equal(await shards.look(), before)
    },
  },
  {
    name: 'a node with a DAG store fetches from another node only what its shards lack',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const own = new MemoryBlockstore()
      const elsewhere = new TextEncoder().encode('on another node')
      await withNode(startBitswap(new MemoryBlockstore()), async (server) => {
        const cid = await unixfs(server).addBytes(elsewhere)
        await withNode(startBitswap(createReadThroughBlockstore(own, shards.store.blockstore)), async (client) => {
          await client.libp2p.dial(server.libp2p.getMultiaddrs())
          assert.deepEqual(await collect(unixfs(client).cat(dag.root, { path: 'large.bin' })), dag.files['large.bin'])
          assert.deepEqual(await collect(unixfs(client).cat(cid)), elsewhere)
        })
      })
      assert.equal(await count(own.getAll()), 1)
    },
  },
  {
    name: 'Bitswap goes on towards a peer that asked for a block that cannot be read, where it is to count as absent',
    run: async ({ folder, dag }) => {
      const { carBytes, cid: damaged } = await damage(dag, 'small.txt')
      await using shards = await openShards(folder, carBytes)
      const told = Promise.withResolvers<unknown>()
      const blockstore = createReadThroughBlockstore(new MemoryBlockstore(), shards.store.blockstore, { unreadable: 'absent', onUnreadable: (_, error) => { told.resolve(error) } })
      await withNode(startBitswap(blockstore), async (server) => {
        await withNode(startBitswap(new MemoryBlockstore()), async (client) => {
          await client.libp2p.dial(server.libp2p.getMultiaddrs())
          const leave = new AbortController()
          // asked for first and all the time, answered never
          const wanted = collect(client.blockstore.get(damaged, { signal: leave.signal })).then(() => 'a block', () => 'nothing')
          assert.equal((await told.promise as { code: string }).code, 'BLOCKSTORE_HASH_MISMATCH')
          for (const { cid, bytes } of dag.blocks) if (!cid.equals(damaged)) assert.deepEqual(await collect(client.blockstore.get(cid)), bytes)
          leave.abort()
          assert.equal(await wanted, 'nothing')
        })
      })
    },
  },
]
