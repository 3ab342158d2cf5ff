import { makeBlocks } from '@dagstore-tooling/fixtures'
import { createCrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryDirectory } from '@dagstore/io'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import { buildTree } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { openRetrievals } from '../src/index.ts'
import { codeOf, file, flatten, folder, MemoryStore, rejection, sampleTree } from './stores.ts'

const hashes = await openHashes()

const sample = async (tree = sampleTree()): Promise<{ store: MemoryStore, root: CID }> => {
  const store = new MemoryStore()
  const { cid } = await buildTree(tree, { put: (cid, bytes) => { store.put(cid, bytes) } }, { hashes, profile: 'lotus-2021', identity: 'skip' })
  return { store, root: cid }
}

describe('retrieve', () => {
  it('copies a DAG of blake2b blocks and identity CIDs into one file, and exports what went in', async () => {
    const directory = createMemoryDirectory('test')
    const retrievals = openRetrievals({ directory, hashes })
    const { store, root } = await sample()
    const progress: number[] = []
    const result = await retrievals.retrieve({ id: 'deal-1', root, from: store, onProgress: ({ doneBytes }) => { progress.push(doneBytes) } })
    expect(result).toMatchObject({ name: 'deal-1.car', blocks: store.blocks.size, reused: false, missing: [] })
    expect(progress.at(-1)).toBe(result.bytes)
    const opened = await retrievals.open('deal-1.car')
    expect(opened.roots.map(String)).toEqual([root.toString()])
    for (const { cid, bytes } of store.blocks.values()) expect(Buffer.compare(await opened.blockstore.bytes(cid), bytes)).toBe(0)
    await opened.close()
    const exported = await retrievals.export('deal-1.car', root)
    expect(await flatten(exported.tree)).toEqual(await flatten(sampleTree()))
    await exported.close()
  })

  it('reuses a finished file without asking the source for anything', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    const first = await retrievals.retrieve({ id: 'a', root, from: store })
    const gets = store.gets
    expect(await retrievals.retrieve({ id: 'a', root, from: store })).toEqual({ ...first, reused: true })
    expect(store.gets).toBe(gets)
  })

  it('goes on where a copy was aborted, and asks for nothing twice', async () => {
    const directory = createMemoryDirectory('test')
    const retrievals = openRetrievals({ directory, hashes })
    const { store, root } = await sample()
    const leaving = new AbortController()
    store.before = (gets) => { if (gets === 4) leaving.abort(new Error('enough')) }
    await expect(retrievals.retrieve({ id: 'a', root, from: store, signal: leaving.signal })).rejects.toThrow('enough')
    expect(codeOf(await rejection(retrievals.open('a.car')))).toBe('RETRIEVAL_NOT_FINISHED')
    store.before = () => {}
    const result = await retrievals.retrieve({ id: 'a', root, from: store })
    expect(result).toMatchObject({ blocks: store.blocks.size, reused: false })
    expect(store.gets).toBeLessThanOrEqual(store.blocks.size + 1)
  })

  it('makes two retrievals of one id one after the other', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    const [one, two] = await Promise.all([retrievals.retrieve({ id: 'a', root, from: store }), retrievals.retrieve({ id: 'a', root, from: store })])
    expect([one.reused, two.reused]).toEqual([false, true])
  })

  it('lets a caller leave who waits for another retrieval of the id', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    let go = (): void => {}
    const hold = new Promise<void>((resolve) => { go = resolve })
    const slow = { get: async function * (...call: Parameters<typeof store.get>) { await hold; yield * store.get(...call) } }
    const first = retrievals.retrieve({ id: 'a', root, from: slow })
    const leaving = new AbortController()
    const second = retrievals.retrieve({ id: 'a', root, from: slow, signal: leaving.signal })
    const third = retrievals.retrieve({ id: 'a', root, from: slow })
    leaving.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    go()
    expect(await first).toMatchObject({ reused: false })
    expect(await third).toMatchObject({ reused: true })
  })

  it('rejects with the not-found error of a missing block, or lists it when asked to, and fills the gap later', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    const leaf = [...store.blocks.values()].find(({ cid }) => cid.code === 0x55)!
    store.drop(leaf.cid)
    expect(await rejection(retrievals.retrieve({ id: 'a', root, from: store }))).toBeInstanceOf(BlockNotFoundError)
    const result = await retrievals.retrieve({ id: 'a', root, from: store, missing: 'report' })
    expect(result.missing.map(String)).toEqual([leaf.cid.toString()])
    // nothing that can be had is missing
    expect(await retrievals.retrieve({ id: 'a', root, from: store, missing: 'report' })).toMatchObject({ reused: true })
    store.put(leaf.cid, leaf.bytes)
    expect(await retrievals.retrieve({ id: 'a', root, from: store })).toMatchObject({ reused: false, missing: [], blocks: store.blocks.size })
    expect(await retrievals.retrieve({ id: 'a', root, from: store })).toMatchObject({ reused: true })
  })

  it('keeps no block that does not match its hash', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    const leaf = [...store.blocks.values()].find(({ cid }) => cid.code === 0x55)!
    const good = leaf.bytes
    leaf.bytes = good.map((byte) => byte ^ 1)
    expect(codeOf(await rejection(retrievals.retrieve({ id: 'a', root, from: store })))).toBe('DAG_HASH_MISMATCH')
    leaf.bytes = good
    await retrievals.retrieve({ id: 'a', root, from: store })
    const opened = await retrievals.open('a.car')
    expect(Buffer.compare(await opened.blockstore.bytes(leaf.cid), good)).toBe(0)
    await opened.close()
  })

  it('hashes what a source has hashed with something else, and does not hash it twice otherwise', async () => {
    const { store, root } = await sample()
    let hashed = 0
    const counting = { ...hashes, matches: (...args: Parameters<typeof hashes.matches>) => { hashed++; return hashes.matches(...args) } }
    const retrieve = async (id: string, verifiedBy: typeof hashes): Promise<number> => {
      hashed = 0
      await openRetrievals({ directory: createMemoryDirectory('test'), hashes: counting }).retrieve({ id, root, from: { get: (cid) => store.get(cid), verifiedBy } })
      return hashed
    }
    expect(await retrieve('a', hashes)).toBe(store.blocks.size)
    expect(await retrieve('b', counting)).toBe(0)
  })

  it('refuses an id that has a file of another DAG', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const [one, two] = [await sample(), await sample(folder('', file('x', new Uint8Array(500))))]
    await retrievals.retrieve({ id: 'a', root: one.root, from: one.store })
    expect(codeOf(await rejection(retrievals.retrieve({ id: 'a', root: two.root, from: two.store })))).toBe('RETRIEVAL_OTHER_ROOT')
    expect(await retrievals.retrieve({ id: 'a', root: one.root, from: one.store })).toMatchObject({ reused: true })
  })

  it.each(['', '../a', 'a/b', '.hidden', 'a b', 'a'.repeat(201), 'a\0'])('refuses the id %j', async (id) => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    expect(codeOf(await rejection(retrievals.retrieve({ id, root, from: store })))).toBe('RETRIEVAL_BAD_ID')
    expect(codeOf(await rejection(retrievals.open(`${id}.car`)))).toBe('RETRIEVAL_BAD_ID')
  })

  it('does not touch a file under its name that is not one of its own', async () => {
    const directory = createMemoryDirectory('test')
    const retrievals = openRetrievals({ directory, hashes })
    const { store, root } = await sample()
    await directory.writeAtomic('a.car', [Uint8Array.of(1, 2, 3)])
    expect(codeOf(await rejection(retrievals.retrieve({ id: 'a', root, from: store })))).toBe('WRITABLE_CAR_NOT_OURS')
    expect(await directory.stat('a.car')).toMatchObject({ sizeBytes: 3 })
    expect(codeOf(await rejection(retrievals.open('b.car')))).toBe('RETRIEVAL_UNKNOWN')
  })

  it('survives a cut after each operation: the next call finishes the copy', async () => {
    const { store, root } = await sample(folder('', file('x', new Uint8Array(5000).fill(3)), file('y', new Uint8Array(3000).fill(4))))
    await everyCrash({
      seed: 'retrieve',
      run: async ({ fs }) => { await openRetrievals({ directory: fs.directory, hashes }).retrieve({ id: 'a', root, from: store }) },
      check: async ({ fs }) => {
        const retrievals = openRetrievals({ directory: fs.directory, hashes })
        expect(await retrievals.retrieve({ id: 'a', root, from: store })).toMatchObject({ blocks: store.blocks.size, missing: [] })
        const opened = await retrievals.open('a.car')
        for (const { cid, bytes } of store.blocks.values()) expect(await opened.blockstore.bytes(cid)).toEqual(bytes)
        await opened.close()
      },
    })
  })

  it('says when the disk is full, and goes on when it is not', async () => {
    const { store, root } = await sample()
    const world = await createCrashWorld('full', { capacityBytes: 1_500_000 })
    const small = openRetrievals({ directory: world.fs.directory, hashes })
    expect(codeOf(await rejection(small.retrieve({ id: 'a', root, from: store })))).toBe('IO_FULL')
  })
})

describe('copySections', () => {
  const listed = (seed: number, count: number): { store: MemoryStore, cids: CID[] } => {
    const store = new MemoryStore()
    const cids = makeBlocks(seed, count, { min: 1, max: 2000 }).map(({ cid, data }) => {
      store.put(cid, data)
      return CID.decode(cid)
    })
    return { store, cids }
  }

  it('keeps every block of a store that is no single DAG, under roots that need not be there', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, cids } = listed(1, 50)
    const roots = [cids[3]!, listed(2, 1).cids[0]!]
    const result = await retrievals.copySections({ id: 'a', roots, from: { blockstore: store } })
    expect(result).toMatchObject({ name: 'a.car', blocks: 50, reused: false })
    const opened = await retrievals.open('a.car')
    expect(opened.roots.map(String)).toEqual(roots.map(String))
    for (const cid of cids) expect(await opened.blockstore.has(cid)).toBe(true)
    await opened.close()
    expect(await retrievals.copySections({ id: 'a', roots, from: { blockstore: store } })).toEqual({ ...result, reused: true })
  })

  it('keeps no block that does not match its CID', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store } = listed(1, 5)
    const [first] = store.blocks.values()
    first!.bytes = Uint8Array.of(9)
    expect(codeOf(await rejection(retrievals.copySections({ id: 'a', roots: [], from: { blockstore: store } })))).toBe('BLOCKSTORE_HASH_MISMATCH')
  })
})

it('does not read leaves again that an unfinished file has, and counts them all the same', async () => {
  const directory = createMemoryDirectory('test')
  const { store, root } = await sample()
  const whole = await openRetrievals({ directory: createMemoryDirectory('other'), hashes }).retrieve({ id: 'a', root, from: store })
  const leaving = new AbortController()
  store.before = (gets) => { if (gets === store.blocks.size + 5) leaving.abort(new Error('enough')) }
  await expect(openRetrievals({ directory, hashes }).retrieve({ id: 'a', root, from: store, signal: leaving.signal })).rejects.toThrow('enough')
  store.before = () => {}
  let hashed = 0
  const counting = { ...hashes, matches: (...args: Parameters<typeof hashes.matches>) => { hashed += args[2].byteLength; return hashes.matches(...args) } }
  const told: number[] = []
  const passed: string[] = []
  const source = { get: (cid: Parameters<typeof store.get>[0]) => store.get(cid), passed: (cid: CID) => { passed.push(cid.toString()) } }
  expect(await openRetrievals({ directory, hashes: counting }).retrieve({ id: 'a', root, from: source, onProgress: ({ doneBytes }) => { told.push(doneBytes) } })).toEqual(whole)
  expect(told.at(-1)).toBe(whole.bytes)
  expect(passed.length).toBe(4)
  expect(hashed).toBeLessThan(whole.bytes)
})
