import { readFileSync } from 'node:fs'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { bytesToHex } from '@noble/hashes/utils.js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createPieceEngine } from '../src/create-engine.ts'
import { BLOCK_UNPADDED, type PieceEngine } from '../src/engine.ts'
import { createNativePairHasher } from '../src/native-pair-hasher.ts'
import { createPieceEngine as createNodeEngine } from '../src/node-engine.ts'
import { createNodePairHasher } from '../src/node-pair-hasher.ts'
import { createPairHasher } from '../src/pair-hasher.ts'
import { WASM_BASE64 } from '../src/wasm-bytes.ts'
import { fakeHashtree } from './fake-hashtree.ts'
import { plainPad } from './plain.ts'
import { WebAssembly } from './web-assembly.ts'

const bytes = readFileSync(new URL('../piece.wasm', import.meta.url))
const module = new WebAssembly.Module(bytes)
const plain = createPieceEngine()

const engines: readonly { name: string, engine: PieceEngine }[] = [
  { name: 'plain', engine: plain },
  { name: 'simd', engine: createPieceEngine({ module }) },
  { name: 'crypto', engine: createPieceEngine({ hasher: createNodePairHasher() }) },
  { name: 'native', engine: createPieceEngine({ module, hasher: createNativePairHasher(fakeHashtree) }) },
]

afterEach(() => { vi.unstubAllGlobals() })

describe.each(engines)('the $name engine', ({ name, engine }) => {
  it('says what it is', () => {
    expect(engine.name).toBe(name)
  })

  // a call takes 512 chunks
  it.each([0, 1, 2, 3, 4, 5, 15, 16, 17, 511, 512, 513, 1024, 1025, 1537])('pads and unpads %i chunks at any address', (chunks) => {
    const input = seededBytes(chunks, chunks * 127)
    const want = chunks < 20 ? plainPad(input) : padded(plain, input)
    for (const shift of [0, 1, 3]) {
      const from = room(input.byteLength, shift)
      from.set(input)
      const output = room(want.byteLength + 8, 2 * shift).fill(0xaa)
      expect(engine.padInto(from, output)).toBe(want.byteLength)
      expectBytes(output.subarray(0, want.byteLength), want)
      expect(output.subarray(want.byteLength)).toEqual(new Uint8Array(8).fill(0xaa))
      const back = room(input.byteLength + 8, shift).fill(0xaa)
      expect(engine.unpadInto(output.subarray(0, want.byteLength), back)).toBe(input.byteLength)
      expectBytes(back.subarray(0, input.byteLength), input)
      expect(back.subarray(input.byteLength)).toEqual(new Uint8Array(8).fill(0xaa))
      engine.unpadInto(output.subarray(0, want.byteLength), output)
      expectBytes(output.subarray(0, input.byteLength), input)
    }
  })

  it('leaves no bit of one call in the result of another', () => {
    const ones = new Uint8Array(BLOCK_UNPADDED).fill(0xff)
    for (const length of [127, 254, 381, 127 * 100]) {
      engine.padInto(ones, new Uint8Array(65536))
      engine.commit(ones)
      const zeros = new Uint8Array(length)
      expect(padded(engine, zeros).every((byte) => byte === 0)).toBe(true)
      expect(engine.commit(zeros)).toEqual(plain.commit(zeros))
      engine.commit(ones)
      expect(engine.commit(zeros.subarray(1))).toEqual(plain.commit(zeros.subarray(1)))
    }
  })

  it('ignores the bits that must be zero when it unpads', () => {
    const input = seededBytes(1, 127 * 20)
    const dirty = padded(plain, input)
    for (let top = 31; top < dirty.byteLength; top += 32) dirty[top]! |= 0xc0
    const output = new Uint8Array(input.byteLength)
    engine.unpadInto(dirty, output)
    expect(output).toEqual(input)
  })

  it('refuses parts of chunks and an output that is too short', () => {
    expect(() => engine.padInto(new Uint8Array(126), new Uint8Array(256))).toThrow(RangeError)
    expect(() => engine.padInto(new Uint8Array(127), new Uint8Array(127))).toThrow(RangeError)
    expect(() => engine.unpadInto(new Uint8Array(127), new Uint8Array(127))).toThrow(RangeError)
    expect(() => engine.unpadInto(new Uint8Array(128), new Uint8Array(126))).toThrow(RangeError)
  })

  // 1024 pairs per call
  it.each([0, 1, 2, 3, 4, 5, 7, 8, 1023, 1024, 1025, 2500])('replaces %i pairs of nodes by their parents, and clears two bits', (pairs) => {
    const nodes = seededBytes(pairs, 64 * pairs)
    const want = nodes.slice()
    createPairHasher().hashPairs(want, pairs)
    const given = room(nodes.byteLength, 4)
    given.set(nodes)
    engine.hashPairs(given, pairs)
    expectBytes(given.subarray(0, 32 * pairs), want.subarray(0, 32 * pairs))
    expectBytes(given.subarray(32 * pairs), nodes.subarray(32 * pairs))
  })

  it('hashes the same at an odd address', () => {
    const nodes = room(64 * 3, 1)
    nodes.set(seededBytes(2, 64 * 3))
    const want = nodes.slice()
    plain.hashPairs(want, 3)
    engine.hashPairs(nodes, 3)
    expect(nodes.subarray(0, 96)).toEqual(want.subarray(0, 96))
  })

  it('commits to a block of any length as the plain one does', () => {
    const random = seededRandom('blocks')
    const lengths = [1, 126, 127, 128, 254, 255, 508, 509, BLOCK_UNPADDED - 127, BLOCK_UNPADDED - 1, BLOCK_UNPADDED, ...Array.from({ length: 8 }, () => 1 + random.int(BLOCK_UNPADDED))]
    for (const length of lengths) {
      const payload = random.bytes(length)
      const { height, node } = engine.commit(payload)
      expect({ height, node: bytesToHex(node) }).toEqual({ ...plain.commit(payload), node: bytesToHex(plain.commit(payload).node) })
    }
  })

  it('gives nodes of the caller\'s own memory, never a view of its own', () => {
    const { node } = engine.commit(Uint8Array.of(1))
    const before = bytesToHex(node)
    engine.commit(Uint8Array.of(2))
    expect(bytesToHex(node)).toBe(before)
    expect(node.buffer.byteLength).toBe(32)
    expect(structuredClone(node, { transfer: [node.buffer as ArrayBuffer] })).toHaveLength(32)
  })

  it('refuses no payload, and more than a block', () => {
    expect(() => engine.commit(new Uint8Array(0))).toThrow(RangeError)
    expect(() => engine.commit(new Uint8Array(BLOCK_UNPADDED + 1))).toThrow(RangeError)
  })
})

describe('piece.wasm', () => {
  it('imports nothing and has a memory that cannot grow', () => {
    expect(WebAssembly.Module.imports(module)).toEqual([])
    const { memory } = new WebAssembly.Instance(module).exports
    expect(() => memory.grow(1)).toThrow(RangeError)
  })
  it('is what the text in the sources says', () => {
    expect(Buffer.from(WASM_BASE64, 'base64').equals(bytes)).toBe(true)
  })
  it('is refused where it is another module, or none', () => {
    expect(() => createPieceEngine({ module: new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)) })).toThrow(TypeError)
    expect(() => createPieceEngine({ module: {} })).toThrow(TypeError)
    vi.stubGlobal('WebAssembly', undefined)
    expect(() => createPieceEngine({ module })).toThrow(TypeError)
  })
})

describe('createPieceEngine of Node', () => {
  it('is the one in WebAssembly, or takes its fr32 and the hasher given', () => {
    expect(createNodeEngine().name).toBe('simd')
    expect(createNodeEngine({ hasher: createNativePairHasher(fakeHashtree) }).name).toBe('native')
  })
  it.each([
    { why: 'WebAssembly is missing', host: undefined },
    { why: 'the processor lacks the vectors', host: { validate: (): boolean => false } },
    { why: 'compiling is forbidden', host: { validate: (): boolean => true, Module: class { constructor () { throw new Error('policy') } } } },
  ])('hashes by node:crypto where $why', async ({ host }) => {
    vi.stubGlobal('WebAssembly', host)
    vi.resetModules()
    const { createCommP, createPieceEngine: createFresh, padFr32 } = await import('../src/node.ts')
    expect(createFresh().name).toBe('crypto')
    const commp = createCommP()
    commp.write(Uint8Array.from({ length: 127 }, (_, i) => i))
    expect(commp.finish().cidV1.toString()).toBe('baga6ea4seaqlqfyjsvd3rrmqmd7n4f7i73ybzuxfq4p4za6lft2jeaaaaguxefq')
    expect(padFr32(new Uint8Array(127).fill(0xff))).toEqual(plainPad(new Uint8Array(127).fill(0xff)))
  })
})

describe('the JavaScript form of fr32', () => {
  it('goes byte by byte on a big-endian host, where words would be wrong', async () => {
    const Real = Uint32Array
    vi.stubGlobal('Uint32Array', class {
      static of (value: number): { buffer: ArrayBuffer } {
        return { buffer: Uint8Array.from(new Uint8Array(Real.of(value).buffer)).reverse().buffer }
      }

      constructor () {
        throw new Error('words on a big-endian host')
      }
    })
    vi.resetModules()
    const { padFr32, unpadFr32 } = await import('../src/fr32.ts')
    const input = seededBytes(3, 127 * 9)
    expect(padFr32(input)).toEqual(plainPad(input))
    expect(unpadFr32(padFr32(input))).toEqual(input)
  })
})

/** Equal bytes; `toEqual` would take seconds for long ones. */
const expectBytes = (got: Uint8Array, want: Uint8Array): void => {
  expect(Buffer.compare(got, want)).toBe(0)
}

const room = (length: number, shift: number): Uint8Array => new Uint8Array(length + shift).subarray(shift)

const padded = (engine: PieceEngine, input: Uint8Array): Uint8Array => {
  const output = new Uint8Array(input.byteLength / 127 * 128)
  engine.padInto(input, output)
  return output
}
