import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { identity } from 'multiformats/hashes/identity'
import { sha256, sha512 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { asMultihashHasher, BLAKE2B_256, createHashes, type Hasher, type Hashes, type HashesOptions, IDENTITY, IDENTITY_MAX_BYTES, SHA2_256, SHA2_512 } from '../src/index.ts'
import { openHashes } from '../src/node.ts'
import { WebAssembly } from './web-assembly.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
/** As if random, the same in every run. */
const someBytes = (length: number): Buffer => createHash('shake256', { outputLength: length }).update('hashes').digest()
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const coded = (code: string, hashCode: number): unknown => expect.objectContaining({ name: 'HashError', code, hashCode })

// FIPS 180-2 appendix B and C; RFC 7693 parameters with 32 bytes of output, from b2sum -l 256
const KNOWN = [
  { code: SHA2_256, text: '', digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
  { code: SHA2_256, text: 'abc', digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
  { code: SHA2_512, text: 'abc', digest: 'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f' },
  { code: BLAKE2B_256, text: '', digest: '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8' },
  { code: BLAKE2B_256, text: 'abc', digest: 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319' },
  { code: IDENTITY, text: 'abc', digest: '616263' },
]

const module = new WebAssembly.Module(readFileSync(new URL('../hashes.wasm', import.meta.url)))

const forms: readonly { form: string, open: (options?: HashesOptions) => Promise<Hashes> }[] = [
  { form: 'createHashes', open: async (options) => createHashes(options) },
  { form: 'createHashes with a module', open: async (options) => createHashes({ ...options, module }) },
  { form: 'openHashes', open: (options) => openHashes(options) },
]

afterEach(() => { vi.unstubAllGlobals() })

describe.each(forms)('$form', ({ open }) => {
  it.each(KNOWN)('gives the known digest of "$text" under $code', async ({ code, text, digest }) => {
    const hashes = await open()
    const bytes = bytesOf(text)
    expect(hashes.has(code)).toBe(true)
    expect(hex(hashes.digest(code, bytes))).toBe(digest)
    expect(hashes.matches(code, Buffer.from(digest, 'hex'), bytes)).toBe(true)
  })

  it('gives multihashes as multiformats does', async () => {
    const hashes = await open()
    for (const bytes of [bytesOf(''), bytesOf('abc'), someBytes(300)]) {
      expect(hashes.multihash(SHA2_256, bytes)).toEqual((await sha256.digest(bytes)).bytes)
      expect(hashes.multihash(SHA2_512, bytes)).toEqual((await sha512.digest(bytes)).bytes)
      expect(hashes.multihash(IDENTITY, bytes)).toEqual(identity.digest(bytes).bytes)
      expect(hex(hashes.multihash(BLAKE2B_256, bytes)).slice(0, 8)).toBe('a0e40220')
    }
  })

  it('matches the right digest only', async () => {
    const hashes = await open()
    fc.assert(fc.property(fc.constantFrom(SHA2_256, SHA2_512, BLAKE2B_256, IDENTITY), fc.uint8Array({ minLength: 1, maxLength: 5000 }), fc.nat(), (code, bytes, flip) => {
      if (code === IDENTITY && bytes.byteLength > IDENTITY_MAX_BYTES) return
      const digest = hashes.digest(code, bytes)
      expect(hashes.matches(code, digest, bytes)).toBe(true)
      const wrong = Uint8Array.from(digest)
      wrong[flip % wrong.byteLength]! ^= 1 << (flip % 8)
      expect(hashes.matches(code, wrong, bytes)).toBe(false)
    }), { seed: 1, numRuns: 200 })
  })

  it('matches no digest of another length', async () => {
    const hashes = await open()
    for (const code of [SHA2_256, SHA2_512, BLAKE2B_256, IDENTITY]) {
      const digest = hashes.digest(code, bytesOf('abc'))
      expect(hashes.matches(code, digest.subarray(0, -1), bytesOf('abc'))).toBe(false)
      expect(hashes.matches(code, new Uint8Array(0), bytesOf('abc'))).toBe(false)
      expect(hashes.matches(code, Uint8Array.from([...digest, 0]), bytesOf('abc'))).toBe(false)
    }
  })

  it('takes views into larger memory and gives memory of its own', async () => {
    const hashes = await open()
    const large = someBytes(4096)
    for (const code of [SHA2_256, SHA2_512, BLAKE2B_256, IDENTITY]) {
      const view = new Uint8Array(large.buffer, large.byteOffset + 100, 1000)
      const first = hashes.digest(code, view)
      const copy = Uint8Array.from(first)
      expect(first.buffer.byteLength).toBe(first.byteLength)
      expect(hashes.digest(code, Uint8Array.from(view))).toEqual(first)
      hashes.digest(code, bytesOf('something else'))
      expect(first).toEqual(copy)
      expect(hashes.matches(code, new Uint8Array([0, ...first]).subarray(1), view)).toBe(true)
    }
  })

  it('refuses a code without a hasher, in hex', async () => {
    const hashes = await open()
    const unknown = coded('HASH_UNKNOWN', 0x1e)
    expect(hashes.has(0x1e)).toBe(false)
    expect(() => hashes.digest(0x1e, bytesOf(''))).toThrow(unknown as Error)
    expect(() => hashes.digest(0x1e, bytesOf(''))).toThrow('0x1e')
    expect(() => hashes.multihash(0x1e, bytesOf(''))).toThrow(unknown as Error)
    expect(() => hashes.matches(0x1e, bytesOf(''), bytesOf(''))).toThrow(unknown as Error)
    expect(() => hashes.name(0x1e)).toThrow(unknown as Error)
    expect(() => asMultihashHasher(hashes, 0x1e)).toThrow(unknown as Error)
  })

  it('makes no identity digest that is too long, but compares it', async () => {
    const hashes = await open()
    const longest = new Uint8Array(IDENTITY_MAX_BYTES)
    expect(hashes.digest(IDENTITY, longest)).toEqual(longest)
    const longer = new Uint8Array(IDENTITY_MAX_BYTES + 1)
    expect(() => hashes.digest(IDENTITY, longer)).toThrow(coded('HASH_TOO_LONG', IDENTITY) as Error)
    expect(hashes.matches(IDENTITY, longer, longer)).toBe(true)
  })

  it('takes further hash functions, and better forms of its own', async () => {
    const sha1: Hasher = { code: 0x11, name: 'sha1', digest: (bytes) => Uint8Array.from(createHash('sha1').update(bytes).digest()) }
    let calls = 0
    const own: Hasher = { code: SHA2_256, name: 'sha2-256', digest: () => { calls++; return new Uint8Array(32) } }
    const hashes = await open({ hashers: [sha1, own] })
    expect(hex(hashes.digest(0x11, bytesOf('abc')))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d')
    expect(hashes.matches(0x11, hashes.digest(0x11, bytesOf('abc')), bytesOf('abc'))).toBe(true)
    expect(hashes.matches(0x11, new Uint8Array(20), bytesOf('abc'))).toBe(false)
    expect(hashes.matches(SHA2_256, new Uint8Array(32), bytesOf('abc'))).toBe(true)
    expect(calls).toBe(1)
  })

  it('refuses two hashers of one code, and a bad code', async () => {
    const own: Hasher = { code: SHA2_256, name: 'sha2-256', digest: () => new Uint8Array(32) }
    await expect(open({ hashers: [own, own] })).rejects.toThrow(TypeError)
    await expect(open({ hashers: [{ ...own, code: -1 }] })).rejects.toThrow(TypeError)
  })

  it('goes where a multiformats hasher is asked for, at once', async () => {
    const hashes = await open()
    const hasher = asMultihashHasher(hashes, SHA2_256)
    const bytes = bytesOf('abc')
    expect(hasher.name).toBe('sha2-256')
    expect(hasher.digest(bytes)).toEqual(await sha256.digest(bytes))
    expect(hasher.digest(bytes, { truncate: 20 })).toEqual(await sha256.digest(bytes, { truncate: 20 }))
    expect(hasher.encode(bytes)).toEqual(await sha256.encode(bytes))
    expect(asMultihashHasher(hashes, BLAKE2B_256)).toMatchObject({ name: 'blake2b-256', code: BLAKE2B_256 })
    expect(asMultihashHasher(hashes, IDENTITY).digest(bytes)).toEqual(identity.digest(bytes))
  })
})

describe('openHashes', () => {
  it('gives the digests of the plain forms for every length around a block of the function', async () => {
    const plain = createHashes()
    const fast = await openHashes()
    const bytes = someBytes(300)
    for (const code of [SHA2_256, SHA2_512, BLAKE2B_256]) {
      for (let length = 0; length <= 300; length++) {
        expect(hex(fast.digest(code, bytes.subarray(0, length)))).toBe(hex(plain.digest(code, bytes.subarray(0, length))))
      }
    }
    const large = someBytes(3_000_000)
    for (const code of [SHA2_256, SHA2_512, BLAKE2B_256]) expect(hex(fast.digest(code, large))).toBe(hex(plain.digest(code, large)))
  })

  it.each([
    { why: 'WebAssembly is missing', host: undefined },
    { why: 'the processor lacks the vectors', host: { ...WebAssembly, validate: (): boolean => false } },
    { why: 'compiling is forbidden', host: { validate: (): boolean => true, Module: class { constructor () { throw new Error('policy') } } } },
  ])('falls back on plain JavaScript where $why', async ({ host }) => {
    vi.stubGlobal('WebAssembly', host)
    vi.resetModules()
    const { openHashes: openFresh } = await import('../src/node.ts')
    const hashes = await openFresh()
    expect(hex(hashes.digest(BLAKE2B_256, bytesOf('abc')))).toBe(KNOWN.find(({ code, text }) => code === BLAKE2B_256 && text === 'abc')?.digest)
  })
})
