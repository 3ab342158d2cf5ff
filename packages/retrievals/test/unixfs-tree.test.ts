import { seededBytes } from '@dagstore-tooling/fixtures'
import { openHashes } from '@dagstore/hashes/node'
import type { TreeFile } from '@dagstore/io'
import { buildTree } from '@dagstore/unixfs-builder'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { unixfsTree } from '../src/index.ts'
import { codeOf, flatten, folder, link, file, MemoryStore, rejection, sampleTree } from './stores.ts'

const hashes = await openHashes()

describe('unixfsTree', () => {
  it.each(['lotus-2021', 'unixfs-v1-2025', 'unixfs-v0-2015'] as const)('gives back a tree built with the profile %s', async (profile) => {
    const store = new MemoryStore()
    const tree = folder('', ...await entriesOf(), link('up', 'inner/tiny'))
    const { cid } = await buildTree(tree, { put: (cid, bytes) => { store.put(cid, bytes) } }, { hashes, profile, links: 'keep' })
    const back = await unixfsTree(store, cid, '')
    const found = await flatten(back)
    expect(found).toEqual(await flatten(tree))
  })

  it('lists a sharded directory of the reference importer, sorted by the bytes of its names', async () => {
    const store = new MemoryStore()
    const names = Array.from({ length: 3000 }, (_, at) => `файл-${at}-${'x'.repeat(100)}`)
    let root: CID | undefined
    const source = names.map((name, at) => ({ path: `d/${name}`, content: (async function * () { yield Uint8Array.of(at & 0xff, at >> 8) })() }))
    const put = async (cid: CID, bytes: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<CID> => {
      if (bytes instanceof Uint8Array) store.put(cid, bytes)
      return cid
    }
    for await (const entry of importer(source, { put } as never, { shardSplitThresholdBytes: 10_000 })) if (entry.path === 'd') root = CID.asCID(entry.cid)!
    const tree = await unixfsTree(store, root!, '')
    const found: string[] = []
    if (tree.kind === 'directory') for await (const entry of tree.entries()) found.push(entry.name)
    expect(found).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  })

  it('reads a file in slices, each in order, and again from the start', async () => {
    const store = new MemoryStore()
    const bytes = seededBytes(5, 40 << 20)
    const { cid } = await buildTree(file('', bytes), { put: (cid, data) => { store.put(cid, data) } }, { hashes })
    const entry = await unixfsTree(store, cid, '') as TreeFile
    for (let round = 0; round < 2; round++) {
      let at = 0
      for await (const chunk of entry.read()) {
        expect(Buffer.compare(chunk, bytes.subarray(at, at + chunk.byteLength))).toBe(0)
        at += chunk.byteLength
      }
      expect(at).toBe(bytes.byteLength)
    }
  })

  it('says of what is no UnixFS that it is none, and passes on what the store says', async () => {
    const store = new MemoryStore()
    const cbor = CID.parse('bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua')
    store.put(cbor, Uint8Array.of(0xa0))
    expect(codeOf(await rejection(unixfsTree(store, cbor, '')))).toBe('RETRIEVAL_NOT_UNIXFS')
    const absent = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
    expect(codeOf(await rejection(unixfsTree(store, absent, '')))).toBe('BLOCKSTORE_NOT_FOUND')
    const pb = CID.parse('bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
    store.put(pb, Uint8Array.of(0xff, 0xff))
    expect(codeOf(await rejection(unixfsTree(store, pb, '')))).toBe('RETRIEVAL_NOT_UNIXFS')
  })

  it('reports a leaf that is missing while the file is read', async () => {
    const store = new MemoryStore()
    const { cid } = await buildTree(file('', seededBytes(6, 3 << 20)), { put: (cid, data) => { store.put(cid, data) } }, { hashes })
    const leaf = [...store.blocks.values()].filter((block) => block.cid.code === 0x55)[1]!
    store.drop(leaf.cid)
    const entry = await unixfsTree(store, cid, '') as TreeFile
    expect(codeOf(await rejection((async () => { for await (const chunk of entry.read()) expect(chunk.byteLength).toBeGreaterThan(0) })()))).toBe('BLOCKSTORE_NOT_FOUND')
  })
})

const entriesOf = async () => {
  const all = []
  for await (const entry of sampleTree().entries()) all.push(entry)
  return all
}
