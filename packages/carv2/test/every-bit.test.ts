import { carV1Header, carV2, makeBlock } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { CarV2Error, inspectCar, openIndex, readLayout, scanSections, verifyCar, wrapChunks } from '../src/index.ts'
import { collect, concat, scanAll, slowSource } from './support.ts'

const hashes = createHashes()
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const blocks = [makeBlock(ascii('first')), makeBlock(ascii('second'), { hash: 'blake2b-256', codec: 0x71 }), makeBlock(ascii('x'), { hash: 'identity' })]
const roots = [blocks[0]!.cid]
const limits = { maxHeaderBytes: 4096, maxSectionBytes: 4096 }

/** A code of this package, or the report; anything else is thrown. */
const verdict = async (bytes: Uint8Array): Promise<string> => {
  const source = slowSource(bytes)
  const calm = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work
      return 'fine'
    } catch (error) {
      if (error instanceof CarV2Error) return error.code
      throw error
    }
  }
  await calm(inspectCar(source, { ...limits, hashes, index: 'entries' }))
  await calm((async () => { await scanAll(scanSections(source, await readLayout(source, limits), limits)) })())
  await calm(collect(wrapChunks(source, limits)))
  await calm(openIndex(source))
  const word = await calm(verifyCar(source, hashes, limits))
  expect(source.reads.every(({ at, length }) => at + length <= bytes.byteLength && length <= Math.max(bytes.byteLength, 1 << 16))).toBe(true)
  return word
}

/** Flip every bit; gives the bits of which verify says nothing, as ranges of `name`. */
const unseen = async (bytes: Uint8Array, nameOf: (byte: number, bit: number) => string): Promise<Record<string, number>> => {
  const silent: Record<string, number> = {}
  for (let at = 0; at < bytes.byteLength; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = bytes.slice()
      flipped[at]! ^= 1 << bit
      if (await verdict(flipped) !== 'fine') continue
      const name = nameOf(at, bit)
      silent[name] = (silent[name] ?? 0) + 1
    }
  }
  return silent
}

describe('a small CARv2 of which one bit is flipped', () => {
  const header = carV1Header(roots).byteLength
  const payload = header + blocks.reduce((sum, { cid, data }) => sum + 1 + cid.byteLength + data.byteLength, 0)
  /** The second byte of a section is the CID's version, the third its codec: neither is under the hash. */
  const codecs = new Set<number>()
  let section = 0
  for (const { cid, data } of blocks) {
    codecs.add(header + section + 2)
    section += 1 + cid.byteLength + data.byteLength
  }
  const nameOf = (dataOffset: number, indexOffset: number) => (at: number): string => {
    if (at >= 11 && at < 27) return 'characteristics'
    if (at === 35) return 'data size that takes the index padding in'
    if (at >= 51 && at < dataOffset) return 'data padding'
    if (at >= dataOffset + payload && at < indexOffset) return 'index padding'
    return codecs.has(at - dataOffset) ? 'codec of a CID that is no root' : `byte ${at}`
  }

  it('is found out by verify, but for bits that mean nothing or that no hash covers', async () => {
    const bytes = carV2({ roots, blocks, dataPadding: 3, indexPadding: 2, fullyIndexed: true })
    const found = await unseen(bytes, nameOf(54, 54 + payload + 2))
    expect(found).toEqual({
      'characteristics': 16 * 8, // bit 7 of the first byte is not believed, the others have no name
      'data padding': 3 * 8,
      'data size that takes the index padding in': 1, // zeros behind the last section are as good
      'index padding': 2 * 8,
      // the seven bits of two blocks that are no root; the eighth makes a varint that goes on into the hash code
      'codec of a CID that is no root': found['codec of a CID that is no root'],
    })
    expect(found['codec of a CID that is no root']).toBeLessThanOrEqual(2 * 7)
    expect(found['codec of a CID that is no root']).toBeGreaterThan(0)
  })

  it('never crashes anything, nor reads more than there is, with our trailer behind the index', async () => {
    const bytes = concat(await collect(wrapChunks(createBytesSource(carV2({ roots, blocks })))))
    const standardEnd = carV2({ roots, blocks }).byteLength
    for (let at = 0; at < bytes.byteLength; at++) {
      const flipped = bytes.slice()
      flipped[at]! ^= 1 << (at % 8)
      const word = await verdict(flipped)
      // all of the trailer is under a checksum; zeros to the end of its pages are, too
      if (at >= standardEnd) expect(word, `byte ${at}`).toBe('CARV2_INDEX_DAMAGED')
    }
  })
})
