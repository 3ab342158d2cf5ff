import { carV1, carV1Header, carV2, concat, makeBlock, section } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { buildIndex, CAR_LIMITS, type CarLimits, encodeVarint, extractPayload, inspectCar, readLayout, readVersion, scanSections, verifyCar, wrapChunks } from '../src/index.ts'
import { collect, scanAll, slowSource } from './support.ts'

const hashes = createHashes()
const block = makeBlock(Uint8Array.of(1, 2, 3))

/** Everything that reads whole files, by what it takes limits from. */
const readers: Readonly<Record<string, (bytes: Uint8Array, limits: CarLimits) => Promise<unknown>>> = {
  buildIndex: (bytes, limits) => buildIndex(slowSource(bytes), limits),
  inspectCar: (bytes, limits) => inspectCar(slowSource(bytes), limits),
  scanSections: async (bytes, limits) => scanAll(scanSections(slowSource(bytes), await readLayout(slowSource(bytes), limits), limits)),
  verifyCar: (bytes, limits) => verifyCar(slowSource(bytes), hashes, limits),
  wrapChunks: (bytes, limits) => collect(wrapChunks(slowSource(bytes), limits)),
  extractPayload: (bytes, limits) => collect(extractPayload(slowSource(bytes), { ...limits, padding: 'drop' })),
}
const names = Object.keys(readers)

describe('the limits of go-car', () => {
  it('are the defaults', () => {
    expect(CAR_LIMITS).toEqual({ maxHeaderBytes: 32 * 1024 * 1024, maxSectionBytes: 8 * 1024 * 1024, maxCidBytes: 2048 })
  })

  it.each(names)('hold for headers: %s', async (name) => {
    const header = carV1Header([block.cid])
    const body = header.byteLength - 1
    for (const bytes of [carV1([block.cid], [block]), carV2({ roots: [block.cid], blocks: [block] })]) {
      await expect(readers[name]!(bytes, { maxHeaderBytes: body - 1 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
      await readers[name]!(bytes, { maxHeaderBytes: body })
    }
    // badheaderlength.car of go-car: a length that no memory has
    const huge = concat([encodeVarint(2 ** 45), new Uint8Array(30)])
    await expect(readers[name]!(huge, {})).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 0 })
    await expect(readVersion(slowSource(huge))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
  })

  it.each(names)('hold for sections, CID and data together, those that are only skipped too: %s', async (name) => {
    const length = block.cid.byteLength + block.data.byteLength
    const bytes = carV1([block.cid], [block])
    await expect(readers[name]!(bytes, { maxSectionBytes: length - 1 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 59 })
    await readers[name]!(bytes, { maxSectionBytes: length })
    // badsectionlength.car of go-car
    const huge = concat([carV1Header([block.cid]), encodeVarint(216_830_324_832), block.cid])
    await expect(readers[name]!(huge, {})).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 59 })
  })

  it.each(names)('hold for CIDs: %s', async (name) => {
    const long = makeBlock(new Uint8Array(100).fill(1), { hash: 'identity' })
    const bytes = concat([carV1Header([block.cid]), section(block), section(long)])
    await expect(readers[name]!(bytes, { maxCidBytes: long.cid.byteLength - 1 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
    await readers[name]!(bytes, { maxCidBytes: long.cid.byteLength })
    const above = makeBlock(new Uint8Array(2045).fill(1), { hash: 'identity' })
    await expect(readers[name]!(concat([carV1Header([block.cid]), section(block), section(above)]), {})).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
  })

  it('take only lengths', async () => {
    for (const limits of [{ maxHeaderBytes: 0 }, { maxSectionBytes: 2 ** 32 }, { maxCidBytes: 1.5 }, { maxCidBytes: NaN }]) {
      await expect(inspectCar(createBytesSource(carV1([], [])), limits)).rejects.toThrow(RangeError)
    }
  })
})
