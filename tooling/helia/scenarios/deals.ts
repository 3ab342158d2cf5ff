/** Helia nodes at both ends of a deal: the data are only in one, and come back into another. */
import assert from 'node:assert/strict'
import { fromNode } from '@dagstore/ipfs-blockstore'
import { unixfs } from '@helia/unixfs'
import { collect, startLight, type Test, withNode } from './world.ts'

export const DEALS: readonly Test[] = [
  {
    name: 'deals: data that are only in a node go to a provider, and come back into another node, pinned',
    run: async ({ dag, openSides }) => {
      await withNode(startLight({}), async (from) => {
        await withNode(startLight({}), async (to) => {
          await using source = fromNode(from)
          await using target = fromNode(to)
          for (const { cid, bytes } of dag.blocks) await source.put(cid, bytes)
          const sides = await openSides({ seed: 'helia', user: new Map(), client: { behind: { open: async (cid) => (await source.has(cid) ? { store: source, close: () => {} } : undefined) }, node: target } })
          await sides.deal(dag.root)
          const { state, message } = await sides.retrieve(dag.root, { into: 'ipfs-pinned' })
          assert.equal(state, 'DealStatusCompleted', message)
          await sides.close()
          assert.equal(await to.pins.isPinned(dag.root), true)
          await to.gc()
          for (const [path, bytes] of Object.entries(dag.files)) assert.deepEqual(await collect(unixfs(to).cat(dag.root, { path })), bytes)
        })
      })
    },
  },
]
