import { UnixFS } from 'ipfs-unixfs'
import { describe, expect, it } from 'vitest'
import { encodeUnixfs } from '../src/unixfs-data.ts'

/** Without the range that the library writes wrongly: 2^31 to 2^32 - 1. */
const SIZES = [0, 1, 127, 128, 16383, 16384, 2 ** 21, 2 ** 28, 2 ** 31 - 1, 2 ** 32, 2 ** 35, 2 ** 42, 2 ** 49, 2 ** 53 - 1]
const GIB = 2 ** 30

describe('the message inside a UnixFS node', () => {
  it('is that of ipfs-unixfs, where that is right', () => {
    const data = Uint8Array.of(1, 2, 3)
    expect(encodeUnixfs({ type: 'directory' })).toEqual(new UnixFS({ type: 'directory' }).marshal())
    expect(encodeUnixfs({ type: 'file', data, fileBytes: 3 })).toEqual(new UnixFS({ type: 'file', data }).marshal())
    expect(encodeUnixfs({ type: 'file', fileBytes: 0 })).toEqual(new UnixFS({ type: 'file', data: new Uint8Array(0) }).marshal())
    expect(encodeUnixfs({ type: 'shard', data, hashType: 0x22, fanOut: 256 })).toEqual(new UnixFS({ type: 'hamt-sharded-directory', data, hashType: 0x22n, fanout: 256n }).marshal())
    for (const size of SIZES) {
      expect(encodeUnixfs({ type: 'file', fileBytes: size, blockSizes: [size] }), `size ${size}`).toEqual(new UnixFS({ type: 'file', blockSizes: [BigInt(size)] }).marshal())
    }
  })

  it.each([2 * GIB, 2 * GIB + 1, 3 * GIB, 4 * GIB - 1])('tells of a file of %i bytes what a reader finds', (size) => {
    const bytes = encodeUnixfs({ type: 'file', fileBytes: size, blockSizes: [size] })
    expect(UnixFS.unmarshal(bytes).blockSizes).toEqual([BigInt(size)])
    // 18 filesize, 20 blocksize: five bytes each
    expect(bytes.byteLength).toBe(2 + 6 + 6)
    expect(bytes.subarray(3, 8)).toEqual(bytes.subarray(9, 14))
  })

  it('keeps the target of a symbolic link, even an empty one', () => {
    expect(encodeUnixfs({ type: 'symlink', data: new Uint8Array(0) })).toEqual(Uint8Array.of(0x08, 0x04, 0x12, 0x00))
  })
})
