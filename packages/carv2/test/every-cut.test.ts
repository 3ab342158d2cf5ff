import { carV1, carV1Header, carV2, makeBlock, placedBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { buildIndex, CarV2Error, inspectCar, readLayout, readVersion, scanSections, verifyCar } from '../src/index.ts'
import { scanAll, slowSource } from './support.ts'

const hashes = createHashes()
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const blocks = [makeBlock(ascii('first')), makeBlock(new Uint8Array(0), { hash: 'blake2b-256', codec: 0x71 }), makeBlock(ascii('x'), { hash: 'identity' }), makeBlock(new Uint8Array(200).fill(3))]
const roots = [blocks[0]!.cid]
const header = carV1Header(roots).byteLength
const placed = placedBlocks(roots, blocks)
/** Where a CARv1 may end without anybody noticing, and with how many blocks. */
const ends = new Map([[header, 0], ...placed.map(({ sectionOffset, headBytes, data }, i): [number, number] => [sectionOffset + headBytes + data.byteLength, i + 1])])

type Outcome = string | number
/** What an operation says: a number of blocks, or a code with its place. */
const outcome = async (work: () => Promise<number>): Promise<Outcome> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    return `${error.code} at ${error.offset}`
  }
}
const all = async (bytes: Uint8Array): Promise<Record<'scan' | 'index' | 'inspect' | 'verify', Outcome>> => {
  const source = slowSource(bytes)
  const result = {
    scan: await outcome(async () => (await scanAll(scanSections(source, await readLayout(source)))).sections.length),
    index: await outcome(async () => (await buildIndex(source)).entryCount),
    inspect: await outcome(async () => (await inspectCar(source, { hashes })).blockCount),
    verify: await outcome(async () => (await verifyCar(source, hashes)).blockCount),
  }
  expect(source.reads.every(({ at, length }) => at + length <= bytes.byteLength)).toBe(true)
  return result
}
const everywhere = (word: Outcome, verify: Outcome = word): Record<string, Outcome> => ({ scan: word, index: word, inspect: word, verify })

describe('a file that is cut at every byte', () => {
  it('is, as a CARv1, a clean end between sections and torn elsewhere, with the end of the last whole section', async () => {
    const v1 = carV1(roots, blocks)
    for (let cut = 0; cut <= v1.byteLength; cut++) {
      const count = ends.get(cut)
      const lastEnd = Math.max(0, ...[...ends.keys()].filter((end) => end <= cut))
      const expected = cut < header
        ? everywhere(`CARV2_TRUNCATED at ${cut}`)
        : count === undefined
          ? everywhere(`CARV2_TRUNCATED at ${lastEnd}`)
          : everywhere(count, count === 0 ? 'CARV2_ROOT_MISSING at 0' : count)
      expect(await all(v1.slice(0, cut)), `cut=${cut}`).toEqual(expected)
    }
  })

  it('is, as a padded CARv1, whole wherever the zeros end', async () => {
    const padded = carV1(roots, blocks, { paddingBytes: 40 })
    const end = padded.byteLength - 40
    for (let cut = end; cut <= padded.byteLength; cut++) {
      expect(await all(padded.slice(0, cut)), `cut=${cut}`).toEqual(everywhere(4))
      expect((await verifyCar(createBytesSource(padded.slice(0, cut)), hashes)).paddingBytes).toBe(cut - end)
    }
  })

  it('is, as a CARv2, damage of the header, torn, or readable with a broken index, which is said', async () => {
    const v2 = carV2({ roots, blocks, dataPadding: 6, indexPadding: 5 })
    const dataEnd = 57 + carV1(roots, blocks).byteLength
    const indexOffset = dataEnd + 5
    for (let cut = 0; cut <= v2.byteLength; cut++) {
      const bytes = v2.slice(0, cut)
      const found = await all(bytes)
      if (cut < 51 || (cut >= 57 && cut < dataEnd)) {
        expect(found, `cut=${cut}`).toEqual(everywhere(`CARV2_TRUNCATED at ${cut}`))
      } else if (cut < 57) {
        expect(found, `cut=${cut}`).toEqual(everywhere('CARV2_BAD_HEADER at 27'))
      } else if (cut < indexOffset) {
        // the payload is there, the index is not: who asks for the layout alone has to say that no index is needed
        const refused = `CARV2_TRUNCATED at ${cut}`
        expect(found, `cut=${cut}`).toEqual({ scan: refused, index: 4, inspect: 4, verify: refused })
        expect((await readLayout(createBytesSource(bytes), { badIndex: 'report' })).indexFault).toMatchObject({ code: 'CARV2_TRUNCATED', offset: cut })
        expect((await verifyCar(createBytesSource(bytes), hashes, { policy: { index: 'ignore' } })).index).toBe('ignored')
      } else if (cut < v2.byteLength) {
        expect({ ...found, verify: String(found.verify).split(' ')[0] }, `cut=${cut}`).toEqual(everywhere(4, 'CARV2_BAD_INDEX'))
        expect((await inspectCar(createBytesSource(bytes))).index?.fault, `cut=${cut}`).toMatchObject({ code: 'CARV2_BAD_INDEX' })
      } else {
        expect(found).toEqual(everywhere(4))
        expect((await inspectCar(createBytesSource(bytes))).index?.fault).toBeUndefined()
      }
    }
  })

  it('has the version that its first bytes claim', async () => {
    const v2 = carV2({ roots, blocks })
    const v1 = carV1(roots, blocks)
    for (let cut = 0; cut <= v1.byteLength; cut += 7) {
      expect(await outcome(() => readVersion(slowSource(v1.slice(0, cut))))).toBe(cut < header ? `CARV2_TRUNCATED at ${cut}` : 1)
      expect(await outcome(() => readVersion(slowSource(v2.slice(0, cut))))).toBe(cut < 11 ? `CARV2_TRUNCATED at ${cut}` : 2)
    }
    expect(await readVersion(createBytesSource(Uint8Array.of(0x0a, 0xa1, 0x67, ...ascii('version'), 0x07)))).toBe(7)
  })
})

describe('go-car defect 1: a torn tail', () => {
  it('is in no index, neither of a CARv1 nor where a section runs past the data size of a CARv2', async () => {
    const v1 = carV1(roots, blocks)
    await expect(buildIndex(createBytesSource(v1.subarray(0, -1)))).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: placed[3]!.sectionOffset })
    const v2 = carV2({ roots, blocks })
    new DataView(v2.buffer).setBigUint64(35, BigInt(v1.byteLength - 1), true)
    await expect(buildIndex(createBytesSource(v2))).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: 51 + placed[3]!.sectionOffset })
  })
})

describe('go-car defect 7: an index that is held whole by every open', () => {
  it('is not read further than its heads by readLayout and inspectCar', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => makeBlock(Uint8Array.of(i, i >> 8)))
    const bytes = carV2({ roots: [], blocks: many })
    const source = slowSource(bytes)
    const { indexOffset } = await readLayout(source)
    expect(source.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(5000)
    await inspectCar(source)
    const ofIndex = source.reads.filter(({ at }) => at >= indexOffset!).reduce((sum, { length }) => sum + length, 0)
    expect(ofIndex).toBeLessThan(24_000)
    expect(bytes.byteLength - indexOffset!).toBeGreaterThan(100_000)
  })
})
