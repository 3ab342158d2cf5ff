/** Several CARs in one index: what is refused, and where. The bytes are compared with cardex's in tooling/compositions. */
import { readFileSync } from 'node:fs'
import { createBytesSource, createWindow, type ByteSource } from '@dagstore/io'
import { entriesOf, indexBytes, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { CarV2Error, encodeMultiIndex, encodeVarint, openMultiIndex } from '../src/index.ts'

const car = (first: number): Uint8Array => createMultihash(0x12, new Uint8Array(32).fill(first)).bytes
const placed = placedBlocks([], mixedBlocks(3))
const content = (codec: 0x0400 | 0x0401): Uint8Array => indexBytes(codec, entriesOf(placed))
const join = (chunks: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...chunks]))
const good = join(encodeMultiIndex([{ car: car(2), content: [content(0x0400)] }, { car: car(1), content: [content(0x0401)] }]))
const refusal = async (bytes: Uint8Array): Promise<unknown> => openMultiIndex(createBytesSource(bytes)).then(() => undefined, (error: unknown) => error)

describe('openMultiIndex', () => {
  it('opens indices of both codecs, in the order of the digests of their CARs', async () => {
    const index = await openMultiIndex(createBytesSource(good))
    expect(index.parts.map(({ car: { multihash }, index: { facts } }) => [multihash.digest[0], facts.codec])).toEqual([[1, 0x0401], [2, 0x0400]])
    expect(index.parts[0]!.index.facts.entryCount).toBe(index.parts[1]!.index.facts.entryCount)
    await index.close()
    await index.close()
  })

  it('holds no CARs where none were put in', async () => {
    const bytes = join(encodeMultiIndex([]))
    expect(Buffer.from(bytes).toString('hex')).toBe('820800')
    expect((await openMultiIndex(createBytesSource(bytes))).parts).toEqual([])
  })

  it('writes the bytes of the example in docs/formats/index.md', () => {
    const empty = [indexBytes(0x0401, [])]
    const bytes = Buffer.from(join(encodeMultiIndex([{ car: car(2), content: empty }, { car: car(1), content: empty }])))
    const page = readFileSync(new URL('../../../docs/formats/index.md', import.meta.url), 'utf8').split('## Several CARs')[1]!
    const rows = [...page.matchAll(/^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )+)/gm)]
    expect(rows).toHaveLength(6)
    for (const [, at = '', hex = ''] of rows) {
      const expected = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      expect(bytes.subarray(parseInt(at, 16), parseInt(at, 16) + expected.length).toString('hex')).toBe(expected.toString('hex'))
    }
  })

  it('refuses a file cut at any byte, with a place inside it', async () => {
    for (let cut = 0; cut < good.byteLength; cut++) {
      const error = await refusal(good.slice(0, cut))
      expect(error, `cut at ${cut}`).toBeInstanceOf(CarV2Error)
      expect(error).toMatchObject({ code: 'CARV2_BAD_INDEX' })
      expect((error as CarV2Error).offset).toBeLessThanOrEqual(cut)
    }
  })

  it.each([
    { why: 'an index of one CAR', bytes: content(0x0401), code: 'CARV2_UNKNOWN_INDEX' },
    { why: 'more CARs than anybody has', bytes: join([encodeVarint(0x0402), encodeVarint(70_000)]), code: 'CARV2_TOO_LARGE' },
    { why: 'a digest longer than the file', bytes: join([encodeVarint(0x0402), encodeVarint(1), encodeVarint(0x12), encodeVarint(100), Uint8Array.of(1)]), code: 'CARV2_BAD_INDEX' },
    { why: 'an index of several CARs inside', bytes: join(encodeMultiIndex([{ car: car(1), content: [good] }])), code: 'CARV2_UNKNOWN_INDEX' },
  ])('refuses $why', async ({ bytes, code }) => {
    expect(await refusal(bytes)).toMatchObject({ code })
  })

  it('closes what it owns, when it is refused too', async () => {
    const closed: string[] = []
    const owned = (bytes: Uint8Array, name: string): ByteSource => {
      const source = createWindow(createBytesSource(bytes), 0, bytes.byteLength)
      return { ...source, read: (at, length, options) => source.read(at, length, options), peek: (at, length) => source.peek(at, length), close: async () => { closed.push(name) } }
    }
    await openMultiIndex(owned(good.slice(0, 50), 'bad'), { owns: true }).catch(() => {})
    await (await openMultiIndex(owned(good, 'good'), { owns: true })).close()
    expect(closed).toEqual(['bad', 'good'])
  })
})

describe('encodeMultiIndex', () => {
  it('refuses what is no multihash', () => {
    expect(() => join(encodeMultiIndex([{ car: Uint8Array.of(0x12, 32, 1), content: [] }]))).toThrow(TypeError)
  })
})
