import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Block, carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { createPageCache } from '@dagstore/carv2'
import type { IndexMount } from '@dagstore/carv2-index-mount'
import { createHashes } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { publish } from '../../../examples/worker/publish.mjs'
import { type Collection, mountCollection, readCollection } from '../../../examples/worker/src/collection.ts'
import { createR2Objects } from '../../../examples/worker/src/r2-source.ts'
import { createTestBucket, type TestBucket } from './buckets.ts'

const hashes = createHashes()
const coded = (code: string): unknown => expect.objectContaining({ code })
const KEY = 'collection.idx'

/** A bucket with these CARs, and what finds their blocks. */
const published = async (cars: Readonly<Record<string, Uint8Array>>): Promise<TestBucket> => {
  const folder = await mkdtemp(join(tmpdir(), 'collection-'))
  try {
    const bucket = createTestBucket()
    for (const [key, bytes] of Object.entries(cars)) {
      await mkdir(dirname(join(folder, key)), { recursive: true })
      await writeFile(join(folder, key), bytes)
      bucket.put(key, bytes)
    }
    await publish(folder)
    bucket.put(KEY, new Uint8Array(await readFile(join(folder, KEY))))
    return bucket
  } finally {
    await rm(folder, { recursive: true })
  }
}
const read = (bucket: TestBucket, maxBytes = 1 << 24): Promise<Collection> => readCollection(createR2Objects(bucket, () => {}), KEY, hashes, createPageCache({ maxBytes }))
const mount = async (bucket: TestBucket, collection?: Collection): Promise<IndexMount> => mountCollection(collection ?? await read(bucket), createR2Objects(bucket, () => {}), { hashes, readAheadBytes: 1 << 20 })
const cidOf = ({ cid }: Block): CID => CID.decode(cid)
const all = async (listed: AsyncIterable<{ cid: CID }> | Iterable<{ cid: CID }>): Promise<string[]> => {
  const cids: string[] = []
  for await (const { cid } of listed) cids.push(cid.toString())
  return cids
}

describe('a collection', () => {
  const blocks = [...makeBlocks(1, 30, { min: 10, max: 5000 }), ...makeBlocks(2, 30, { min: 10, max: 5000, hash: 'blake2b-256' })]
  const cars = {
    'a.car': carV1([blocks[0]!.cid], blocks.slice(0, 20), { paddingBytes: 100 }),
    'b/c d.car': carV2({ roots: [], blocks: blocks.slice(20, 40), dataPadding: 33 }),
    'b/empty.car': carV1([], []),
    'z.car': carV1(blocks.slice(0, 5).map(({ cid }) => cid), blocks.slice(35)),
  }

  it('has every block of every CAR, and none that is in none of them', async () => {
    const { blockstore, close } = await mount(await published(cars))
    for (const block of blocks) {
      expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
      expect(await blockstore.size(cidOf(block))).toBe(block.data.byteLength)
    }
    expect(await blockstore.has(cidOf(makeBlocks(3, 1, { min: 9, max: 9 })[0]!))).toBe(false)
    await close()
  })

  it('is one CAR to those who read it all', async () => {
    const { blockstore, indexOrigin } = await mount(await published(cars))
    expect(await all(blockstore.getAll())).toEqual(blocks.map((block) => cidOf(block).toString()))
    expect(indexOrigin).toBe('given')
  })

  it('finds a block by at most 5 requests among thousands of CARs, and by 1 where the index was read before', async () => {
    const many = makeBlocks(4, 2500, { min: 20, max: 40 })
    const bucket = await published(Object.fromEntries(many.map((block, i) => [`a-folder-with-a-name-of-some-length/${'and-a-file-too-'.repeat(3)}${i}.car`, carV1([], [block])])))
    const collection = await read(bucket)
    expect(collection.version.sizeBytes - collection.indexBytes).toBeGreaterThan(1 << 18)
    expect(await (await mount(bucket, collection)).blockstore.bytes(cidOf(many[1234]!))).toEqual(new Uint8Array(many[1234]!.data))
    expect(bucket.asked.length).toBeLessThanOrEqual(5)
    bucket.asked.length = 0
    expect(await (await mount(bucket, collection)).blockstore.bytes(cidOf(many[1234]!))).toEqual(new Uint8Array(many[1234]!.data))
    expect(bucket.asked).toHaveLength(1)
  })

  it('needs no more memory than the cache may have', async () => {
    const many = makeBlocks(5, 20_000, { min: 20, max: 40 })
    const bucket = await published({ 'a.car': carV1([], many) })
    for (const maxBytes of [0, 1 << 16]) {
      const cache = createPageCache({ maxBytes })
      const { blockstore } = await mount(bucket, await readCollection(createR2Objects(bucket, () => {}), KEY, hashes, cache))
      for (const block of [many[3]!, many[19_000]!]) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
      expect(cache.usedBytes).toBeLessThanOrEqual(maxBytes)
    }
  })

  it('may be empty', async () => {
    const { blockstore } = await mount(await published({}))
    expect(await blockstore.has(cidOf(blocks[0]!))).toBe(false)
    expect(await all(blockstore.getAll())).toEqual([])
  })

  it('says so when its CARs are others now', async () => {
    const bucket = await published(cars)
    bucket.put('a.car', cars['a.car'].slice(1))
    const { blockstore } = await mount(bucket)
    await expect(blockstore.bytes(cidOf(blocks[0]!))).rejects.toEqual(expect.objectContaining({ code: 'BLOCKSTORE_UNREADABLE', cause: coded('IO_SOURCE_CHANGED') }))
    bucket.objects.delete('a.car')
    await expect(blockstore.bytes(cidOf(blocks[1]!))).rejects.toEqual(expect.objectContaining({ code: 'BLOCKSTORE_UNREADABLE', cause: coded('IO_SOURCE_LOST') }))
  })

  const endOf = (list: string): Uint8Array => {
    const bytes = new TextEncoder().encode(list)
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, bytes.byteLength, true)
    return Uint8Array.of(...bytes, ...length, ...new TextEncoder().encode('dagcars1'))
  }
  const entry = { key: 'a.car', sizeBytes: 10, from: 1, to: 9 }
  it.each([
    { why: 'it is not there', bytes: undefined },
    { why: 'it is empty', bytes: new Uint8Array(0) },
    { why: 'it is something else', bytes: cars['a.car'] },
    { why: 'its list is longer than it', bytes: Uint8Array.of(255, 0, 0, 0, ...new TextEncoder().encode('dagcars1')) },
    { why: 'its list is no JSON', bytes: endOf('{') },
    { why: 'its list is of another version', bytes: endOf('{"version":2,"cars":[]}') },
    { why: 'an entry has no key', bytes: endOf(JSON.stringify({ version: 1, cars: [{ ...entry, key: undefined }] })) },
    { why: 'an entry ends behind its object', bytes: endOf(JSON.stringify({ version: 1, cars: [{ ...entry, to: 11 }] })) },
    { why: 'an entry ends before it begins', bytes: endOf(JSON.stringify({ version: 1, cars: [{ ...entry, from: 10 }] })) },
    { why: 'an entry begins at no whole number', bytes: endOf(JSON.stringify({ version: 1, cars: [{ ...entry, from: 0.5 }] })) },
  ])('is refused when $why', async ({ bytes }) => {
    const bucket = createTestBucket()
    if (bytes !== undefined) bucket.put(KEY, bytes)
    await expect(read(bucket)).rejects.toEqual(coded('BLOCKSTORE_UNREADABLE'))
  })

  it('is refused when the list is not that of the index, before any CAR is read', async () => {
    const bucket = await published(cars)
    const { bytes } = bucket.objects.get(KEY)!
    const text = Buffer.from(bytes).toString('latin1').replace('"key":"z.car"', '"key":"y.car"')
    bucket.put(KEY, new Uint8Array(Buffer.from(text, 'latin1')))
    await expect(mount(bucket)).rejects.toEqual(coded('BLOCKSTORE_UNREADABLE'))
    expect(bucket.asked.some((asked) => asked.includes('.car'))).toBe(false)
  })

  it('is refused when a page of its index is damaged, and that is no absence', async () => {
    const many = makeBlocks(6, 3000, { min: 20, max: 40 })
    const bucket = await published({ 'a.car': carV1([], many) })
    const bytes = bucket.objects.get(KEY)!.bytes.slice()
    bytes.fill(0, 4096, 8192)
    bucket.put(KEY, bytes)
    const { blockstore } = await mount(bucket)
    const codes = new Set<string>()
    for (const block of many) {
      try {
        expect(await blockstore.has(cidOf(block))).toBe(true)
      } catch (error) {
        codes.add((error as { code: string }).code)
      }
    }
    expect([...codes]).toEqual(['BLOCKSTORE_UNREADABLE'])
  })
})
