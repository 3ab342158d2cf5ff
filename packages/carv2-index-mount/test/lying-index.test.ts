import { type Block, carV1, carV2, entriesOf, indexBytes, type IndexRow, makeBlocks, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createIndexBuilder } from '@dagstore/carv2'
import { createBytesSource, type SourceIdentity } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { type IndexMount, type IndexTrust, openIndexMount } from '../src/index.ts'
import { absent, all, cidOf, joinBytes, mountBytes } from './cars.ts'

const blocks: Block[] = [...mixedBlocks(3), ...makeBlocks(31, 200, { min: 1, max: 400 })]
const placed = placedBlocks([], blocks)
const bytes = carV1([], blocks)
const rows = entriesOf(placed)
const identity: SourceIdentity = { kind: 'content', cid: 'x', sizeBytes: bytes.byteLength }

/** What each block gives: `right`, or the code of the error. */
const outcomes = async ({ blockstore }: IndexMount): Promise<Set<string>> => new Set(await Promise.all(blocks.map((block) => blockstore.bytes(cidOf(block)).then(
  (got) => Buffer.compare(got, block.data) === 0 ? 'right' : 'wrong',
  (error: { code: string }) => error.code,
))))
const moved = (by: number): IndexRow[] => rows.map((row, i) => i % 5 === 0 ? { ...row, offset: Math.max(0, row.offset + by) } : row)
const offsetOf = (i: number): number => rows[i % rows.length]!.offset

const lies: { readonly [what: string]: readonly IndexRow[] } = {
  'offsets one too high': moved(1),
  'offsets one too low': moved(-1),
  'offsets in the header': rows.map((row) => ({ ...row, offset: 3 })),
  'offsets behind the end': moved(bytes.byteLength),
  'offsets above 2^53': rows.map((row, i) => i === 9 ? { ...row, offset: 2 ** 60 } : row),
  'all offsets of the next block': rows.map((row, i) => ({ ...row, offset: offsetOf(i + 1) })),
  'two blocks exchanged': rows.map((row, i) => i === 50 ? { ...row, offset: offsetOf(51) } : i === 51 ? { ...row, offset: offsetOf(50) } : row),
  'half of the blocks missing': rows.filter((_, i) => i % 2 === 0),
  'no entry': [],
  'hash functions exchanged': rows.map((row) => row.code === 0x12 ? { ...row, code: 0xb220 } : row.code === 0xb220 ? { ...row, code: 0x12 } : row),
  'blocks that are nowhere': [...rows, ...entriesOf(placedBlocks([], makeBlocks(77, 40, { min: 1, max: 9 })))],
}

describe.each([0x0400, 0x0401] as const)('an index 0x%s that lies, without trailer', (codec) => {
  it.each(Object.keys(lies))('about %s: every block is found, what is absent is called so, and all are listed once', async (what) => {
    for (const trust of [undefined, 'verify', 'regenerate'] as const) {
      const mount = await openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(indexBytes(codec, lies[what]!)) }, { indexTrust: trust })
      expect([...await outcomes(mount)], String(trust)).toEqual(['right'])
      expect(await mount.blockstore.has(absent)).toBe(false)
      const listed = (await all(mount.blockstore.getAll())).map(({ cid }) => Buffer.from(cid.multihash.bytes).toString('hex'))
      expect(new Set(listed).size).toBe(listed.length)
      expect(new Set(listed)).toEqual(new Set(blocks.map(({ multihash }) => Buffer.from(multihash).toString('hex'))))
    }
  })

  it.each(Object.keys(lies))('about %s, and is believed: no wrong byte, and absent is only what it does not list', async (what) => {
    const opened = openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(indexBytes(codec, lies[what]!)) }, { indexTrust: 'use' })
    const mount = await opened
    const lacks = what.includes('missing') || what === 'no entry' || (what.startsWith('hash') && codec === 0x0401)
    for (const outcome of await outcomes(mount)) expect(['right', 'BLOCKSTORE_UNREADABLE', 'BLOCKSTORE_HASH_MISMATCH', ...(lacks ? ['BLOCKSTORE_NOT_FOUND'] : [])]).toContain(outcome)
  })
})

describe('an index with our trailer that lies, made for these very bytes', () => {
  const lying = (change: (entry: { sectionOffset: number, headBytes: number, dataBytes: number }, i: number) => { sectionOffset: number, headBytes: number, dataBytes: number } | undefined): Uint8Array => {
    const builder = createIndexBuilder()
    placed.forEach(({ cid, sectionOffset, headBytes, data }, i) => {
      const entry = change({ sectionOffset, headBytes, dataBytes: data.byteLength }, i)
      if (entry !== undefined) builder.add({ cid, ...entry })
    })
    return joinBytes(builder.finish({ payloadStart: 0, payloadEnd: bytes.byteLength, carV1Header: bytes.slice(0, placed[0]!.sectionOffset), source: identity }).encode())
  }
  const mounted = (index: Uint8Array, indexTrust?: IndexTrust): Promise<IndexMount> =>
    openIndexMount({ data: createBytesSource(bytes, { identity }), index: createBytesSource(index) }, { indexTrust })

  it.each([
    { what: 'offsets', change: (e: { sectionOffset: number, headBytes: number, dataBytes: number }, i: number) => i % 7 === 0 ? { ...e, sectionOffset: e.sectionOffset + 1 } : e },
    { what: 'lengths of data', change: (e: { sectionOffset: number, headBytes: number, dataBytes: number }, i: number) => i % 7 === 0 ? { ...e, dataBytes: e.dataBytes + 1 } : e },
    { what: 'the blocks that are at its places', change: (e: { sectionOffset: number, headBytes: number, dataBytes: number }, i: number) => i % 7 === 0 ? { ...e, sectionOffset: placed[(i + 3) % placed.length]!.sectionOffset } : e },
  ])('about $what: unreadable, never absent, never wrong; found when it is compared', async ({ change }) => {
    const index = lying(change)
    expect(await outcomes(await mounted(index))).toEqual(new Set(['right', 'BLOCKSTORE_UNREADABLE']))
    expect(await outcomes(await mounted(index, 'verify'))).toEqual(new Set(['right']))
  })

  it('by leaving blocks out: absent where it is taken for whole, found where it is not', async () => {
    const index = lying((entry, i) => i % 3 === 0 ? undefined : entry)
    expect(await outcomes(await mounted(index))).toEqual(new Set(['right', 'BLOCKSTORE_NOT_FOUND']))
    const mount = await mounted(index, 'verify')
    expect(await mount.blockstore.has(cidOf(blocks[1]!))).toBe(true)
    expect(mount.indexOrigin).toBe('given')
    expect(await outcomes(mount)).toEqual(new Set(['right']))
    expect(mount.indexOrigin).toBe('built')
  })
})

describe('an index that can not be used as such', () => {
  it.each([
    { what: 'of an unknown codec', index: Uint8Array.of(0x82, 0x08, 0, 0, 0, 0) },
    { what: 'of no codec, as in the fixture of the specification', index: Uint8Array.of(1, 0, 0, 0, 40, 0, 0, 0) },
    { what: 'that is empty', index: new Uint8Array(0) },
  ])('$what is replaced, whatever it is trusted, and that is said', async ({ index }) => {
    for (const indexTrust of ['use', 'verify'] as const) {
      const notices: string[] = []
      const mount = await openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(index) }, { indexTrust, onNotice: (text) => notices.push(text) })
      expect(await outcomes(mount)).toEqual(new Set(['right']))
      expect([mount.indexOrigin, notices.length]).toEqual(['built', 1])
    }
  })

  it('0x0400 of 2021, with identity CIDs in it and no bit that says so, serves them from their sections', async () => {
    const car = carV2({ roots: [], blocks, index: 0x0400, identityCids: 'included' })
    car[11] = 0
    const mount = await mountBytes(car)
    expect([...await outcomes(mount)]).toEqual(['right'])
    expect(mount.indexOrigin).toBe('attached')
    const lotus = await mountBytes(car, { identity: 'lotus-2021' })
    expect([...await outcomes(lotus)]).toEqual(['right'])
  })
})
