import { carV1, indexBytes, makeBlocks, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, type BuiltIndex, createIndexBuilder, createPageCache, type IndexEntry, type IndexView, openIndex, parseCid } from '../src/index.ts'
import { collect, concat, digestsOf, slowSource } from './support.ts'

const SEED = 20261122
const blocks = mixedBlocks(11)
const roots = [blocks[0]!.cid]
const placed = placedBlocks(roots, blocks)
const car = carV1(roots, blocks)

/** Every entry of one multihash, by a look at each block. */
const oracle = (list: ReturnType<typeof placedBlocks>, multihash: Uint8Array): IndexEntry[] =>
  list.filter((block) => Buffer.compare(block.multihash, multihash) === 0)
    .map(({ sectionOffset, headBytes, data }) => ({ sectionOffset, headBytes, dataBytes: data.byteLength }))

const opened = async (built: BuiltIndex): Promise<Record<string, IndexView>> => {
  const bytes = concat(built.encode())
  return {
    memory: built.view(),
    bytes: await openIndex(createBytesSource(bytes)),
    disk: await openIndex(slowSource(bytes)),
    'disk without a cache': await openIndex(slowSource(bytes), { pages: createPageCache({ maxBytes: 0 }) }),
    'piece padding behind': await openIndex(slowSource(concat([bytes, new Uint8Array(10_000)]))),
  }
}

describe('an index with a trailer', () => {
  it('gives for every block what a look at each block gives, wherever it lies', async () => {
    const built = await buildIndex(createBytesSource(car))
    for (const [name, view] of Object.entries(await opened(built))) {
      for (const { multihash } of placed) expect(await view.find(multihash), name).toEqual(oracle(placed, multihash))
      for (const { multihash } of makeBlocks(99, 50, { min: 1, max: 9 })) expect(await view.find(multihash), name).toEqual([])
    }
  })

  it('finds what a linear search finds, for any digests (property)', async () => {
    const digest = fc.oneof(
      fc.uint8Array({ minLength: 0, maxLength: 12 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      // clustered: long common beginnings
      fc.tuple(fc.nat(3), fc.nat(255)).map(([a, b]) => new Uint8Array(32).fill(a, 0, 30).fill(b, 30, 31)),
    )
    const section = fc.record({ codec: fc.constantFrom(0x55, 0x70, 0x71), code: fc.constantFrom(0, 0x12, 0xb220), digest, dataBytes: fc.nat(300), gap: fc.nat(1000) })
    await fc.assert(fc.asyncProperty(fc.array(section, { maxLength: 400 }), async (list) => {
      const builder = createIndexBuilder()
      let at = 59
      const known = list.map(({ codec, code, digest, dataBytes, gap }) => {
        const hash = code < 128 ? [code] : [0xa0, 0xe4, 0x02]
        const multihash = Uint8Array.of(...hash, digest.byteLength, ...digest)
        const cid = Uint8Array.of(1, codec, ...multihash)
        const headBytes = (cid.byteLength + dataBytes < 128 ? 1 : 2) + cid.byteLength
        const placed = { cid, multihash, sectionOffset: at, headBytes, data: new Uint8Array(dataBytes) }
        builder.add({ cid, sectionOffset: at, headBytes, dataBytes })
        at += headBytes + dataBytes + gap
        return placed
      })
      const built = builder.finish({ payloadStart: 0, payloadEnd: at, carV1Header: car.slice(0, 59), source: undefined })
      const rows = known.map((block) => {
        const { hashCode, digest } = parseCid(block.cid)
        return { code: hashCode, digest, offset: block.sectionOffset }
      })
      expect(Buffer.compare(concat(built.encodeStandard()), indexBytes(0x0401, rows))).toBe(0)
      expect(Buffer.compare(concat(built.encodeStandard(0x0400)), indexBytes(0x0400, rows))).toBe(0)
      for (const [name, view] of Object.entries(await opened(built))) {
        for (const { multihash } of known) {
          expect(await view.find(multihash), name).toEqual(oracle(known, multihash))
          const other = multihash.slice()
          other[other.byteLength - 1]! ^= 1
          if (parseCid(Uint8Array.of(1, 0x55, ...multihash)).digest.byteLength > 0) expect(await view.find(other), name).toEqual(oracle(known, other))
        }
        const entries = await collect(view.entries())
        expect(entries.map((entry) => entry.sectionOffset).sort((a, b) => a - b), name).toEqual(known.map((block) => block.sectionOffset))
        expect(await digestsOf(view), name).toEqual(entries.map(({ code, digest }) => ({ code, digest })))
      }
    }), { seed: SEED, numRuns: 60 })
  })
})

/** `count` entries of sha2-256 at 100, 200, …; `digest(i)` fills the i-th. */
const synthetic = (count: number, digest: (i: number, into: Uint8Array) => void): { built: BuiltIndex, multihash: (i: number) => Uint8Array } => {
  const builder = createIndexBuilder()
  const multihash = (i: number): Uint8Array => {
    const out = new Uint8Array(34)
    out.set([0x12, 0x20])
    digest(i, out.subarray(2))
    return out
  }
  for (let i = 0; i < count; i++) {
    builder.add({ cid: Uint8Array.of(1, 0x55, ...multihash(i)), sectionOffset: 100 * (i + 1), headBytes: 37, dataBytes: 10 })
  }
  return { built: builder.finish({ payloadStart: 0, payloadEnd: 100 * (count + 1), carV1Header: undefined, source: undefined }), multihash }
}

/** Spread evenly: two rounds of a 32-bit mixer. */
const even = (i: number, into: Uint8Array): void => {
  const view = new DataView(into.buffer, into.byteOffset)
  for (let word = 0; word < 8; word++) {
    let x = (i * 8 + word + 1) >>> 0
    x = Math.imul(x ^ (x >>> 16), 0x45d9f3b)
    x = Math.imul(x ^ (x >>> 16), 0x45d9f3b)
    view.setUint32(4 * word, (x ^ (x >>> 16)) >>> 0)
  }
}

describe('a large index', () => {
  const COUNT = 100_000
  const { built, multihash } = synthetic(COUNT, even)
  const bytes = concat(built.encode())

  it('is opened with one read, whatever its size (go-car defect 7, dagstore D39: every open holds all of it)', async () => {
    for (const cost of [{ kind: 'local', seekBytes: 16384 }, { kind: 'remote', seekBytes: 65536 }] as const) {
      const source = slowSource(bytes, cost)
      await openIndex(source)
      expect(source.reads).toHaveLength(1)
      expect(source.reads[0]!.length).toBeLessThanOrEqual(8 * 4096)
    }
  })

  it('brings pages sixteen at a time where that costs hardly more than one, and a short index with its opening', async () => {
    const near = slowSource(bytes)
    const view = await openIndex(near)
    for (let i = 0; i < COUNT; i += 10) await view.find(multihash(i))
    expect(near.reads.length).toBeLessThan(1 + 2 + bytes.byteLength / 4096 / 16 * 1.5)
    const short = synthetic(1000, even)
    const source = slowSource(concat(short.built.encode()))
    const whole = await openIndex(source)
    for (let i = 0; i < 1000; i++) expect(whole.find(short.multihash(i))).toHaveLength(1)
    expect(source.reads).toHaveLength(1)
  })

  it('answers with two reads of pages, and now and then a third', async () => {
    const source = slowSource(bytes)
    const view = await openIndex(source)
    // checksums of pages, one page for a thousand, are at hand from here on
    for (let i = 0; i < COUNT; i += 20_000) await view.find(multihash(i))
    let worst = 0
    const LOOKUPS = 500
    const before = source.reads.length
    for (let k = 0; k < LOOKUPS; k++) {
      const i = (k * 7919 + 13) % COUNT
      const at = source.reads.length
      expect(await view.find(multihash(i))).toEqual([{ sectionOffset: 100 * (i + 1), headBytes: 37, dataBytes: 10 }])
      worst = Math.max(worst, source.reads.length - at)
    }
    expect((source.reads.length - before) / LOOKUPS).toBeLessThan(2.2)
    expect(worst).toBeLessThanOrEqual(4)
  })

  it('answers over a network with two requests behind the one of its opening, hit or miss', async () => {
    for (let i = 1; i < COUNT; i += 1009) {
      const source = slowSource(bytes, { kind: 'remote', seekBytes: 65536 })
      const view = await openIndex(source)
      expect(await view.find(multihash(i))).toHaveLength(1)
      expect(source.reads.length).toBeLessThanOrEqual(3)
      const miss = slowSource(bytes, { kind: 'remote', seekBytes: 65536 })
      expect(await (await openIndex(miss)).find(multihash(COUNT + i))).toEqual([])
      expect(miss.reads.length).toBeLessThanOrEqual(2)
    }
  })

  it('gives a plain value when the pages are at hand, and a promise when they are not', async () => {
    const view = await openIndex(slowSource(bytes))
    const first = view.find(multihash(5))
    expect(first).toBeInstanceOf(Promise)
    await first
    expect(view.find(multihash(5))).toEqual([{ sectionOffset: 600, headBytes: 37, dataBytes: 10 }])
  })

  it('says that nothing is there, for a digest, a length and a hash that it does not have', async () => {
    const view = await openIndex(slowSource(bytes))
    expect(await view.find(multihash(COUNT + 3))).toEqual([])
    expect(await view.find(Uint8Array.of(0x12, 2, 1, 1))).toEqual([])
    expect(await view.find(Uint8Array.of(0x13, ...multihash(1).subarray(1)))).toEqual([])
  })

  it('shares a page that many wait for: one read, and an abort ends one wait only', async () => {
    const source = slowSource(bytes)
    const view = await openIndex(source)
    const before = source.reads.length
    const stop = new AbortController()
    const waiting = [view.find(multihash(9), { signal: stop.signal }), view.find(multihash(9)), view.find(multihash(9))]
    stop.abort(new Error('mine'))
    await expect(waiting[0]).rejects.toThrow('mine')
    expect(await waiting[1]).toEqual(await waiting[2])
    await view.find(multihash(9))
    expect(source.reads.length - before).toBeLessThanOrEqual(8)
  })

  it('keeps its answers in order when entries are streamed', async () => {
    const view = await openIndex(slowSource(bytes))
    let before: Uint8Array | undefined
    let count = 0
    for await (const { digest, code, dataBytes, headBytes } of view.entries()) {
      if (before !== undefined && Buffer.compare(before, digest) > 0) throw new Error('not sorted')
      if (code !== 0x12 || dataBytes !== 10 || headBytes !== 37) throw new Error('wrong entry')
      before = digest
      count++
    }
    expect(count).toBe(COUNT)
  })

  it('rejects with the reason of the signal', async () => {
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await expect(openIndex(slowSource(bytes), { signal })).rejects.toBe(reason)
    const view = await openIndex(slowSource(bytes))
    await expect((async () => view.find(multihash(1), { signal }))()).rejects.toBe(reason)
    await expect(collect(view.entries({ signal }))).rejects.toBe(reason)
    await expect(collect(view.digests({ signal }))).rejects.toBe(reason)
  })

  it('is read no more after it was closed, and closes what it owns once', async () => {
    const source = slowSource(bytes)
    const view = await openIndex(source, { owns: true })
    await view.close()
    await view.close()
    expect(source.closed).toBe(true)
    await expect((async () => view.find(multihash(1)))()).rejects.toMatchObject({ code: 'IO_CLOSED' })
    await expect(collect(view.entries())).rejects.toMatchObject({ code: 'IO_CLOSED' })
    await expect(collect(view.digests())).rejects.toMatchObject({ code: 'IO_CLOSED' })
    const foreign = slowSource(bytes)
    await (await openIndex(foreign)).close()
    expect(foreign.closed).toBe(false)
    const broken = slowSource(bytes.subarray(0, 100))
    await expect(openIndex(broken, { owns: true })).rejects.toMatchObject({ code: 'CARV2_BAD_INDEX' })
    expect(broken.closed).toBe(true)
    const stuck = { ...slowSource(bytes.subarray(0, 100)), close: async () => { throw new Error('close failed') } }
    await expect(openIndex(stuck, { owns: true })).rejects.toMatchObject({ code: 'CARV2_BAD_INDEX' })
  })

  it('refuses what is no multihash with a TypeError', () => {
    for (const wrong of [new Uint8Array(0), Uint8Array.of(0x12), Uint8Array.of(0x12, 3, 1, 1), Uint8Array.of(0x12, 1, 1, 1)]) {
      expect(() => built.view().find(wrong)).toThrow(TypeError)
    }
  })
})

describe('digests that are not spread evenly', () => {
  it('cost no more than a halving search', async () => {
    const { built, multihash } = synthetic(50_000, (i, into) => { new DataView(into.buffer, into.byteOffset).setUint32(28, i) })
    const source = slowSource(concat(built.encode()))
    const view = await openIndex(source, { pages: createPageCache({ maxBytes: 0 }) })
    for (const i of [0, 1, 24_999, 49_999]) {
      const before = source.reads.length
      expect(await view.find(multihash(i))).toMatchObject([{ sectionOffset: 100 * (i + 1) }])
      expect((source.reads.length - before) / 2).toBeLessThan(20)
    }
  })

  it('may all be the same: every occurrence is found, by offset, or as many as were asked for', async () => {
    const { built, multihash } = synthetic(3000, (_, into) => { into.fill(0xab) })
    for (const view of [built.view(), await openIndex(slowSource(concat(built.encode()))), await openIndex(slowSource(concat(built.encodeStandard())))]) {
      expect((await view.find(multihash(0))).map(({ sectionOffset }) => sectionOffset)).toEqual(Array.from({ length: 3000 }, (_, i) => 100 * (i + 1)))
      expect(await view.find(multihash(0), { limit: 2 })).toHaveLength(2)
    }
  })
})
