import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCommP, resumeCommP } from '../src/commp.ts'
import { createCommP as createNodeCommP, resumeCommP as resumeNodeCommP } from '../src/node-commp.ts'
import { plainCommitment } from './plain.ts'

const BLOCK = 65_024
const HEAD = 16

const stateOf = (payload: Uint8Array): Uint8Array => {
  const commp = createNodeCommP()
  commp.write(payload)
  return commp.state()
}

/** With a checksum that fits. */
const sealed = (state: Uint8Array): Uint8Array => {
  const bytes = state.slice()
  bytes.set(sha256(bytes.subarray(0, -32)), bytes.byteLength - 32)
  return bytes
}

describe('the state of a commitment', () => {
  const payload = seededBytes(8, 3 * BLOCK + 12_345)
  const want = bytesToHex(plainCommitment(payload).root)

  it('has the bytes of docs/formats/piece.md', () => {
    const state = stateOf(Uint8Array.of(1, 2, 3))
    expect(bytesToHex(state)).toBe(`636f6d6d500100000300000000000000010203${bytesToHex(sha256(state.subarray(0, 19)))}`)
    expect(stateOf(payload).byteLength).toBe(HEAD + 2 * 32 + 12_345 + 32)
  })
  it('continues to the same commitment, cut anywhere, as often as one likes, with any engine', () => {
    const random = seededRandom('states')
    for (let run = 0; run < 12; run++) {
      let commp = createNodeCommP()
      for (let at = 0; at < payload.byteLength;) {
        const length = run === 0 ? BLOCK : 1 + random.int(90_000)
        commp.write(payload.subarray(at, at + length))
        at += length
        commp = (run % 3 === 2 ? resumeCommP : resumeNodeCommP)(commp.state())
        expect(commp.payloadBytes).toBe(Math.min(at, payload.byteLength))
      }
      expect(bytesToHex(commp.finish().commitment)).toBe(want)
    }
  })
  it('is a copy, and leaves the commitment to go on', () => {
    const commp = createCommP()
    commp.write(payload.subarray(0, 1000))
    const state = commp.state()
    const copy = state.slice()
    const resumed = resumeCommP(state)
    state.fill(0)
    commp.write(payload.subarray(1000))
    resumed.write(payload.subarray(1000))
    expect(bytesToHex(commp.finish().commitment)).toBe(want)
    expect(bytesToHex(resumed.finish().commitment)).toBe(want)
    expect(resumeCommP(copy).state()).toEqual(copy)
  })
  it('of nothing is one too', () => {
    const commp = resumeCommP(createCommP().state())
    expect(commp.payloadBytes).toBe(0)
    expect(() => commp.finish()).toThrow(expect.objectContaining({ code: 'PIECE_TOO_SMALL' }))
  })
  it('of the largest payload is one too, and takes no byte more', () => {
    const state = new Uint8Array(HEAD + 32 + 32)
    state.set([0x63, 0x6f, 0x6d, 0x6d, 0x50, 1, 1])
    new DataView(state.buffer).setBigUint64(8, 127n * 2n ** 29n, true)
    const commp = resumeCommP(sealed(state))
    expect(() => commp.write(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'PIECE_TOO_LARGE' }))
    expect(commp.finish().paddedBytes).toBe(2 ** 36)
  })
})

describe('resumeCommP', () => {
  const good = stateOf(seededBytes(9, 2 * BLOCK + 700))
  const refuses = (state: Uint8Array): void => {
    expect(() => resumeCommP(state)).toThrow(expect.objectContaining({ code: 'PIECE_BAD_STATE' }))
  }
  it('refuses a state with any byte changed', () => {
    fc.assert(fc.property(fc.nat(good.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      refuses(good.map((byte, i) => i === at ? byte ^ change : byte))
    }), { seed: 1, numRuns: 300 })
  })
  it('refuses a state cut anywhere, or with more behind it', () => {
    for (let length = 0; length < good.byteLength; length += length < 200 ? 1 : 97) refuses(good.subarray(0, length))
    refuses(Uint8Array.from([...good, 0]))
  })
  it.each([
    { why: 'another version', at: 5, value: 2 },
    { why: 'another number of subtrees', at: 6, value: 2 },
    { why: 'a byte that must be zero', at: 7, value: 1 },
    { why: 'a payload of another length', at: 8, value: 1 },
    { why: 'a payload of other blocks', at: 10, value: 3 },
    { why: 'a payload above the largest', at: 13, value: 0x40 },
    { why: 'a node with bits that must be zero', at: HEAD + 31, value: 0x80 },
  ])('refuses $why, though the checksum fits', ({ at, value }) => {
    const state = good.slice()
    expect(state[at]).not.toBe(value)
    state[at] = value
    refuses(sealed(state))
  })
  it('accepts only what it would have written', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), (noise) => {
      const state = new Uint8Array(HEAD + noise.byteLength + 32)
      state.set([0x63, 0x6f, 0x6d, 0x6d, 0x50, 1])
      state.set(noise, HEAD)
      new DataView(state.buffer).setBigUint64(8, BigInt(noise.byteLength), true)
      expect(resumeCommP(sealed(state)).state()).toEqual(sealed(state))
    }), { seed: 2, numRuns: 100 })
  })
})
