import { carV1, carV2, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { crc32 } from '@dagstore/hashes'
import { buildIndex, buildIndexStream, createIndexBuilder, encodeCarV1Header, type IndexedSection, type IndexSubject, inspectCar, isSameIndex, openIndex, verifyCar } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(241)
const roots = [blocks[0]!.cid]
const payloadEnd = carV1(roots, blocks).byteLength
const subject: IndexSubject = { payloadStart: 51, payloadEnd, carV1Header: encodeCarV1Header([CID.decode(roots[0]!)]), source: undefined }
const sections: IndexedSection[] = placedBlocks(roots, blocks).map(({ sectionOffset, headBytes, cid, data }) => ({ sectionOffset, headBytes, cid, dataBytes: data.byteLength }))

/** A CARv2 whose index has a good trailer that says these things. */
const saying = (list: readonly IndexedSection[], about: IndexSubject): Uint8Array => {
  const builder = createIndexBuilder()
  for (const section of list) builder.add(section)
  return carV2({ roots, blocks, fullyIndexed: true, index: concat(builder.finish(about).encode()) })
}

describe('an index with good checksums that is not true', () => {
  it('is none when it says what the payload says', async () => {
    expect((await verifyCar(createBytesSource(saying(sections, subject)), hashes)).index).toBe('checked')
  })

  it.each<{ what: string, bytes: Uint8Array }>([
    { what: 'the length of a block', bytes: saying(sections.map((section, i) => i === 3 ? { ...section, dataBytes: section.dataBytes + 1 } : section), subject) },
    { what: 'the codec of a CID, of another length', bytes: saying(sections.map((section, i) => i === 0 ? { ...section, cid: Uint8Array.of(1, 0x80, 0x01, ...section.cid.subarray(2)), headBytes: section.headBytes + 1 } : section), subject) },
    { what: 'the end of the sections', bytes: saying(sections, { ...subject, payloadEnd: payloadEnd - 1 }) },
    { what: 'the start of the payload', bytes: saying(sections, { ...subject, payloadStart: 0 }) },
    { what: 'the roots, as after another program replaced those of the file', bytes: saying(sections, { ...subject, carV1Header: encodeCarV1Header([CID.decode(blocks[1]!.cid)]) }) },
  ])('is refused by a verification, and reported: $what', async ({ bytes }) => {
    const source = createBytesSource(bytes)
    await expect(verifyCar(source, hashes)).rejects.toMatchObject({ code: 'CARV2_BAD_INDEX', offset: indexStart(bytes) })
    expect((await inspectCar(source, { index: 'entries' })).index?.fault).toMatchObject({ code: 'CARV2_BAD_INDEX' })
  })

  it('is found out by reading all of it, when a fence would send lookups elsewhere', async () => {
    const builder = createIndexBuilder()
    const digest = (i: number): Uint8Array => { const out = new Uint8Array(32); new DataView(out.buffer).setUint32(0, Math.imul(i + 1, 0x9e3779b1) >>> 0); return out }
    for (let i = 0; i < 3000; i++) builder.add({ cid: Uint8Array.of(1, 0x55, 0x12, 0x20, ...digest(i)), sectionOffset: 50 * i, headBytes: 37, dataBytes: 13 })
    const bytes = concat(builder.finish({ payloadStart: 0, payloadEnd: 150_000, carV1Header: undefined, source: undefined }).encode())
    expect(await collect((await openIndex(slowSource(bytes))).entries())).toHaveLength(3000)
    // two fences and one bucket before the footer, under its field of a checksum
    const footerAt = bytes.byteLength - 4096
    const fencesAt = footerAt - 20 - 2 * 6
    const view = new DataView(bytes.buffer)
    bytes[fencesAt]! ^= 0x01
    const second = fencesAt - 4
    view.setUint32(footerAt + 48, crc32(bytes, second, footerAt), true)
    view.setUint32(bytes.byteLength - 4, crc32(bytes, footerAt, bytes.byteLength - 4), true)
    await expect(collect((await openIndex(slowSource(bytes))).entries())).rejects.toMatchObject({ code: 'CARV2_INDEX_DAMAGED' })
  })

  it('is damaged when its footer holds a CARv1 header that is none', async () => {
    const bytes = concat((await buildIndex(createBytesSource(carV1(roots, blocks)))).encode())
    const at = Buffer.from(bytes).lastIndexOf('version') // in the footer
    bytes[at] = 0x56
    new DataView(bytes.buffer).setUint32(bytes.byteLength - 4, crc32(bytes, bytes.byteLength - 4096, bytes.byteLength - 4), true)
    await expect(openIndex(createBytesSource(bytes))).rejects.toMatchObject({ code: 'CARV2_INDEX_DAMAGED', offset: bytes.byteLength - 4096 })
  })

  it('may not list the section of an identity CID twice', async () => {
    const identity = sections.filter(({ cid }) => cid[0] === 1 && cid[2] === 0)
    expect(identity.length).toBeGreaterThan(0)
    await expect(verifyCar(createBytesSource(saying([...sections, identity[0]!], subject)), hashes)).rejects.toMatchObject({ code: 'CARV2_BAD_INDEX' })
  })
})

const indexStart = (bytes: Uint8Array): number => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(43, true))

describe('a lookup', () => {
  it('refuses a limit that would make of every block an absent one', async () => {
    const built = await buildIndex(createBytesSource(carV1(roots, blocks)))
    for (const limit of [0, -1, NaN]) expect(() => built.view().find(blocks[0]!.multihash, { limit })).toThrow(RangeError)
  })
})

describe('isSameIndex', () => {
  const car = carV1(roots, blocks)
  const written = async (): Promise<Uint8Array> => concat((await buildIndex(createBytesSource(car))).encode())

  it.each([{ memoryBytes: 1 << 20 }, { memoryBytes: 500 }])('knows an index again, whatever source it names: $memoryBytes', async ({ memoryBytes }) => {
    const directory = createMemoryDirectory('scratch')
    const identity = { kind: 'version', tag: '"1"', sizeBytes: car.byteLength } as const
    const scratch = await directory.openWritable('a', 'new')
    const built = await buildIndexStream(createBytesSource(car, { identity }), { scratch: async () => scratch, memoryBytes })
    const bytes = await written()
    for (const source of [createBytesSource(bytes), slowSource(bytes)]) expect(await isSameIndex(source, built)).toBe(true)
    await scratch.close()
  })

  it('sees each byte that is another before the footer, and another length', async () => {
    const bytes = await written()
    const built = await buildIndexStream(createBytesSource(car), { scratch: async () => { throw new Error('all is held') } })
    for (let at = 0; at < bytes.byteLength - 4096; at += 7) {
      const wrong = bytes.slice()
      wrong[at]! ^= 1
      expect(await isSameIndex(createBytesSource(wrong), built), String(at)).toBe(false)
    }
    expect(await isSameIndex(createBytesSource(bytes.subarray(0, -1)), built)).toBe(false)
    await expect(isSameIndex(createBytesSource(bytes), built, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
  })
})

describe('a scan that is looked at', () => {
  it('shows each section before it is listed, whole where that is asked for', async () => {
    const seen: Uint8Array[] = []
    const index = await buildIndex(createBytesSource(carV1(roots, blocks)), { data: true, onSection: ({ window, cidAt, dataAt, dataBytes }) => { seen.push(window.slice(cidAt, dataAt + dataBytes)) } })
    expect(index.entryCount).toBe(blocks.length)
    expect(seen).toEqual(blocks.map(({ cid, data }) => Uint8Array.of(...cid, ...data)))
    const stop = new Error('enough')
    await expect(buildIndex(createBytesSource(carV1(roots, blocks)), { onSection: () => { throw stop } })).rejects.toBe(stop)
  })
})
