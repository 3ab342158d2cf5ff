import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { type ByteSource, createBytesSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, type BuiltIndex, createIndexBuilder, createPageCache, type IndexEntry, type IndexView, openIndex } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const code = (error: unknown): unknown => (error as { code?: unknown }).code

describe('a flipped bit of an index', () => {
  it('is detected, whichever it is: never another answer, never an absence', async () => {
    const blocks = makeBlocks(91, 6, { min: 1, max: 50 })
    const bytes = concat((await buildIndex(createBytesSource(carV1([blocks[0]!.cid], blocks)))).encode())
    const broken = bytes.slice()
    const source = createBytesSource(broken)
    for (let bit = 0; bit < 8 * bytes.byteLength; bit++) {
      broken[bit >>> 3]! ^= 1 << (bit & 7)
      const found = await (async () => {
        const view = await openIndex(source, { pages: createPageCache({ maxBytes: 1 << 16 }) })
        for (const { multihash } of blocks) await view.find(multihash, { limit: 1 })
        return 'nothing'
      })().catch(code)
      if (found !== 'CARV2_INDEX_DAMAGED') throw new Error(`bit ${bit} of ${8 * bytes.byteLength}: ${String(found)}`)
      broken[bit >>> 3]! ^= 1 << (bit & 7)
    }
  })

  it('is detected by the lookup that comes upon it, and by reading all, in an index of many pages', async () => {
    const builder = createIndexBuilder()
    const cid = Uint8Array.of(1, 0x55, 0x12, 0x20, ...new Uint8Array(32))
    const digest = (i: number): Uint8Array => {
      new DataView(cid.buffer).setUint32(4, Math.imul(i + 1, 0x9e3779b1) >>> 0)
      return cid
    }
    for (let i = 0; i < 5000; i++) builder.add({ cid: digest(i), sectionOffset: 80 * i, headBytes: 37, dataBytes: 42 })
    const built = builder.finish({ payloadStart: 0, payloadEnd: 400_000, carV1Header: undefined, source: undefined })
    const bytes = concat(built.encode())
    for (let at = 1; at < bytes.byteLength; at += 3331) {
      const broken = bytes.slice()
      broken[at]! ^= 1 << (at % 8)
      const readAll = (async () => collect((await openIndex(slowSource(broken))).entries()))()
      await expect(readAll).rejects.toMatchObject({ code: 'CARV2_INDEX_DAMAGED' })
      const view = await openIndex(slowSource(broken)).catch(code)
      if (view === 'CARV2_INDEX_DAMAGED') continue
      let detected = 0
      for (let i = 0; i < 5000; i++) {
        const found = await (async () => (view as IndexView).find(digest(i).subarray(2)))().catch(code)
        if (found === 'CARV2_INDEX_DAMAGED') detected++
        else expect(found).toEqual([{ sectionOffset: 80 * i, headBytes: 37, dataBytes: 42 }])
      }
      expect(detected).toBeGreaterThan(0)
    }
  })
})

/** `count` entries of sha2-256, one for each `digest(i)`, in any order. */
const made = (count: number, digest: (i: number) => Uint8Array): BuiltIndex => {
  const builder = createIndexBuilder()
  for (let i = 0; i < count; i++) builder.add({ cid: Uint8Array.of(1, 0x55, 0x12, 0x20, ...digest(i)), sectionOffset: 100 * i, headBytes: 37, dataBytes: 9 })
  return builder.finish({ payloadStart: 0, payloadEnd: 100 * count, carV1Header: undefined, source: undefined })
}
const filled = (write: (into: Uint8Array, view: DataView) => void): Uint8Array => {
  const out = new Uint8Array(32)
  write(out, new DataView(out.buffer))
  return out
}

describe('adversarial digests', () => {
  const COUNT = 30_000
  it.each<{ what: string, digest: (i: number) => Uint8Array }>([
    { what: 'equal but for their last bytes', digest: (i) => filled((_, view) => { view.setUint32(28, i) }) },
    { what: 'equal in the first eight bytes, by thousands', digest: (i) => filled((_, view) => { view.setUint32(4, i % 7); view.setUint32(20, i) }) },
    { what: 'half of them zeros, half of them ones', digest: (i) => filled((into, view) => { into.fill(i % 2 === 0 ? 0 : 255, 0, 24); view.setUint32(24, i) }) },
    { what: 'doubling', digest: (i) => filled((_, view) => { view.setBigUint64(0, (1n << BigInt(i % 63)) + BigInt(i)); view.setUint32(8, i) }) },
    { what: 'dense at the very end', digest: (i) => filled((into, view) => { into.fill(255, 0, 6); view.setUint32(6, i) }) },
    { what: 'even but for one far away', digest: (i) => filled((_, view) => { view.setUint32(0, i === 0 ? 0xffffffff : i) }) },
  ])('cost a lookup no more than the logarithm of the pages: $what', async ({ digest }) => {
    const bytes = concat(made(COUNT, digest).encode())
    for (const cost of [{ kind: 'local', seekBytes: 16384 }, { kind: 'remote', seekBytes: 65536 }] as const) {
      // pages that were read are not kept, but those of checksums would be: count reads of entries and records alone
      const source = slowSource(bytes, cost)
      const view = await openIndex(source)
      const pages = Math.ceil(COUNT * 40 / 4096)
      const bound = 3 + Math.ceil(Math.log2(pages)) + 3
      for (let i = 0; i < COUNT; i += 613) {
        const fresh = slowSource(bytes, cost)
        const cold = await openIndex(fresh)
        const before = fresh.reads.length
        expect(await cold.find(Uint8Array.of(0x12, 0x20, ...digest(i)))).toEqual([{ sectionOffset: 100 * i, headBytes: 37, dataBytes: 9 }])
        expect(fresh.reads.length - before).toBeLessThanOrEqual(bound)
        const absent = digest(i)
        absent[31]! ^= 0x80
        absent[27]! ^= 0x80
        expect(await view.find(Uint8Array.of(0x12, 0x20, ...absent))).toEqual([])
      }
    }
  })

  it('all equal are found one after another, reading each page of them once, or as few as are asked for', async () => {
    const bytes = concat(made(20_000, () => new Uint8Array(32).fill(7)).encode())
    const source = slowSource(bytes)
    const view = await openIndex(source)
    const multihash = Uint8Array.of(0x12, 0x20, ...new Uint8Array(32).fill(7))
    const before = source.reads.length
    expect((await view.find(multihash, { limit: 1 }))[0]).toEqual({ sectionOffset: 0, headBytes: 37, dataBytes: 9 })
    expect(source.reads.length - before).toBeLessThan(20)
    expect((await view.find(multihash)).map(({ sectionOffset }) => sectionOffset)).toEqual(Array.from({ length: 20_000 }, (_, i) => 100 * i))
    expect(source.reads.length - before).toBeLessThan(20 + Math.ceil(20_000 * 45 / 4096) + 2)
  })

  it('of a foreign index without fences and checksums cost the logarithm too', async () => {
    const digest = (i: number): Uint8Array => filled((_, view) => { view.setUint32(28, i) })
    const bytes = concat(made(COUNT, digest).encodeStandard())
    const source = slowSource(bytes)
    const view = await openIndex(source, { pages: createPageCache({ maxBytes: 0 }) })
    for (const i of [0, 1, 14_999, 29_999]) {
      const before = source.reads.length
      expect(await view.find(Uint8Array.of(0x12, 0x20, ...digest(i)))).toMatchObject([{ sectionOffset: 100 * i }])
      expect(source.reads.length - before).toBeLessThan(3 + 9 + 3)
    }
  })
})

describe('an index against a linear search', () => {
  it('gives the same for any entries, wherever it lies, with and without its trailer (property)', async () => {
    // few values, so that prefixes are shared and digests repeat; enough entries for pages and fences
    const digest = fc.tuple(fc.constantFrom(0, 1, 255), fc.nat(3), fc.nat(2), fc.nat(40)).map(([a, b, c, d]) => filled((into) => { into.fill(a, 0, 3); into[3] = b; into.fill(c, 4, 8); into[31] = d }))
    await fc.assert(fc.asyncProperty(fc.array(digest, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 60 }), async (digests, repeat) => {
      const all = Array.from({ length: digests.length * repeat }, (_, i) => digests[i % digests.length]!)
      const built = made(all.length, (i) => all[i]!)
      const search = (wanted: Uint8Array): IndexEntry[] => all.flatMap((have, i) => Buffer.compare(have, wanted) === 0 ? [{ sectionOffset: 100 * i, headBytes: 37, dataBytes: 9 }] : [])
      const bytes = concat(built.encode())
      const sources: ByteSource[] = [createBytesSource(bytes), slowSource(bytes), slowSource(bytes, { kind: 'remote', seekBytes: 1 << 16 })]
      const views = [built.view(), ...await Promise.all(sources.map((source) => openIndex(source)))]
      const foreign = await openIndex(slowSource(concat(built.encodeStandard())))
      for (const wanted of [...digests.slice(0, 8), new Uint8Array(32), new Uint8Array(32).fill(255), filled((into) => { into[3] = 9 })]) {
        const expected = search(wanted)
        const multihash = Uint8Array.of(0x12, 0x20, ...wanted)
        for (const view of views) expect(await view.find(multihash)).toEqual(expected)
        expect((await foreign.find(multihash)).map(({ sectionOffset }) => sectionOffset)).toEqual(expected.map(({ sectionOffset }) => sectionOffset))
      }
    }), { seed: 92, numRuns: process.env['DAGSTORE_LONG'] === '1' ? 500 : 60 })
  })
})
