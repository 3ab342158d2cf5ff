import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { carV1, carV1Header, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource, type SourceIdentity } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { buildIndex, createIndexBuilder, openIndex } from '../src/index.ts'
import { concat, slowSource } from './support.ts'

const blocks = makeBlocks(61, 4, { min: 5, max: 300 })
const roots = [blocks[0]!.cid]
const car = carV1(roots, blocks, { paddingBytes: 17 })

const roundTrip = async (car: Uint8Array, source: SourceIdentity): ReturnType<typeof openIndex> =>
  openIndex(slowSource(concat((await buildIndex(createBytesSource(car, { identity: source }))).encode())))

describe('the trailer of an index', () => {
  it.each<SourceIdentity>([
    { kind: 'content', cid: 'baga6ea4seaqlqfyjsvd3rrmqmd7n4f7i73ybzuxfq4p4za6lft2jeaaaaguxefq', sizeBytes: 127 },
    { kind: 'version', tag: '"ünïcode-tag"', sizeBytes: 2 ** 40 },
    { kind: 'file', sizeBytes: 99, mtimeNs: -5n, inode: 2n ** 64n - 1n },
  ])('says what was indexed: $kind', async (source) => {
    const { facts } = await roundTrip(car, source)
    expect(facts).toMatchObject({ codec: 0x0401, entryCount: 4, payloadStart: 0, payloadEnd: car.byteLength - 17, source, identityCids: 'included' })
    expect(facts.roots?.map((root) => root.bytes)).toEqual(roots)
  })

  it('leaves out an identity and a header that do not fit, and nothing else', async () => {
    const many = makeBlocks(62, 120, { min: 1, max: 2 }).map(({ cid }) => cid)
    const { facts } = await roundTrip(carV1(many, blocks), { kind: 'version', tag: 'x'.repeat(2000), sizeBytes: 1 })
    expect(facts).toMatchObject({ source: undefined, roots: undefined, entryCount: 4 })
    const some = await roundTrip(carV1(many.slice(0, 60), blocks), { kind: 'version', tag: 'x'.repeat(900), sizeBytes: 1 })
    expect(some.facts.roots).toHaveLength(60)
  })

  it('tells that identity CIDs are left out', async () => {
    const index = await buildIndex(createBytesSource(carV1(roots, [...blocks, makeBlock(Uint8Array.of(1), { hash: 'identity' })])), { identity: 'go-car-default' })
    expect(index.entryCount).toBe(4)
    expect((await openIndex(slowSource(concat(index.encode())))).facts.identityCids).toBe('excluded')
  })

  it('knows the head of a section for 64 kinds of CID, and says for others that the section tells', async () => {
    const kinds = Array.from({ length: 70 }, (_, i) => makeBlock(Uint8Array.of(i), { codec: 0x300000 + i }))
    const view = await roundTrip(carV1(roots, kinds), { kind: 'content', cid: 'x', sizeBytes: 1 })
    const heads = await Promise.all(kinds.map(async ({ multihash }) => (await view.find(multihash))[0]!))
    expect(heads.map(({ headBytes }) => headBytes)).toEqual(kinds.map((_, i) => i < 64 ? 40 : undefined))
    expect(heads.every(({ dataBytes }) => dataBytes === 1)).toBe(true)
  })

  it('is made of an index without entries too', async () => {
    const view = await roundTrip(carV1([], []), { kind: 'content', cid: 'x', sizeBytes: 18 })
    expect(view.facts).toMatchObject({ entryCount: 0, payloadEnd: 18, roots: [] })
    expect(await view.find(blocks[0]!.multihash)).toEqual([])
  })

  it('of a later version is passed over: the standard bytes still answer', async () => {
    const bytes = concat((await buildIndex(createBytesSource(car))).encode())
    const { crc32 } = await import('@dagstore/hashes')
    const footer = bytes.subarray(bytes.byteLength - 4096)
    footer[8] = 3
    new DataView(footer.buffer, footer.byteOffset).setUint32(4092, crc32(footer, 0, 4092), true)
    const view = await openIndex(slowSource(bytes))
    expect(view.facts).toMatchObject({ entryCount: 4, payloadEnd: undefined, identityCids: 'unknown' })
    expect(await view.find(blocks[1]!.multihash)).toMatchObject([{ headBytes: undefined, dataBytes: undefined }])
  })

  it('is damaged when its parts contradict each other, also where every checksum matches', async () => {
    const { crc32 } = await import('@dagstore/hashes')
    const { planTrailer } = await import('../src/index-trailer.ts')
    const { planStandard } = await import('../src/index-directory-codec.ts')
    const COUNT = 5000
    const builder = createIndexBuilder()
    const { cid } = makeBlock(Uint8Array.of(1))
    for (let i = 0; i < COUNT; i++) {
      new DataView(cid.buffer).setUint32(4, Math.imul(i, 0x9e3779b1) >>> 0)
      builder.add({ cid, sectionOffset: 50 * i, headBytes: 37, dataBytes: 13 })
    }
    const bytes = concat(builder.finish({ payloadStart: 0, payloadEnd: 50 * COUNT, carV1Header: undefined, source: undefined }).encode())
    const plan = planTrailer(planStandard([{ code: 0x12, digestBytes: 32, count: COUNT }]))
    expect(plan.sizeBytes).toBe(bytes.byteLength)
    expect(plan.bucketsAt - plan.fencesAt).toBe(6 * 4)
    const changes: Record<string, (view: DataView) => void> = {
      'nothing': () => {},
      'fences that do not ascend': (view) => { view.setUint32(plan.fencesAt, 0xffffffff) },
      'another number of entries in the bucket': (view) => { view.setBigUint64(plan.bucketsAt + 12, BigInt(COUNT - 1), true) },
      'no entries in the bucket': (view) => { view.setBigUint64(plan.bucketsAt + 12, 0n, true) },
      'another digest length': (view) => { view.setUint32(plan.bucketsAt + 8, 0xffffffff, true) },
      'a code above 2^53': (view) => { view.setBigUint64(plan.bucketsAt, 2n ** 63n, true) },
      'another number of buckets': (view) => { view.setUint32(plan.footerAt + 60, 2, true) },
      'more buckets than there may be': (view) => { view.setUint32(plan.footerAt + 60, 0xffffffff, true) },
      'more entries': (view) => { view.setBigUint64(plan.footerAt + 24, BigInt(COUNT + 1), true) },
      'fewer standard bytes': (view) => { view.setBigUint64(plan.footerAt + 16, 100n, true) },
    }
    for (const [what, change] of Object.entries(changes)) {
      const changed = bytes.slice()
      const view = new DataView(changed.buffer)
      change(view)
      view.setUint32(plan.footerAt + 48, crc32(changed, plan.chunksAt, plan.footerAt), true)
      view.setUint32(bytes.byteLength - 4, crc32(changed, plan.footerAt, bytes.byteLength - 4), true)
      const opened = openIndex(slowSource(changed))
      if (what === 'nothing') expect((await opened).facts.entryCount).toBe(COUNT)
      else await expect(opened, what).rejects.toMatchObject({ code: 'CARV2_INDEX_DAMAGED' })
    }
  })

  it('is as long as it says', async () => {
    for (const count of [0, 1, 90, 91, 1000]) {
      const built = await buildIndex(createBytesSource(carV1([], makeBlocks(63, count, { min: 0, max: 9 }))))
      expect(concat(built.encode()).byteLength).toBe(built.sizeBytes)
      expect(concat(built.encodeStandard()).byteLength).toBe(built.standardBytes)
    }
  })

  it('has two levels of checksums where one page of them is not enough', async () => {
    const builder = createIndexBuilder()
    const cid = makeBlock(Uint8Array.of(1)).cid
    for (let i = 0; i < 110_000; i++) {
      new DataView(cid.buffer).setUint32(4, Math.imul(i, 0x9e3779b1) >>> 0)
      builder.add({ cid, sectionOffset: 50 * i, headBytes: 37, dataBytes: 13 })
    }
    const built = builder.finish({ payloadStart: 0, payloadEnd: 50 * 110_000, carV1Header: carV1Header([]), source: undefined })
    const bytes = concat(built.encode())
    expect(Math.ceil((built.standardBytes + 5 * 110_000) / 4096)).toBeGreaterThan(1024)
    for (const at of [0, 2_000_000, 4_300_000, built.standardBytes + 5 * 110_000 + 4100, bytes.byteLength - 4100]) {
      const broken = bytes.slice()
      broken[at]! ^= 1
      await expect((async () => {
        const view = await openIndex(slowSource(broken))
        for await (const _ of view.entries()) { /* every page once */ }
      })()).rejects.toMatchObject({ code: 'CARV2_INDEX_DAMAGED' })
    }
  })

  it('is held once: what it was sorted from is let go', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const held = async (): Promise<number> => {
      for (let turn = 0; turn < 5; turn++) {
        collectGarbage()
        await new Promise((resolve) => { setImmediate(resolve) })
      }
      return process.memoryUsage().arrayBuffers
    }
    const build = (): ReturnType<ReturnType<typeof createIndexBuilder>['finish']> => {
      const builder = createIndexBuilder()
      for (let i = 0; i < 100_000; i++) builder.add({ cid, sectionOffset: 50 * i, headBytes: 37, dataBytes: 13 })
      return builder.finish({ payloadStart: 0, payloadEnd: 50 * 100_000, carV1Header: undefined, source: undefined })
    }
    const { cid } = makeBlock(Uint8Array.of(1))
    const before = await held()
    const built = build()
    expect(await held() - before).toBeLessThan(1.2 * built.sizeBytes)
    expect((await built.view().find(cid.subarray(2), { limit: 1 })).length).toBe(1)
  })

  it('is, byte for byte, the example of the format page', async () => {
    const block = makeBlock(new TextEncoder().encode('hello world'))
    const built = createIndexBuilder()
    const header = carV1Header([block.cid])
    built.add({ cid: block.cid, sectionOffset: header.byteLength, headBytes: 37, dataBytes: 11 })
    const bytes = concat(built.finish({
      payloadStart: 0,
      payloadEnd: header.byteLength + 48,
      carV1Header: header,
      source: { kind: 'file', sizeBytes: header.byteLength + 48, mtimeNs: 1_629_158_400_000_000_000n, inode: 42n },
    }).encode())
    const page = readFileSync(new URL('../../../docs/formats/index.md', import.meta.url), 'utf8')
    const example = /```hex\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    const given = new Uint8Array(bytes.byteLength)
    for (const line of example.trim().split('\n')) {
      const [, at, hex] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?)+)/.exec(line) ?? []
      given.set(Buffer.from(hex!.replaceAll(' ', ''), 'hex'), Number.parseInt(at!, 16))
    }
    // what the example leaves out is zero
    expect(Buffer.from(given).toString('hex')).toBe(Buffer.from(bytes).toString('hex'))
  })
})
