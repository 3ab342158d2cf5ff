import { bytesToHex } from '@noble/hashes/utils.js'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { padCommitment } from '../src/aggregate.ts'
import { type CommP, createCommP } from '../src/commp.ts'
import { createPieceEngine } from '../src/create-engine.ts'
import { createCommP as createNodeCommP } from '../src/node-commp.ts'
import { createNodePairHasher } from '../src/node-pair-hasher.ts'
import { createPairHasher } from '../src/pair-hasher.ts'
import { MAX_PIECE_PADDED } from '../src/sizes.ts'
import { zeroNode } from '../src/zero-nodes.ts'
import { plainCommitment } from './plain.ts'

const BLOCK = 512 * 127

const of = (commp: CommP, ...parts: readonly Uint8Array[]): ReturnType<CommP['finish']> => {
  for (const part of parts) commp.write(part)
  return commp.finish()
}

describe('zeroNode', () => {
  it('has the values of a Filecoin tree', () => {
    expect(bytesToHex(zeroNode(0))).toBe('00'.repeat(32))
    expect(bytesToHex(zeroNode(1))).toBe('f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb0b')
    expect(bytesToHex(zeroNode(2))).toBe('3731bb99ac689f66eef5973e4a94da188f4ddcae580724fc6f3fd60dfd488333')
    expect(bytesToHex(zeroNode(3))).toBe('642a607ef886b004bf2c1978463ae1d4693ac0f410eb2d1b7a47fe205e5e750f')
  })
  it('reaches the largest piece and no further', () => {
    expect(zeroNode(31)).toHaveLength(32)
    expect(() => zeroNode(32)).toThrow(RangeError)
    expect(() => zeroNode(-1)).toThrow(RangeError)
  })
})

describe.each([['plain', createCommP], ['node', createNodeCommP]] as const)('createCommP, %s form', (_, create) => {
  it('names the chunk 00 to 7e', () => {
    const { cidV1, paddedBytes, payloadBytes } = of(create(), Uint8Array.from({ length: 127 }, (_, i) => i))
    expect(cidV1.toString()).toBe('baga6ea4seaqlqfyjsvd3rrmqmd7n4f7i73ybzuxfq4p4za6lft2jeaaaaguxefq')
    expect({ paddedBytes, payloadBytes }).toEqual({ paddedBytes: 128, payloadBytes: 127 })
  })
  // FRC-0069, "Test Cases"
  it.each([
    { parts: [[127, 0], [127, 1], [127, 2], [127, 3]], v1: 'baga6ea4seaqes3nobte6ezpp4wqan2age2s5yxcatzotcvobhgcmv5wi2xh5mbi', v2: 'bafkzcibcaaces3nobte6ezpp4wqan2age2s5yxcatzotcvobhgcmv5wi2xh5mbi' },
    { parts: [[127, 0], [127, 1], [127, 2], [127, 3], [508, 0]], v1: 'baga6ea4seaqn42av3szurbbscwuu3zjssvfwbpsvbjf6y3tukvlgl2nf5rha6pa', v2: 'bafkzcibcaac542av3szurbbscwuu3zjssvfwbpsvbjf6y3tukvlgl2nf5rha6pa' },
    { parts: [[127, 0], [127, 1], [127, 2], [127, 3], [4, 0]], v1: 'baga6ea4seaqn42av3szurbbscwuu3zjssvfwbpsvbjf6y3tukvlgl2nf5rha6pa', v2: 'bafkzcibd7abqlxticxolgseegik2stpfgkkuwyf6kufex3doorkvmzpjuxwe4dz4' },
    { parts: [[127, 0], [127, 1], [127, 2], [127, 3], [5, 0]], v1: 'baga6ea4seaqn42av3szurbbscwuu3zjssvfwbpsvbjf6y3tukvlgl2nf5rha6pa', v2: 'bafkzcibd64bqlxticxolgseegik2stpfgkkuwyf6kufex3doorkvmzpjuxwe4dz4' },
    { parts: [[127, 0]], v1: undefined, v2: 'bafkzcibcaabdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy' },
    { parts: [[128, 0]], v1: undefined, v2: 'bafkzcibcpybwiktap34inmaex4wbs6cghlq5i2j2yd2bb2zndn5ep7ralzphkdy' },
  ])('agrees with FRC-0069 on $v2', ({ parts, v1, v2 }) => {
    const result = of(create(), ...parts.map(([length = 0, value = 0]) => new Uint8Array(length).fill(value)))
    expect(result.cidV2.toString()).toBe(v2)
    if (v1 !== undefined) expect(result.cidV1.toString()).toBe(v1)
  })
  it.each([
    1, 2, 31, 32, 64, 65, 126, 127, 128, 253, 254, 255, 300, 381, 508, 509, 1016, 1017, 5000,
    BLOCK - 127, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 128, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 200, 5 * BLOCK - 3,
  ])('equals the whole tree hashed node by node, for %i bytes', (length) => {
    const payload = seededBytes(length, length)
    const { root, padded } = plainCommitment(payload)
    const result = of(create(), payload)
    expect(bytesToHex(result.commitment)).toBe(bytesToHex(root))
    expect(result.paddedBytes).toBe(padded)
    expect(result.payloadBytes).toBe(length)
  })
  it('does not depend on how the payload is cut', () => {
    const random = seededRandom('cuts')
    const payload = random.bytes(3 * BLOCK + 1234)
    const whole = of(create(), payload)
    for (let run = 0; run < 5; run++) {
      const commp = create()
      for (let at = 0; at < payload.byteLength;) {
        const length = random.int(run % 2 === 0 ? 500 : 200_000)
        commp.write(payload.subarray(at, at + length))
        at += length
      }
      expect(commp.finish()).toEqual(whole)
    }
  })
  it('keeps no reference to what it was given', () => {
    const reused = new Uint8Array(1000)
    const commp = create()
    const parts = [seededBytes(1, 1000), seededBytes(2, 1000), seededBytes(3, 10)]
    for (const part of parts) {
      reused.set(part)
      commp.write(reused.subarray(0, part.byteLength))
      reused.fill(0xff)
    }
    expect(commp.finish()).toEqual(of(create(), ...parts))
  })
  it('counts what was written, finishes twice alike and then takes no more', () => {
    const commp = create()
    commp.write(new Uint8Array(5))
    commp.write(new Uint8Array(0))
    commp.write(new Uint8Array(6))
    expect(commp.payloadBytes).toBe(11)
    expect(commp.finish()).toBe(commp.finish())
    expect(() => commp.write(new Uint8Array(1))).toThrow(TypeError)
  })
  it('has no commitment for nothing', () => {
    expect(() => create().finish()).toThrow(expect.objectContaining({ code: 'PIECE_TOO_SMALL' }))
  })
})

describe('createCommP', () => {
  it('hashes no zero tail: a payload of one chunk more than a power of two costs no more nodes than it has', () => {
    let pairs = 0
    const plain = createPairHasher()
    const commp = createCommP({ engine: createPieceEngine({ hasher: { name: 'counting', hashPairs (nodes, count) { pairs += count; plain.hashPairs(nodes, count) } } }) })
    commp.write(new Uint8Array(4 * BLOCK + 127).fill(1))
    commp.finish()
    // 4 blocks of 2048 leaves, joined; 4 leaves of one chunk, climbing beside them; the root
    expect(pairs).toBe(4 * 2047 + 3 + 3 + 11 + 1)
  })
  it('refuses more than the largest piece holds, before it is counted', () => {
    const commp = createCommP()
    // 64 GiB are not at hand: the length is all that the check looks at
    const part = new Uint8Array(0)
    Object.defineProperty(part, 'byteLength', { value: 127 * 2 ** 29 + 1 })
    expect(() => commp.write(part)).toThrow(expect.objectContaining({ code: 'PIECE_TOO_LARGE' }))
    expect(commp.payloadBytes).toBe(0)
  })
})

describe('padCommitment', () => {
  it('gives the commitment of the payload followed by zeros', () => {
    const payload = seededBytes(9, 300)
    const small = of(createCommP(), payload)
    const zeros = new Uint8Array(127 * 64 - 300)
    const large = of(createCommP(), payload, zeros)
    expect(padCommitment(small.commitment, 512, 8192)).toEqual(large.commitment)
    expect(padCommitment(small.commitment, 512, 512)).toEqual(small.commitment)
  })
  it.each([[512, 256], [500, 1024], [512, 1000], [64, 128], [128, 2 * MAX_PIECE_PADDED]])('refuses %i to %i', (from, to) => {
    expect(() => padCommitment(new Uint8Array(32), from, to)).toThrow(RangeError)
  })
  it('refuses what is no commitment', () => {
    expect(() => padCommitment(new Uint8Array(31), 128, 256)).toThrow(RangeError)
  })
})

describe('createNodePairHasher', () => {
  it('hashes as the plain one does, at any address that is a multiple of four', () => {
    const pairs = seededBytes(5, 64 * 7)
    const one = pairs.slice()
    const room = new Uint8Array(pairs.byteLength + 12)
    room.set(pairs, 12)
    createPairHasher().hashPairs(one, 7)
    createNodePairHasher().hashPairs(room.subarray(12), 7)
    expect(room.subarray(12, 12 + 32 * 7)).toEqual(one.subarray(0, 32 * 7))
  })
})
