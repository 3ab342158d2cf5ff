import { seededBytes } from '@dagstore-tooling/fixtures'
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryDirectory } from '@dagstore/io'
import { buildTree } from '@dagstore/unixfs-builder'
import { walkPath } from '@dagstore/dag'
import type { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { type DagSelector, openRetrievals } from '../src/index.ts'
import { codeOf, file, folder, MemoryStore, rejection } from './stores.ts'

const hashes = await openHashes()

const sample = async (): Promise<{ readonly store: MemoryStore, readonly root: CID }> => {
  const store = new MemoryStore()
  const tree = folder('top', folder('sub', file('large.bin', seededBytes(1, 5 << 20)), file('other.bin', seededBytes(2, 3000))), file('beside.bin', seededBytes(3, 3000)))
  const { cid } = await buildTree(tree, { put: (each, bytes) => { store.put(each, bytes) } }, { hashes, profile: 'lotus-2021', identity: 'skip' })
  return { store, root: cid }
}
const namesOf = async (store: MemoryStore, root: CID, options: DagSelector): Promise<string[]> => {
  const names: string[] = []
  for await (const { cid } of walkPath(store, root, options)) names.push(cid.toString())
  return names.sort()
}
const inFile = async (retrievals: ReturnType<typeof openRetrievals>, name: string): Promise<string[]> => {
  const opened = await retrievals.open(name)
  const names: string[] = []
  for await (const { cid } of opened.blockstore.getAll()) names.push(cid.toString())
  await opened.close()
  return names.sort()
}

it.each<{ readonly what: string, readonly selector: DagSelector }>([
  { what: 'a folder below the root', selector: { path: 'sub' } },
  { what: 'one file', selector: { path: 'sub/large.bin', scope: 'entity' } },
  { what: 'one block', selector: { path: 'sub', scope: 'block' } },
  { what: 'bytes of a file', selector: { path: 'sub/large.bin', scope: 'entity', entityBytes: { from: 1 << 20, to: (2 << 20) - 1 } } },
])('copies $what, with the blocks on the way to it, under the root of the whole', async ({ selector }) => {
  const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
  const { store, root } = await sample()
  const wanted = await namesOf(store, root, selector)
  expect(wanted.length).toBeLessThan(store.blocks.size)
  const result = await retrievals.retrieve({ id: 'part', root, from: store, selector })
  expect(result).toMatchObject({ blocks: wanted.length, reused: false })
  expect(await inFile(retrievals, 'part.car')).toEqual(wanted)
  const opened = await retrievals.open('part.car')
  expect(opened.roots.map(String)).toEqual([root.toString()])
  await opened.close()
  expect(await retrievals.retrieve({ id: 'part', root, from: store, selector })).toEqual({ ...result, reused: true })
})

it('adds another part to the file, then the whole, and asks for no block twice', async () => {
  const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
  const { store, root } = await sample()
  await retrievals.retrieve({ id: 'a', root, from: store, selector: { path: 'beside.bin' } })
  await retrievals.retrieve({ id: 'a', root, from: store, selector: { path: 'sub/other.bin' } })
  store.gets = 0
  const held = (await inFile(retrievals, 'a.car')).length
  await retrievals.retrieve({ id: 'a', root, from: store })
  // one is asked for when the finished file is looked at, and again when it is extended
  expect(store.gets).toBeLessThanOrEqual(store.blocks.size - held + 1)
  expect(await inFile(retrievals, 'a.car')).toEqual([...store.blocks.values()].map(({ cid }) => cid.toString()).sort())
})

it('refuses a path that leads nowhere, and bytes outside of the file', async () => {
  const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
  const { store, root } = await sample()
  expect(codeOf(await rejection(retrievals.retrieve({ id: 'a', root, from: store, selector: { path: 'nowhere' } })))).toMatch(/^DAG_/u)
  const outside = { path: 'beside.bin', scope: 'entity', entityBytes: { from: 5000, to: 6000 } } as const
  expect(codeOf(await rejection(retrievals.retrieve({ id: 'b', root, from: store, selector: outside })))).toBe('DAG_OUTSIDE')
})
