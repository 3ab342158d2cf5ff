/** A Helia node as the IPFS node that blocks are read from and written to. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { fromNode } from '@dagstore/ipfs-blockstore'
import { unixfs } from '@helia/unixfs'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { collect, count, startLight, type Test, withNode } from './world.ts'

const codeOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}

export const IPFS: readonly Test[] = [
  {
    name: 'an ipfs-blockstore on a node: a CAR imported and pinned, read back, kept by gc until it is unpinned',
    run: async ({ dag }) => {
      await withNode(startLight({}), async (helia) => {
        await using ipfs = fromNode(helia, { name: 'helia' })
        const [root] = await ipfs.importCar(Readable.from([dag.carBytes]), { pinRoots: true })
        assert.equal(String(root), String(dag.root))
        assert.equal(await helia.pins.isPinned(dag.root), true)
        await helia.gc()
        for (const cid of dag.cids) {
          assert.equal(await ipfs.has(cid), true)
          assert.equal(await ipfs.size(cid), (await ipfs.bytes(cid)).byteLength)
        }
        assert.equal(await count(ipfs.getAll()), dag.cids.length)
        for (const [path, bytes] of Object.entries(dag.files)) assert.deepEqual(await collect(unixfs(helia).cat(dag.root, { path })), bytes)
        await ipfs.unpin(dag.root)
        await helia.gc()
        for (const cid of dag.cids) assert.equal(await ipfs.has(cid), false)
      })
    },
  },
  {
    name: 'an ipfs-blockstore on a node: absence without asking anybody, blocks put, pins refused for what is not there',
    run: async () => {
      await withNode(startLight({}), async (helia) => {
        await using ipfs = fromNode(helia)
        const bytes = new TextEncoder().encode('by itself')
        const cid = CID.createV1(0x55, await sha256.digest(bytes))
        assert.deepEqual([await ipfs.has(cid), await codeOf(() => ipfs.bytes(cid)), await codeOf(() => ipfs.size(cid))], [false, 'BLOCKSTORE_NOT_FOUND', 'BLOCKSTORE_NOT_FOUND'])
        assert.equal(await codeOf(() => ipfs.pin(cid)), 'IPFS_REFUSED')
        assert.equal(await codeOf(() => ipfs.put(cid, new Uint8Array(3))), 'BLOCKSTORE_HASH_MISMATCH')
        await ipfs.put(cid, bytes)
        assert.deepEqual(await collect(helia.blockstore.get(cid)), bytes)
        await ipfs.pin(cid)
        assert.equal(await helia.pins.isPinned(cid), true)
        const reason = new Error('enough')
        await assert.rejects(ipfs.bytes(cid, { signal: AbortSignal.abort(reason) }), (error) => error === reason)
      })
    },
  },
]
