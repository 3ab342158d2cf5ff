import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { payloadForm } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { buildTree } from '@dagstore/unixfs-builder'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { carStream, openRetrievals, type Retrievals } from '../src/index.ts'
import { exportCarTo } from '../src/node.ts'
import { codeOf, file, folder, MemoryStore, rejection, sampleTree } from './stores.ts'

const hashes = await openHashes()
let home: string
beforeEach(async () => { home = await mkdtemp(join(tmpdir(), 'cars-')) })
afterEach(async () => { await rm(home, { recursive: true, force: true }) })

const sample = async (tree = sampleTree()): Promise<{ readonly store: MemoryStore, readonly root: CID }> => {
  const store = new MemoryStore()
  const { cid } = await buildTree(tree, { put: (each, bytes) => { store.put(each, bytes) } }, { hashes, profile: 'lotus-2021', identity: 'skip' })
  return { store, root: cid }
}
const bytesOf = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

describe('exportCar', () => {
  it('gives the payload form as version 1, and the same with an index as version 2', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    await retrievals.retrieve({ id: 'a', root, from: store })
    const payload = await bytesOf(payloadForm(store, root))
    expect((await bytesOf(retrievals.exportCar('a.car'))).equals(payload)).toBe(true)
    const second = await bytesOf(retrievals.exportCar('a.car', { version: 2 }))
    const source = createBytesSource(second)
    const layout = await readLayout(source)
    expect(layout.roots.map(String)).toEqual([root.toString()])
    expect(second.subarray(layout.payloadStart, layout.payloadStart + layout.payloadBytes).equals(payload)).toBe(true)
    expect(await verifyCar(source, hashes)).toMatchObject({ index: 'checked', unknownHashCount: 0, missingRoots: [] })
    await using mount = await openIndexMount({ data: source }, { hashes })
    for (const { cid, bytes } of store.blocks.values()) expect(Buffer.compare(await mount.blockstore.bytes(cid), bytes)).toBe(0)
  })

  it('gives a part, under the root of the whole', async () => {
    const { store, root } = await sample()
    const part = await bytesOf(carStream(store, { root, selector: { path: 'medium.bin' }, hashes }))
    const source = createBytesSource(part)
    const layout = await readLayout(source)
    expect(layout.roots.map(String)).toEqual([root.toString()])
    let sections = 0
    for await (const _ of scanSections(source, layout)) sections++
    expect(sections).toBeLessThan(store.blocks.size)
    expect(codeOf(await rejection(bytesOf(carStream(store, { root, selector: { path: 'nowhere' }, hashes }))))).toBe('DAG_NO_LINK')
  })

  it.each([1, 2] as const)('writes the same bytes to a file, in one walk; version=%i', async (version) => {
    const { store, root } = await sample()
    const wanted = await bytesOf(carStream(store, { root, version, hashes }))
    store.gets = 0
    const report = await exportCarTo(store, join(home, 'out.car'), { root, version, hashes })
    expect(store.gets).toBe(store.blocks.size)
    expect((await readFile(join(home, 'out.car'))).equals(wanted)).toBe(true)
    expect(report.sizeBytes).toBe(wanted.byteLength)
    expect(codeOf(await rejection(exportCarTo(store, join(home, 'out.car'), { root, version, hashes })))).toBe('RETRIEVAL_TARGET_EXISTS')
  })

  it('never gives a block that does not match its hash, of a store that hashes none or of its own file', async () => {
    const { store, root } = await sample()
    const files = createMemoryDirectory('test')
    const retrievals = openRetrievals({ directory: files, hashes })
    await retrievals.retrieve({ id: 'a', root, from: store })
    const leaf = [...store.blocks.values()].find(({ cid }) => cid.code === 0x55)!
    const good = leaf.bytes
    const kept = await files.openSource('a.car')
    const bytes = await kept.read(0, kept.sizeBytes)
    await kept.close()
    bytes[Buffer.from(bytes).indexOf(good)]! ^= 1
    await files.writeAtomic('a.car', [bytes])
    expect(codeOf(await rejection(bytesOf(retrievals.exportCar('a.car'))))).toBe('BLOCKSTORE_HASH_MISMATCH')
    leaf.bytes = good.map((byte) => byte ^ 1)
    expect(codeOf(await rejection(bytesOf(carStream(store, { root, hashes }))))).toBe('DAG_HASH_MISMATCH')
    expect((await bytesOf(carStream(store, { root, hashes, verify: 'never' }))).indexOf(leaf.bytes)).toBeGreaterThan(0)
  })

  it('leaves nothing behind when a block is missing or the caller leaves', async () => {
    const { store, root } = await sample()
    const leaving = new AbortController()
    store.before = (gets) => { if (gets === 3) leaving.abort(new Error('enough')) }
    await expect(exportCarTo(store, join(home, 'out.car'), { root, hashes, signal: leaving.signal })).rejects.toThrow('enough')
    store.before = () => {}
    store.drop([...store.blocks.values()].at(0)!.cid)
    expect(codeOf(await rejection(exportCarTo(store, join(home, 'out.car'), { root, version: 2, hashes })))).toBe('BLOCKSTORE_NOT_FOUND')
    expect(await readdir(home)).toEqual([])
  })

  it('L13: a version 1 of what came as version 1 is no error, nor a CAR of references', async () => {
    const { store, root } = await sample(folder('', file('x', new Uint8Array(5000).fill(7))))
    const first = await bytesOf(carStream(store, { root, hashes }))
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    await using mount = await openIndexMount({ data: createBytesSource(await bytesOf(carStream(store, { root, version: 2, hashes }))) }, { hashes })
    await retrievals.retrieve({ id: 'b', root, from: mount.blockstore })
    expect((await bytesOf(retrievals.exportCar('b.car'))).equals(first)).toBe(true)
    expect(first.includes(Buffer.alloc(5000, 7))).toBe(true)
  })

  it('frees the file when its consumer stops early', async () => {
    const retrievals = openRetrievals({ directory: createMemoryDirectory('test'), hashes })
    const { store, root } = await sample()
    await retrievals.retrieve({ id: 'a', root, from: store })
    for await (const _ of retrievals.exportCar('a.car')) {
      expect(codeOf(await rejection(retrievals.remove('a.car')))).toBe('RETRIEVAL_IN_USE')
      break
    }
    await retrievals.remove('a.car')
  })
})

describe('the files as a whole', () => {
  const filled = async (): Promise<{ readonly retrievals: Retrievals, readonly names: readonly string[] }> => {
    const clock = createFakeClock(Date.now() + 60_000)
    const retrievals = openRetrievals({ directory: await openDirectory(home), hashes, clock })
    for (const id of ['a', 'b', 'c']) {
      const { store, root } = await sample(folder('', file(id, new Uint8Array(20_000).fill(id.charCodeAt(0)))))
      await retrievals.retrieve({ id, root, from: store })
    }
    return { retrievals, names: ['a.car', 'b.car', 'c.car'] }
  }
  const listed = async (retrievals: Retrievals): Promise<string[]> => {
    const names: string[] = []
    for await (const { name } of retrievals.list()) names.push(name)
    return names
  }

  it('lists what is finished and what is not', async () => {
    const { retrievals } = await filled()
    const { store, root } = await sample()
    store.before = (gets) => { if (gets === 2) throw new Error('gone') }
    await rejection(retrievals.retrieve({ id: 'z', root, from: store }))
    const states: Record<string, string> = {}
    for await (const { name, id, state, roots, modifiedAt } of retrievals.list()) {
      states[name] = state
      expect(name).toBe(`${id}.car`)
      expect(roots?.length).toBe(state === 'finished' ? 1 : undefined)
      expect(modifiedAt).toBeGreaterThan(0)
    }
    expect(states).toEqual({ 'a.car': 'finished', 'b.car': 'finished', 'c.car': 'finished', 'z.car': 'unfinished' })
  })

  it('L19: keeps what a policy says, and what is in use', async () => {
    const { retrievals } = await filled()
    expect(await retrievals.prune()).toEqual([])
    expect(await retrievals.prune({ olderThanMs: 3_600_000, maxBytes: 1 << 30 })).toEqual([])
    const opened = await retrievals.open('a.car')
    const gone = await retrievals.prune({ maxBytes: 30_000, keep: ({ id }) => id === 'b' })
    expect(gone.map(({ id }) => id)).toEqual(['c'])
    await opened.close()
    expect((await retrievals.prune({ olderThanMs: 0 })).map(({ id }) => id).sort()).toEqual(['a', 'b'])
    expect(await listed(retrievals)).toEqual([])
    await expect(retrievals.prune({ maxBytes: -1 })).rejects.toThrow(RangeError)
  })

  it('removes one that nobody uses', async () => {
    const { retrievals } = await filled()
    await retrievals.remove('b.car')
    expect(await listed(retrievals)).toEqual(['a.car', 'c.car'])
    expect(codeOf(await rejection(retrievals.remove('b.car')))).toBe('RETRIEVAL_UNKNOWN')
    expect(codeOf(await rejection(retrievals.remove('../b.car')))).toBe('RETRIEVAL_BAD_ID')
  })
})
