import { readFile } from 'node:fs/promises'
import { openHashes } from '@dagstore/hashes/node'
import { concat } from '@dagstore-tooling/fixtures'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { decodeReference, encodeReference, keyCid, keyOf } from '../src/index.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const LEAF = 'bafk2bzacedduqyg5osaop5fvvzyf7ejx5efavif4m7losdhya6g5m2l5xw3k2'
const KEY = '/filestore/UDSAEIGHJBQN25EA472LLLTQL6ITP2IKBKQLYZ6W5EGPQB4N2ZUX3PNWVU'
const VALUE = '0a0d646174612f7a65726f2e62696e100018808040'

describe('1 MiB of zeros in /data/zero.bin, as Lotus has it', () => {
  it('is this leaf, under this key', async () => {
    const hashes = await openHashes()
    const leaf = CID.parse(LEAF)
    expect(hashes.matches(0xb220, leaf.multihash.digest, new Uint8Array(1 << 20))).toBe(true)
    expect(new TextDecoder().decode(keyOf(leaf.multihash.bytes))).toBe(KEY)
  })
  it('has these bytes', () => {
    expect(hex(encodeReference({ path: '/data/zero.bin', offset: 0, size: 1 << 20 }))).toBe(VALUE)
    expect(decodeReference(Buffer.from(VALUE, 'hex'))).toEqual({ path: '/data/zero.bin', offset: 0, size: 1 << 20 })
  })
  it('is a section of 94 bytes under an identity key', () => {
    const { multihash } = CID.parse(LEAF)
    const key = keyCid(multihash.bytes, 'identity-keys')
    expect(hex(key.bytes)).toBe(`01550045${Buffer.from(KEY).toString('hex')}`)
    expect(key.bytes.byteLength + VALUE.length / 2).toBe(0x5e)
    expect(hex(keyCid(multihash.bytes, 'sha2-keys').bytes)).toMatch(/^01551220[0-9a-f]{64}$/)
  })
  it('stands like that in the text on the format', async () => {
    const text = await readFile(new URL('../../../docs/formats/ref-car.md', import.meta.url), 'utf8')
    const { multihash } = CID.parse(LEAF)
    for (const part of [LEAF, KEY, VALUE, hex(keyCid(multihash.bytes, 'sha2-keys').bytes)]) expect(text).toContain(part)
  })
})

describe('a reference', () => {
  it('comes back as it was', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((name) => !/[/\0]|^\.{1,2}$|\p{Surrogate}/u.test(name)), { minLength: 1, maxLength: 6 }), fc.maxSafeNat(), fc.maxSafeNat(), (names, offset, size) => {
      const path = `/${names.join('/')}`
      if (/^\/https?:/.test(path)) return
      expect(decodeReference(encodeReference({ path, offset, size }))).toEqual({ path, offset, size })
    }))
  })
  it('may have its fields in any order, others between them, and none for zeros', () => {
    const path = Buffer.from('0a0161', 'hex')
    const [offset, size, unknown] = [Buffer.from('1005', 'hex'), Buffer.from('1807', 'hex'), Buffer.from('2201ff', 'hex')]
    expect(decodeReference(concat([size, unknown, path, offset]))).toEqual({ path: '/a', offset: 5, size: 7 })
    expect(decodeReference(path)).toEqual({ path: '/a', offset: 0, size: 0 })
    expect(decodeReference(concat([path, Buffer.from('25ffffffff29ffffffffffffffff3007', 'hex')]))).toEqual({ path: '/a', offset: 0, size: 0 })
    // as other writers may put numbers
    expect(decodeReference(concat([path, Buffer.from('10858000', 'hex')]))).toEqual({ path: '/a', offset: 5, size: 0 })
  })
  it('leads where Go finds it: the path is cleaned', () => {
    const of = (text: string): string => decodeReference(concat([Uint8Array.of(0x0a, text.length), Buffer.from(text)])).path
    expect(of('a/./b//c')).toBe('/a/b/c')
    expect(of('a/../../etc/x')).toBe('/etc/x')
    expect(of('/a')).toBe('/a')
  })
  it.each([
    ['nothing', ''], ['no path', '10051807'], ['an empty path', '0a00'], ['a path cut off', '0a0261'], ['a number cut off', '0a01611080'],
    ['a number above 2^53', '0a016110ffffffffffffffffff01'], ['an offset of bytes', '0a01611201ff'], ['a path of no text', '0a01ff'], ['a group', '0a01611b1c'],
    ['the folder of all', '0a012f'], ['a path with NUL', '0a026100'], ['a URL', '0a0a687474703a2f2f782f79'], ['a URL with TLS', '0a0b68747470733a2f2f782f79'],
  ])('is refused with %s', (_, bytes) => {
    expect(() => decodeReference(Buffer.from(bytes, 'hex'))).toThrow(expect.objectContaining({ code: 'REF_CAR_BAD_REFERENCE' }))
  })
  it.each(['', '/', 'a', '/a/../b', '/a//b', '/a/', '/\ud800', '/a\0', `/${'x'.repeat(4096)}`])('is not made of the path %j', (path) => {
    expect(() => encodeReference({ path, offset: 0, size: 1 })).toThrow(expect.objectContaining({ code: 'REF_CAR_BAD_REFERENCE' }))
  })
  it('is never made of anything that fails otherwise', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        expect(decodeReference(bytes).path).toMatch(/^\/./s)
      } catch (error) {
        expect(error).toMatchObject({ code: 'REF_CAR_BAD_REFERENCE' })
      }
    }))
  })
})
