/** A node without a network whose blockstore reads through to a DAG store. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createReadThroughBlockstore, dagstoreBlockBroker } from '@dagstore/helia'
import { car } from '@helia/car'
import { unixfs } from '@helia/unixfs'
import { MemoryBlockstore } from 'blockstore-core'
import { FsBlockstore } from 'blockstore-fs'
import type { Blockstore } from 'interface-blockstore'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { collect, count, damage, openShards, rejection, startLight, type Test, withNode } from './world.ts'

const rawBlock = async (text: string): Promise<{ cid: CID, bytes: Uint8Array }> => {
  const bytes = new TextEncoder().encode(text)
  return { cid: CID.createV1(0x55, await sha256.digest(bytes)), bytes }
}

/** Both kinds of stores that applications have. */
const OWN_STORES: readonly { readonly kind: string, readonly open: (folder: string) => Promise<Blockstore> }[] = [
  { kind: 'in memory', open: async () => new MemoryBlockstore() },
  {
    kind: 'in files',
    open: async (folder) => {
      const store = new FsBlockstore(join(folder, 'own'))
      await store.open()
      return store
    },
  },
]

export const READING: readonly Test[] = [
  ...OWN_STORES.map(({ kind, open }): Test => ({
    name: `unixfs cat and ls, car export and pins of a DAG in a shard, the own store ${kind} stays empty`,
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const own = await open(folder)
      await withNode(startLight({ blockstore: createReadThroughBlockstore(own, shards.store.blockstore) }), async (helia) => {
        const fs = unixfs(helia)
        for (const [path, bytes] of Object.entries(dag.files)) assert.deepEqual(await collect(fs.cat(dag.root, { path })), bytes)
        assert.deepEqual(await collect(fs.cat(dag.root, { path: 'large.bin', offset: 1_500_000, length: 77 })), dag.files['large.bin']!.slice(1_500_000, 1_500_077))
        const names: string[] = []
        for await (const { name } of fs.ls(dag.root)) names.push(name)
        assert.deepEqual(names.sort(), Object.keys(dag.files).sort())
        assert.deepEqual(await collect(car(helia).export(dag.root)), dag.carBytes)
        assert.equal(await count(helia.pins.add(dag.root)), dag.cids.length)
        for (const cid of dag.cids) assert.equal(await helia.pins.isPinned(cid), true)
        // what is there already is not stored again
        await helia.blockstore.put(dag.root, await collect(helia.blockstore.get(dag.root)))
        for await (const _ of helia.blockstore.putMany(dag.cids.map((cid) => ({ cid, bytes: new Uint8Array() })))) assert.fail('a block of a shard was stored')
      })
      assert.equal(await count(own.getAll()), 0)
    },
  })),
  {
    name: 'helia.gc takes what is not pinned out of the own store and leaves every shard as it was',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const before = await shards.look()
      const own = new MemoryBlockstore()
      const blockstore = createReadThroughBlockstore(own, shards.store.blockstore)
      await withNode(startLight({ blockstore }), async (helia) => {
        const [kept, loose] = [await rawBlock('kept'), await rawBlock('loose')]
        for (const { cid, bytes } of [kept, loose]) await helia.blockstore.put(cid, bytes)
        // a copy of a block of a shard, put past Helia
        const copied = dag.cids.at(-1)!
        await blockstore.put(copied, await collect(blockstore.get(copied)))
        await count(helia.pins.add(kept.cid))
        const collectGarbage = async (): Promise<string[]> => {
          const deleted: string[] = []
          await helia.gc({ onProgress: (event) => { if (event.type === 'helia:gc:deleted') deleted.push(Buffer.from((event.detail as CID).multihash.bytes).toString('hex')) } })
          return deleted.sort()
        }
        const hex = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex')
        assert.deepEqual(await collectGarbage(), [hex(loose.cid), hex(copied)].sort())
        assert.equal(await helia.blockstore.has(kept.cid), true)
        assert.equal(await helia.blockstore.has(loose.cid), false)
        await count(helia.pins.add(dag.root))
        assert.deepEqual(await collectGarbage(), [])
        await count(helia.pins.rm(dag.root))
        assert.deepEqual(await collectGarbage(), [])
        await helia.blockstore.delete(dag.root)
        for (const cid of dag.cids) assert.equal(await helia.blockstore.has(cid), true)
      })
      assert.equal(await shards.look(), before)
    },
  },
  {
    name: 'gc while a DAG in a shard is being read',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const before = await shards.look()
      await withNode(startLight({ blockstore: createReadThroughBlockstore(new MemoryBlockstore(), shards.store.blockstore) }), async (helia) => {
        const readers = Array.from({ length: 4 }, () => collect(unixfs(helia).cat(dag.root, { path: 'large.bin' })))
        await Promise.all([...readers, helia.gc(), helia.gc()])
        for (const read of readers) assert.deepEqual(await read, dag.files['large.bin'])
      })
      assert.equal(await shards.look(), before)
    },
  },
  {
    name: 'a session without a network, by way of the broker: nothing is copied',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      const own = new MemoryBlockstore()
      const blockstore = createReadThroughBlockstore(own, shards.store.blockstore)
      await withNode(startLight({ blockstore }), async (helia) => {
        assert.throws(() => helia.blockstore.createSession(dag.root), { name: 'InvalidConfigurationError' })
      })
      await withNode(startLight({ blockstore, blockBrokers: [dagstoreBlockBroker(shards.store)] }), async (helia) => {
        const session = helia.blockstore.createSession(dag.root)
        for (const cid of dag.cids) assert.ok((await collect(session.get(cid))).byteLength > 0)
        session.close()
      })
      assert.equal(await count(own.getAll()), 0)
    },
  },
  {
    name: 'a block that is nowhere is not found, a damaged one is a failure with its code',
    run: async ({ folder, dag }) => {
      const { carBytes } = await damage(dag, 'large.bin')
      await using shards = await openShards(folder, carBytes)
      const blockstore = createReadThroughBlockstore(new MemoryBlockstore(), shards.store.blockstore)
      await withNode(startLight({ blockstore }), async (helia) => {
        const absent = await rawBlock('absent')
        assert.equal(await helia.blockstore.has(absent.cid), false)
        assert.equal((await rejection(collect(helia.blockstore.get(absent.cid, { offline: true })))).name, 'BlockNotFoundWhileOfflineError')
        const error = await rejection(collect(unixfs(helia).cat(dag.root, { path: 'large.bin' })))
        assert.equal(error.code, 'BLOCKSTORE_HASH_MISMATCH')
        assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path: 'small.txt' })), dag.files['small.txt'])
      })
    },
  },
  {
    name: 'an aborted read rejects with the reason, and the shard can be destroyed',
    run: async ({ folder, dag }) => {
      await using shards = await openShards(folder, dag.carBytes)
      await withNode(startLight({ blockstore: createReadThroughBlockstore(new MemoryBlockstore(), shards.store.blockstore) }), async (helia) => {
        const leave = new AbortController()
        const { signal } = leave
        const reason = new Error('enough')
        const [first, second] = dag.cids as [CID, CID]
        assert.ok((await collect(helia.blockstore.get(first, { signal }))).byteLength > 0)
        const begun = helia.blockstore.get(second, { signal })
        leave.abort(reason)
        for (const read of [collect(begun), collect(unixfs(helia).cat(dag.root, { path: 'large.bin', signal })), Promise.resolve(helia.blockstore.has(second, { signal }))]) {
          assert.equal(await rejection(read), reason)
        }
        await shards.store.destroy('dag')
        assert.equal(await helia.blockstore.has(dag.root), false)
      })
    },
  },
  {
    name: 'a block that a shard has and cannot give is fetched by another broker, where it is to count as absent',
    run: async ({ folder, dag }) => {
      const { carBytes, cid } = await damage(dag, 'small.txt')
      await using shards = await openShards(folder, carBytes)
      const own = new MemoryBlockstore()
      const failures: unknown[] = []
      const blockstore = createReadThroughBlockstore(own, shards.store.blockstore, { unreadable: 'absent', onUnreadable: (_, error) => { failures.push(error) } })
      const other = { name: 'other', retrieve: async () => dag.files['small.txt']! }
      await withNode(startLight({ blockstore, blockBrokers: [other] }), async (helia) => {
        const first = await rejection(collect(helia.blockstore.get(cid)))
        assert.deepEqual([first.name, first.cause.code], ['NotFoundError', 'BLOCKSTORE_HASH_MISMATCH'])
        assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path: 'small.txt' })), dag.files['small.txt'])
        assert.equal(await count(own.getAll()), 1)
        assert.ok(failures.length > 0)
      })
      assert.equal((await shards.store.shard('dag'))?.health, 'available')
    },
  },
]
