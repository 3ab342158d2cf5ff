import { carV2Header } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { decodeHeader, encodeHeader, HEADER_BYTES, PRAGMA, PRAGMA_BYTES } from '../src/index.ts'

describe('decodeHeader', () => {
  it('reports an absent index as undefined, never as 0', () => {
    expect(decodeHeader(carV2Header(51n, 1n, 0n)).indexOffset).toBeUndefined()
  })

  it('reads the first bit of the characteristics and ignores the others', () => {
    expect(decodeHeader(carV2Header(51n, 1n, 52n, 0x80))).toEqual({ fullyIndexed: true, characteristics: Uint8Array.of(0x80, ...new Uint8Array(15)), dataOffset: 51, dataSize: 1, indexOffset: 52 })
    expect(decodeHeader(carV2Header(51n, 1n, 52n, 0x7f)).fullyIndexed).toBe(false)
  })

  it.each([
    { why: 'data starts inside the header', bytes: carV2Header(50n, 1n, 0n), code: 'CARV2_BAD_HEADER', offset: 27 },
    { why: 'there is no data', bytes: carV2Header(51n, 0n, 0n), code: 'CARV2_BAD_HEADER', offset: 35 },
    { why: 'index starts inside the data', bytes: carV2Header(51n, 10n, 60n), code: 'CARV2_BAD_HEADER', offset: 43 },
    { why: 'the data offset is above 2^53', bytes: carV2Header(2n ** 53n, 1n, 0n), code: 'CARV2_BAD_HEADER', offset: 27 },
    { why: 'the data size is negative in Go', bytes: carV2Header(51n, 2n ** 64n - 5n, 0n), code: 'CARV2_BAD_HEADER', offset: 35 },
    { why: 'offset and size together are above 2^53', bytes: carV2Header(2n ** 53n - 1n, 2n ** 53n - 1n, 0n), code: 'CARV2_BAD_HEADER', offset: 35 },
    { why: 'it was never written', bytes: new Uint8Array(HEADER_BYTES), code: 'CARV2_NOT_FINALIZED', offset: 11 },
    { why: 'one byte is missing', bytes: carV2Header(51n, 1n, 0n).subarray(1), code: 'CARV2_TRUNCATED', offset: 11 },
  ])('rejects a header when $why', ({ bytes, code, offset }) => {
    expect(() => decodeHeader(bytes)).toThrow(expect.objectContaining({ code, offset }))
  })
})

describe('encodeHeader', () => {
  it.each([
    { fullyIndexed: false, dataOffset: 51, dataSize: 1, indexOffset: undefined },
    { fullyIndexed: true, dataOffset: 4000, dataSize: 2 ** 40, indexOffset: 2 ** 41 },
  ])('makes what decodeHeader reads: %o', (header) => {
    expect(decodeHeader(encodeHeader(header))).toMatchObject(header)
  })

  it('keeps all bits of the characteristics, and sets or clears the one that has a name', () => {
    const characteristics = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
    const fields = { dataOffset: 51, dataSize: 1, indexOffset: undefined }
    const marked = encodeHeader({ ...fields, fullyIndexed: true, characteristics })
    expect([...marked.subarray(0, 3)]).toEqual([0x81, 2, 3])
    expect(decodeHeader(marked)).toMatchObject({ fullyIndexed: true })
    expect(encodeHeader({ ...decodeHeader(marked), fullyIndexed: false }).subarray(0, 16)).toEqual(characteristics)
    expect(() => encodeHeader({ ...fields, fullyIndexed: true, characteristics: new Uint8Array(15) })).toThrow(RangeError)
  })

  it('writes the bytes of a plain writer', () => {
    expect(encodeHeader({ fullyIndexed: true, dataOffset: 100, dataSize: 7, indexOffset: 200 })).toEqual(carV2Header(100n, 7n, 200n, 0x80))
    expect(PRAGMA).toHaveLength(PRAGMA_BYTES)
  })

  it.each([
    { fullyIndexed: false, dataOffset: 50, dataSize: 1, indexOffset: undefined },
    { fullyIndexed: false, dataOffset: 51, dataSize: 0, indexOffset: undefined },
    { fullyIndexed: false, dataOffset: 51, dataSize: 10, indexOffset: 60 },
    { fullyIndexed: false, dataOffset: 51.5, dataSize: 10, indexOffset: undefined },
  ])('refuses what decodeHeader would refuse: %o', (header) => {
    expect(() => encodeHeader(header)).toThrow(RangeError)
  })
})
