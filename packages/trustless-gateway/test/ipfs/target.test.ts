import fc from 'fast-check'
import { base2 } from 'multiformats/bases/base2'
import { base8 } from 'multiformats/bases/base8'
import { base10 } from 'multiformats/bases/base10'
import { base16, base16upper } from 'multiformats/bases/base16'
import { base32, base32pad, base32upper, base32z } from 'multiformats/bases/base32'
import { base36, base36upper } from 'multiformats/bases/base36'
import { base58btc, base58flickr } from 'multiformats/bases/base58'
import { base64, base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { quickCid } from '../../src/ipfs/quick-base32.ts'
import { contentPathOf } from '../../src/ipfs/target.ts'

const cid = CID.createV1(0x70, create(0x12, new Uint8Array(32).fill(5)))
const codeOf = (target: string): string | undefined => {
  try {
    contentPathOf(target)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('the CID of a path', () => {
  it.each(Object.entries({ base2, base8, base10, base16, base16upper, base32pad, base32upper, base32z, base36, base36upper, base58btc, base58flickr, base64url }))('is read in %s', (_name, base) => {
    expect(contentPathOf(`/ipfs/${base.encode(cid.bytes)}`).root.toString()).toBe(cid.toString())
  })

  it('is read in base64, whose slashes have to be encoded', () => {
    expect(contentPathOf(`/ipfs/${encodeURIComponent(base64.encode(cid.bytes))}/a`)).toMatchObject({ segments: ['a'] })
  })

  it('is read in its own form, of either version', () => {
    expect(contentPathOf(`/ipfs/${cid}`).root.equals(cid)).toBe(true)
    expect(contentPathOf(`/ipfs/${cid.toV0()}`).root.equals(cid.toV0())).toBe(true)
    expect(contentPathOf('/ipfs/bafkqaaa').root.multihash.digest).toHaveLength(0)
  })

  it.each([
    '', 'none', 'b', 'Qm', cid.toString().slice(0, -1), `${cid}x`, cid.toV0().toString().toLowerCase(), `z${cid.toV0()}`, `z${base58btc.encode(cid.toV0().bytes).slice(1)}`, '%20', '%F0%9F%9A%80', `b%C3%A4${cid.toString().slice(2)}`, `b%00${cid.toString().slice(2)}`,
    // padding, in a base without and where there is none in one with it
    `${cid}=`, `${cid}====`, `c${cid.toString().slice(1)}`, `B${cid.toString().slice(1).toUpperCase()}=`,
    `b${'a'.repeat(2000)}`, `9${'1'.repeat(1000)}`,
  ])('is refused: %s', (text) => {
    expect(codeOf(`/ipfs/${text}`)).toBe('GATEWAY_BAD_CID')
  })

  it('is the same in lower-case base32 as by the usual way, for any bytes and any text', () => {
    const texts = fc.oneof(
      fc.uint8Array({ minLength: 34, maxLength: 39 }).map((bytes) => base32.encode(bytes)),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((digest) => base32.encode(Uint8Array.from([1, 0x71, 0xa0, 0xe4, 2, 32, ...digest]))),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((digest) => base32.encode(Uint8Array.from([1, 0xa9, 2, 0x12, 32, ...digest]))),
      fc.tuple(fc.nat(130), fc.nat(130), fc.uint8Array({ minLength: 32, maxLength: 32 })).map(([codec, hash, digest]) => base32.encode(Uint8Array.from([1, codec, hash, 32, ...digest]))),
      fc.tuple(fc.nat(58), fc.string({ minLength: 1, maxLength: 1, unit: 'binary' })).map(([at, character]) => cid.toString().slice(0, at) + character + cid.toString().slice(at + 1)),
    )
    fc.assert(fc.property(texts, (text) => {
      const read = (parse: (text: string) => CID | undefined): unknown => {
        try {
          const found = parse(text)
          return found === undefined ? undefined : [found.toString(), found.version, found.code, found.multihash]
        } catch {
          return 'none'
        }
      }
      expect([undefined, read(CID.parse)]).toContainEqual(read(quickCid))
    }), { seed: 13, numRuns: 500 })
    const blake2b = CID.createV1(0x71, create(0xb220, new Uint8Array(32).fill(3)))
    const json = CID.createV1(0x0129, create(0x12, new Uint8Array(32).fill(3)))
    for (const usual of [cid, blake2b, json]) expect(quickCid(usual.toString())?.equals(usual)).toBe(true)
    // the last character has two bits that say nothing
    expect(quickCid(`${cid.toString().slice(0, -1)}r`)).toBeUndefined()
  })

  it('may hold 128 bytes itself, not more', () => {
    const identity = (length: number): string => CID.createV1(0x55, create(0, new Uint8Array(length))).toString()
    expect(contentPathOf(`/ipfs/${identity(128)}`).root.multihash.digest).toHaveLength(128)
    expect(codeOf(`/ipfs/${identity(129)}`)).toBe('GATEWAY_BAD_CID')
  })
})

describe('the segments of a path', () => {
  const segmentsOf = (path: string): readonly string[] => contentPathOf(`/ipfs/${cid}${path}`).segments

  it('are decoded one by one', () => {
    expect(segmentsOf('')).toEqual([])
    expect(segmentsOf('/')).toEqual([])
    expect(segmentsOf('/a//b/?x=/y')).toEqual(['a', 'b'])
    expect(segmentsOf('/a%20b/%C3%A4%2Fo/%E2%82%AC+')).toEqual(['a b', 'ä/o', '€+'])
    expect(segmentsOf('/.../..a/%25')).toEqual(['...', '..a', '%'])
  })

  it.each(['/%', '/%f', '/%zz', '/%ff', '/%C3', '/%ED%A0%80', '/..', '/a/../b', '/./a', '/%2e%2E', '/a b', '/ä', '/a\nb', '/a\u0000'])('are refused: %j', (path) => {
    expect(codeOf(`/ipfs/${cid}${path}`)).toBe('GATEWAY_BAD_PATH')
  })

  it('come out as they were put in', () => {
    const names = fc.array(fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => name !== '.' && name !== '..'))
    fc.assert(fc.property(names, (segments) => {
      expect(segmentsOf(`/${segments.map(encodeURIComponent).join('/')}`)).toEqual(segments)
    }), { seed: 11 })
  })

  it('and the query are kept as they were sent', () => {
    expect(contentPathOf(`/ipfs/${cid}/a%20b?format=car&x=%3f?`)).toMatchObject({ text: `/ipfs/${cid}/a%20b`, query: 'format=car&x=%3f?' })
  })
})
