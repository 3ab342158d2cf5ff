import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import { sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { type Fr32, padFr32, padFr32Into, unpadFr32Into } from '@dagstore/piece'
import { createPieceEngine } from '@dagstore/piece/node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSector } from '../src/sector.ts'

const KIB = 1024
const MIB = 1024 * KIB

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

/** A sector of 2 KiB filled to the last byte by pieces of one size, and its payload. */
const fullSector = (paddedBytes: number): { readonly file: Uint8Array, readonly payload: Uint8Array } => {
  const payload = seededBytes(paddedBytes, 2032)
  const unpadded = paddedBytes / 128 * 127
  const pieces = Array.from({ length: 2 * KIB / paddedBytes }, (_, i) => ({ offset: i * paddedBytes, paddedBytes, payload: payload.subarray(i * unpadded, (i + 1) * unpadded) }))
  return { file: sectorFile({ sectorBytes: 2 * KIB, pieces }), payload }
}

/** Compared by hand, since a million expectations take minutes. */
const checkRead = async (piece: ByteSource, want: Uint8Array, from: number, length: number): Promise<void> => {
  const expected = want.subarray(from, from + length)
  for (const got of [await piece.read(from, length), piece.peek(from, length)!]) {
    if (Buffer.compare(got, expected) !== 0) throw new Error(`differs; size=${want.byteLength} from=${from} length=${length}`)
  }
}

const long = { payload: seededBytes(9, 8 * MIB / 128 * 127), file: new Uint8Array(8 * MIB) }
padFr32Into(long.payload, long.file)

describe.each([{ form: 'plain JavaScript', fr32: undefined }, { form: 'WebAssembly', fr32: createPieceEngine() }])('reads of a piece, $form', ({ fr32 }) => {
  it.each([128, 256, 512])('are right for every place of %i bytes in a sector, every offset and every length', async (paddedBytes) => {
    const { file, payload } = fullSector(paddedBytes)
    const sector = await openSector(createBytesSource(file), { fr32 })
    const size = paddedBytes / 128 * 127
    // pieces of one size are alike but for their place: every pair of numbers for the second of them, the borders for all
    for (let at = 0, of = 0; at < 2 * KIB; at += paddedBytes, of += size) {
      const piece = sector.openPiece(at, paddedBytes)
      const want = payload.subarray(of, of + size)
      const isEach = at === paddedBytes
      for (let from = 0; from <= size; from++) {
        for (let length = 0; length <= size - from; length++) {
          if (isEach || (from + length) % 127 < 2 || (from + length) % 127 === 126) await checkRead(piece, want, from, length)
        }
      }
    }
  })
  it('are right from every offset of a whole sector, up to every border of a chunk and the bytes around it', async () => {
    const { file, payload } = fullSector(2 * KIB)
    const piece = (await openSector(createBytesSource(file), { fr32 })).openPiece(0, 2 * KIB)
    for (let from = 0; from <= 2032; from++) {
      for (let border = Math.floor(from / 127) * 127; border <= 2032; border += 127) {
        for (const end of [border - 1, border, border + 1]) if (end >= from && end <= 2032) await checkRead(piece, payload, from, end - from)
      }
    }
  })
  it.each([MIB, 4 * MIB + 128])('are right for a long stretch, at any of its borders; %i bytes padded', async (bytes) => {
    const piece = (await openSector(createBytesSource(long.file), { fr32, sectorBytes: 8 * MIB })).openPiece(0, 8 * MIB)
    for (const [from, more] of [[0, 0], [0, 1], [1, -1], [126, 2], [127, 0], [piece.sizeBytes - bytes / 128 * 127, 0]] as const) await checkRead(piece, long.payload, from, bytes / 128 * 127 + more)
  })
})

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
  it('ignore the two bits of each word that are no payload', async () => {
    const piece = (await openSector(createBytesSource(new Uint8Array(2 * KIB).fill(0xff)))).openPiece(0, 128)
    expect(await piece.read(0, 127)).toEqual(new Uint8Array(127).fill(0xff))
  })

  /** A sector of 8 MiB without a trailer, whose file is read by `read` once it is open. */
  const openWatched = async (read: ByteSource['read']): Promise<Awaited<ReturnType<typeof openSector>>> => {
    const inner = createBytesSource(new Uint8Array(8 * MIB))
    let isOpen = false
    const sector = await openSector({ ...inner, read: (at, length, call) => isOpen ? read(at, length, call) : inner.read(at, length, call) }, { sectorBytes: 8 * MIB })
    isOpen = true
    return sector
  }
  it('are one read of the file each, of the chunks around them', async () => {
    const reads: (readonly [at: number, length: number])[] = []
    const sector = await openWatched(async (at, length) => {
      reads.push([at, length])
      return new Uint8Array(length)
    })
    const piece = sector.openPiece(4 * MIB, 4 * MIB)
    await piece.read(300, 2)
    await piece.read(126, 2)
    await piece.read(1, 3_000_000)
    expect(await piece.read(100, 0)).toEqual(new Uint8Array(0))
    expect(reads).toEqual([[4 * MIB + 256, 128], [4 * MIB, 256], [4 * MIB, Math.ceil(3_000_001 / 127) * 128]])
  })
  it('have memory of their own', async () => {
    const file = padFr32(seededBytes(5, 2032))
    const piece = (await openSector(createBytesSource(file))).openPiece(0, 2 * KIB)
    const [a, b] = [await piece.read(1, 1000), await piece.read(1, 1000)]
    a.fill(0)
    expect(b).toEqual(seededBytes(5, 2032).subarray(1, 1001))
    expect(await piece.read(1, 1000)).toEqual(b)
  })
  it('reject with the error of the file, and the reason of an abort, which the file is told', async () => {
    const broken = new IoError('IO_SOURCE_LOST', 'gone')
    const lost = (await openWatched(async () => { throw broken })).openPiece(0, MIB)
    await expect(lost.read(0, 1000)).rejects.toBe(broken)
    const reason = new Error('enough')
    const control = new AbortController()
    const sector = await openWatched((_at, _length, call) => new Promise((_, reject) => {
      call!.signal!.addEventListener('abort', () => { reject(reason) })
      control.abort(reason)
    }))
    const piece = sector.openPiece(0, 4 * MIB)
    await expect(piece.read(0, 3 * MIB, { signal: control.signal })).rejects.toBe(reason)
    await expect(piece.read(0, 0, { signal: control.signal })).rejects.toBe(reason)
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
