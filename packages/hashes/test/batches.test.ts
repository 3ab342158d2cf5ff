import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { blake2b } from '@noble/hashes/blake2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLAKE2B_256, createHashes, type Hasher, type Hashes, SHA2_256, SHA2_512 } from '../src/index.ts'
import { batchedSha2256 } from '../src/node/batched-sha2-256.ts'
import { cryptoSha2256 } from '../src/node/crypto-hashers.ts'
import { hasShaInstructions } from '../src/node/sha-instructions.ts'
import { openHashes } from '../src/node.ts'
import { sha2256 } from '../src/pure-hashers.ts'
import { type BatchHasher, createWasmHashers } from '../src/wasm-hashers.ts'
import { WebAssembly } from './web-assembly.ts'

const wasm = createWasmHashers(new WebAssembly.Module(readFileSync(new URL('../hashes.wasm', import.meta.url))))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const source = createHash('shake256', { outputLength: 400_000 }).update('batches').digest()
/** Blocks of these lengths, each with bytes of its own, at odd addresses. */
const blocksOf = (lengths: readonly number[]): Uint8Array[] => lengths.map((length, i) => new Uint8Array(source.buffer, source.byteOffset + 7 * i + 1, length))
const want = { [SHA2_256]: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex'), [BLAKE2B_256]: (bytes: Uint8Array) => hex(blake2b(bytes, { dkLen: 32 })) }

const fours = batchedSha2256(cryptoSha2256, wasm.sha2256, false)
const subjects: readonly { what: string, hasher: Hasher, code: keyof typeof want }[] = [
  { what: 'sha2-256 in WebAssembly', hasher: wasm.sha2256, code: SHA2_256 },
  { what: 'blake2b-256 in WebAssembly', hasher: wasm.blake2b256, code: BLAKE2B_256 },
  { what: 'sha2-256 of a processor without instructions for it', hasher: fours, code: SHA2_256 },
  { what: 'sha2-256 of a processor with instructions for it', hasher: batchedSha2256(cryptoSha2256, wasm.sha2256, true), code: SHA2_256 },
]

describe.each(subjects)('$what', ({ hasher, code }) => {
  const hashes = createHashes({ hashers: [hasher] })
  const check = (lengths: readonly number[]): void => {
    const blocks = blocksOf(lengths)
    const digests = hashes.digestAll(code, blocks)
    expect(digests.map(hex)).toEqual(blocks.map((bytes) => want[code](bytes)))
    expect(hashes.matchesAll(code, digests, blocks)).toEqual(blocks.map(() => true))
    for (const [i, bytes] of blocks.entries()) {
      expect(hex(hashes.digest(code, bytes))).toBe(hex(digests[i]!))
      expect(hashes.matches(code, digests[i]!, bytes)).toBe(true)
    }
  }
  it('hashes batches of equal and mixed lengths', () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 55, 56, 63, 64, 119, 120, 127, 128, 256, 1024))), check), { seed: 1, numRuns: 100 })
  })
  // a call takes 64 KiB of one message, 16 of each of four
  it.each([16_320, 16_375, 16_376, 16_384, 16_385, 32_640, 32_768, 32_769, 65_471, 65_472, 65_473, 65_536, 65_537, 130_944, 131_072, 200_001])('crosses the parts in which it takes long messages, at %i bytes', (length) => {
    check([length, length, length, length, length])
  })
  it('takes four messages with as much padding, whatever their lengths', () => {
    const blocks = 258
    check([64 * blocks - 9, 64 * blocks - 72, 64 * blocks - 40, 64 * blocks - 9])
  })
  it('has no batch for nothing', () => {
    expect(hashes.digestAll(code, [])).toEqual([])
    expect(hashes.matchesAll(code, [], [])).toEqual([])
  })
  it('finds the block that does not match, and a digest that is cut', () => {
    const blocks = blocksOf([100, 100, 100, 100, 100, 100])
    const digests = hashes.digestAll(code, blocks)
    digests[1] = Uint8Array.from(digests[1]!, (byte, at) => at === 31 ? byte ^ 1 : byte)
    digests[4] = digests[4]!.subarray(0, 20)
    expect(hashes.matchesAll(code, digests, blocks)).toEqual([true, false, true, true, false, true])
  })
  it('gives digests of the caller\'s own memory', () => {
    const blocks = blocksOf([64, 64, 64, 64, 64])
    const digests = hashes.digestAll(code, blocks)
    const copies = digests.map(hex)
    hashes.digestAll(code, blocksOf([200, 200, 200, 200, 200]))
    expect(digests.map(hex)).toEqual(copies)
    // memory that could be sent to another thread: no view of the module's
    for (const digest of digests) expect(digest.buffer.byteLength).toBe(32)
    expect(hashes.digest(code, blocks[0]!).buffer.byteLength).toBe(32)
  })
  it('is not disturbed by the other functions of the same instance', () => {
    const blocks = blocksOf([1000, 1000, 1000, 1000])
    const digests = hashes.digestAll(code, blocks)
    for (const other of subjects) other.hasher.digest(blocks[0]!)
    expect(hashes.matchesAll(code, digests, blocks)).toEqual([true, true, true, true])
  })
})

describe('batchedSha2256', () => {
  const used = (hasInstructions: boolean, lengths: readonly number[]): string => {
    const calls: string[] = []
    const spy = (name: string, hasher: Hasher): BatchHasher => ({
      ...hasher,
      digest: (bytes) => { calls.push(name); return hasher.digest(bytes) },
      digestAll: (blocks) => { calls.push(name); return blocks.map((bytes) => hasher.digest(bytes)) },
      matchesAll: (blocks) => { calls.push(name); return blocks.map(() => true) },
    })
    batchedSha2256(spy('one', sha2256), spy('many', sha2256), hasInstructions).digestAll!(blocksOf(lengths))
    return [...new Set(calls)].join()
  }
  it('uses the lanes of a vector for small blocks, and for all where the processor has nothing better', () => {
    expect(used(true, [64, 128])).toBe('many')
    expect(used(true, [64, 129])).toBe('one')
    expect(used(false, [64, 5000])).toBe('many')
  })
  it('asks the processor', () => {
    expect(hasShaInstructions()).toBe(hasShaInstructions())
  })
})

describe.each<{ form: string, open: () => Promise<Hashes> }>([
  { form: 'createHashes', open: async () => createHashes() },
  { form: 'openHashes', open: () => openHashes() },
])('$form', ({ open }) => {
  it('does batches of every code as it does single blocks', async () => {
    const hashes = await open()
    const blocks = blocksOf([0, 10, 10, 300, 300])
    for (const code of [0, SHA2_256, SHA2_512, BLAKE2B_256]) {
      const digests = hashes.digestAll(code, blocks)
      expect(digests.map(hex)).toEqual(blocks.map((bytes) => hex(hashes.digest(code, bytes))))
      expect(hashes.matchesAll(code, digests, blocks)).toEqual(blocks.map(() => true))
      expect(hashes.matchesAll(code, digests.toReversed(), blocks)).toEqual([false, false, true, false, false])
    }
  })
  it('refuses an unknown code, and digests that do not go with the blocks', async () => {
    const hashes = await open()
    const unknown = expect.objectContaining({ code: 'HASH_UNKNOWN' }) as Error
    expect(() => hashes.digestAll(0x1e, [])).toThrow(unknown)
    expect(() => hashes.matchesAll(0x1e, [], [])).toThrow(unknown)
    expect(() => hashes.matchesAll(SHA2_256, [], blocksOf([1]))).toThrow(RangeError)
  })
  it('asks a hasher that was given block by block when it has nothing for batches', async () => {
    const own: Hasher = { code: 0x300001, name: 'length', digest: (bytes) => Uint8Array.of(bytes.byteLength) }
    const hashes = createHashes({ hashers: [own] })
    expect(hashes.digestAll(own.code, blocksOf([3, 5]))).toEqual([Uint8Array.of(3), Uint8Array.of(5)])
    expect(hashes.matchesAll(own.code, [Uint8Array.of(3), Uint8Array.of(4)], blocksOf([3, 5]))).toEqual([true, false])
  })
})

describe('hashes.wasm', () => {
  const bytes = readFileSync(new URL('../hashes.wasm', import.meta.url))
  it('imports nothing and has a memory that cannot grow', () => {
    const module = new WebAssembly.Module(bytes)
    expect(WebAssembly.Module.imports(module)).toEqual([])
    const { memory } = new WebAssembly.Instance(module).exports
    expect(() => memory.grow(1)).toThrow(RangeError)
  })
  it('is what the text in the sources says', async () => {
    const { WASM_BASE64 } = await import('../src/wasm-bytes.ts')
    expect(Buffer.from(WASM_BASE64, 'base64').equals(bytes)).toBe(true)
  })
  it('is refused where it is another module, or none', () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
    expect(() => createHashes({ module: empty })).toThrow(TypeError)
    expect(() => createHashes({ module: {} })).toThrow(TypeError)
  })
})
