import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import { plainFr32, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { type Fr32, padFr32Into, unpadFr32Into } from '@dagstore/piece'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSector } from '../src/sector.ts'
import { type ReadPadded, readUnpadded, SINGLE_PADDED, SLICE_PADDED } from '../src/unpadded-read.ts'

const KIB = 1024
const PLAIN: Fr32 = { padInto: padFr32Into, unpadInto: unpadFr32Into }
const SLICE_UNPADDED = SLICE_PADDED / 128 * 127
const SINGLE_UNPADDED = SINGLE_PADDED / 128 * 127

/** Payload bytes of padded ones, bit by bit from the definition. */
const bitAt = (padded: Uint8Array, bit: number): number => {
  const at = bit + 2 * Math.floor(bit / 254)
  return padded[at >> 3]! >> (at & 7) & 1
}
const bytesAt = (padded: Uint8Array, from: number, length: number): Uint8Array => {
  const out = new Uint8Array(length)
  for (let bit = 0; bit < length * 8; bit++) out[bit >> 3]! |= bitAt(padded, from * 8 + bit) << (bit & 7)
  return out
}

describe('reads of a piece', () => {
  const layout = fc.record({ log: fc.integer({ min: 0, max: 4 }), place: fc.nat({ max: 15 }), seed: fc.integer({ min: 1, max: 1000 }) })
  it('give the bits that fr32 put there, wherever the piece lies and the read begins and ends', async () => {
    await fc.assert(fc.asyncProperty(layout, fc.infiniteStream(fc.nat()), async ({ log, place, seed }, numbers) => {
      const paddedBytes = 128 << log
      const offset = place % (2 * KIB / paddedBytes) * paddedBytes
      const unpadded = paddedBytes / 128 * 127
      const file = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset, paddedBytes, payload: seededBytes(seed, 1 + seed * 7919 % unpadded) }] })
      const piece = (await openSector(createBytesSource(file))).openPiece(offset, paddedBytes)
      for (let i = 0; i < 20; i++) {
        const from = numbers.next().value % unpadded
        const length = numbers.next().value % (unpadded - from + 1)
        const want = bytesAt(file.subarray(offset, offset + paddedBytes), from, length)
        expect(await piece.read(from, length)).toEqual(want)
        expect(piece.peek(from, length)).toEqual(want)
      }
    }), { seed: 3, numRuns: 60 })
  })
  it('cross every border of a chunk, for every length up to two chunks', async () => {
    const payload = seededBytes(5, 508)
    const padded = plainFr32(payload)
    const read: ReadPadded = async (at, length) => padded.slice(at, at + length)
    for (let from = 100; from <= 260; from++) {
      for (let length = 0; length <= Math.min(254, 508 - from); length++) {
        const got = await readUnpadded(read, PLAIN, from, length, {})
        if (Buffer.compare(got, payload.subarray(from, from + length)) !== 0) throw new Error(`differs; from=${from} length=${length}`)
      }
    }
  })
  it('ignore the two bits of each word that are no payload', async () => {
    const padded = new Uint8Array(128).fill(0xff)
    expect(await readUnpadded(async (at, length) => padded.slice(at, at + length), PLAIN, 0, 127, {})).toEqual(new Uint8Array(127).fill(0xff))
  })
})

describe('long reads', () => {
  const payload = seededBytes(9, 9 * SLICE_UNPADDED)
  const padded = new Uint8Array(9 * SLICE_PADDED)
  padFr32Into(payload, padded)

  it.each([
    [0, SINGLE_UNPADDED], [0, SINGLE_UNPADDED + 1], [1, SINGLE_UNPADDED], [126, SINGLE_UNPADDED - 126], [127, SINGLE_UNPADDED], [5, 7 * SLICE_UNPADDED + 77], [SLICE_UNPADDED - 1, 5 * SLICE_UNPADDED + 2], [0, 9 * SLICE_UNPADDED], [9 * SLICE_UNPADDED - 1, 1],
  ])('give the payload; from %i, %i bytes', async (from, length) => {
    const got = await readUnpadded(async (at, bytes) => padded.slice(at, at + bytes), PLAIN, from, length, {})
    expect(got.byteLength).toBe(length)
    expect(Buffer.compare(got, payload.subarray(from, from + length))).toBe(0)
  })
  it('are one read up to 1 MiB, then slices without gap or overlap, two of them under way', async () => {
    const seen: [number, number][] = []
    let [underWay, most] = [0, 0]
    const read: ReadPadded = async (at, length) => {
      seen.push([at, length])
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => { setImmediate(resolve) })
      underWay--
      return padded.slice(at, at + length)
    }
    await readUnpadded(read, PLAIN, 100, SINGLE_UNPADDED - 100, {})
    expect(seen.splice(0)).toEqual([[0, SINGLE_PADDED]])
    await readUnpadded(read, PLAIN, 300, 6 * SLICE_UNPADDED, {})
    expect(most).toBe(2)
    let end = 256
    for (const [at, length] of seen) {
      expect(at).toBe(end)
      expect(length).toBeLessThanOrEqual(SLICE_PADDED)
      end += length
    }
    expect(end).toBe(256 + 6 * SLICE_PADDED + 128)
  })
  it('have memory of their own', async () => {
    const read: ReadPadded = async (at, bytes) => padded.slice(at, at + bytes)
    const [a, b] = [await readUnpadded(read, PLAIN, 0, 5 * SLICE_UNPADDED, {}), await readUnpadded(read, PLAIN, 0, 5 * SLICE_UNPADDED, {})]
    a.fill(0)
    expect(Buffer.compare(b, payload.subarray(0, 5 * SLICE_UNPADDED))).toBe(0)
  })
  it.each([0, 1, 2, 3])('reject with the error of read %i, once no other is under way', async (failing) => {
    const broken = new IoError('IO_SOURCE_LOST', 'gone')
    let [reads, underWay] = [0, 0]
    const read: ReadPadded = async (at, bytes) => {
      const mine = reads++
      underWay++
      for (let i = 0; i < (mine === failing ? 1 : 3); i++) await new Promise((resolve) => { setImmediate(resolve) })
      underWay--
      if (mine === failing) throw broken
      return padded.slice(at, at + bytes)
    }
    await expect(readUnpadded(read, PLAIN, 0, 6 * SLICE_UNPADDED, {})).rejects.toBe(broken)
    expect(underWay).toBe(0)
    expect(reads).toBeLessThanOrEqual(failing + 2)
  })
  it('hand the signal to every read', async () => {
    const reason = new Error('enough')
    const control = new AbortController()
    let reads = 0
    const read: ReadPadded = async (at, bytes, { signal }) => {
      if (++reads === 3) control.abort(reason)
      signal?.throwIfAborted()
      return padded.slice(at, at + bytes)
    }
    await expect(readUnpadded(read, PLAIN, 0, 8 * SLICE_UNPADDED, { signal: control.signal })).rejects.toBe(reason)
    expect(reads).toBeLessThan(5)
  })
})

describe('an fr32 engine that is given', () => {
  it('does the unpadding', async () => {
    let bytes = 0
    const engine: Fr32 = { padInto: padFr32Into, unpadInto: (from, to) => { bytes += from.byteLength; return unpadFr32Into(from, to) } }
    const payload = seededBytes(2, 900)
    const file = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: KIB, payload }] })
    const source: ByteSource = createBytesSource(file)
    const piece = (await openSector(source, { fr32: engine })).openPiece(0, KIB)
    expect(await piece.read(0, 900)).toEqual(payload)
    expect(piece.peek(127, 127)).toEqual(payload.subarray(127, 254))
    expect(bytes).toBe(KIB + 128)
  })
})
