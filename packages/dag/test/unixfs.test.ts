import { UnixFS } from 'ipfs-unixfs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUnixfs } from '../src/unixfs.ts'
import { text } from './blocks.ts'

const TYPES = { raw: 'raw', directory: 'directory', file: 'file', metadata: 'metadata', symlink: 'symlink', 'hamt-sharded-directory': 'hamt' } as const

describe('decodeUnixfs', () => {
  it('reads what ipfs-unixfs writes', () => {
    const message = fc.record({
      type: fc.constantFrom(...Object.keys(TYPES) as (keyof typeof TYPES)[]),
      data: fc.option(fc.uint8Array({ minLength: 1, maxLength: 10 }), { nil: undefined }),
      // not from 2^31 to 2^32 - 1, also not in sum: protons-runtime 7.1.2 writes these wrongly
      blockSizes: fc.array(fc.bigInt({ min: 0n, max: 2n ** 28n }), { maxLength: 5 }),
      fanout: fc.option(fc.constantFrom(8n, 256n, 1024n), { nil: undefined }),
      mtime: fc.option(fc.record({ secs: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }), nsecs: fc.integer({ min: 1, max: 999_999_999 }) }), { nil: undefined }),
      mode: fc.option(fc.integer({ min: 0, max: 0o7777 }), { nil: undefined }),
    })
    fc.assert(fc.property(message, (given) => {
      const unixfs = new UnixFS({ ...given, ...(given.fanout === undefined ? {} : { hashType: 0x22n }) } as never)
      const got = decodeUnixfs(unixfs.marshal())!
      expect(got.type).toBe(TYPES[given.type])
      expect([...got.data]).toEqual([...(given.data ?? [])])
      expect(got.hasData).toBe(given.data !== undefined)
      expect(got.blockSizes).toEqual(given.blockSizes.map(Number))
      expect(got.fanout).toBe(given.fanout === undefined ? undefined : Number(given.fanout))
      expect(got.hashType).toBe(given.fanout === undefined ? undefined : 0x22)
      if (given.type === 'file' || given.type === 'raw') expect(got.fileSize).toBe(Number(unixfs.fileSize()))
    }), { seed: 6, numRuns: 500 })
  })

  it('reads packed block sizes, and fields it does not know', () => {
    expect(decodeUnixfs(Uint8Array.of(0x08, 2, 0x22, 3, 5, 0x80, 0x01))?.blockSizes).toEqual([5, 128])
    expect(decodeUnixfs(Uint8Array.of(0x08, 2, 0x78, 1, 0x7a, 1, 0, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4))?.type).toBe('file')
  })

  it('reads sizes of all lengths', () => {
    for (const size of [0, 127, 128, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 1, 2 ** 53 - 1]) {
      const varint = (value: number): number[] => (value < 0x80 ? [value] : [value % 0x80 | 0x80, ...varint(Math.floor(value / 0x80))])
      expect(decodeUnixfs(Uint8Array.from([0x08, 2, 0x18, ...varint(size), 0x20, ...varint(size)]))).toMatchObject({ fileSize: size, blockSizes: [size] })
    }
  })

  it('gives sizes above 2^53 - 1 as infinite', () => {
    expect(decodeUnixfs(Uint8Array.of(0x08, 2, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01))?.fileSize).toBe(Infinity)
    expect(decodeUnixfs(Uint8Array.of(0x08, 2, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f))?.fileSize).toBe(2 ** 53 - 1)
  })

  it.each([
    ['nothing', []], ['no type', [0x18, 1]], ['an unknown type', [0x08, 6]], ['a type beyond bounds', [0x08, 0xff, 0xff, 0xff, 0xff, 0x7f]], ['a cut varint', [0x08]], ['cut data', [0x08, 2, 0x12, 5, 1]],
    ['data as a number', [0x08, 2, 0x10, 1]], ['a type as bytes', [0x0a, 1, 2]], ['a size as bytes', [0x08, 2, 0x1a, 0]], ['cut packed sizes', [0x08, 2, 0x22, 1, 0x80]], ['a group', [0x08, 2, 0x7b]],
    ['field 0', [0x00, 0]], ['a varint of eleven bytes', [0x08, 2, 0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]], ['cut fixed bytes', [0x08, 2, 0x79, 1]], ['text', [...text('not UnixFS')]],
  ])('is nothing for %s', (_, bytes) => {
    expect(decodeUnixfs(Uint8Array.from(bytes))).toBeUndefined()
  })

  it('takes any bytes without failing', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const got = decodeUnixfs(bytes)
      expect(got === undefined || (got.blockSizes.length <= bytes.byteLength && got.data.byteLength <= bytes.byteLength)).toBe(true)
    }), { seed: 8, numRuns: 3000 })
  })
})
