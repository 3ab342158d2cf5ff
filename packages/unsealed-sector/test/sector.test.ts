import { type ByteSource, compareIdentity, createBytesSource, readChunks } from '@dagstore/io'
import { concat, plainRlePlus, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { openSector } from '../src/sector.ts'

const KIB = 1024
const MIB = 1024 * KIB
const open = (file: Uint8Array, sectorBytes?: number): ReturnType<typeof openSector> => openSector(createBytesSource(file), { sectorBytes })

const small = seededBytes(1, 500)
const two = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: small }, { offset: KIB, paddedBytes: KIB, payload: seededBytes(2, 1016) }] })

/** A sector file whose trailer is what one makes of it. */
const withTail = (tail: Uint8Array): Uint8Array => concat([new Uint8Array(2 * KIB), tail])
const u32 = (value: number): Uint8Array => Uint8Array.of(value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24)

describe('openSector', () => {
  it('lists what is in use', async () => {
    const sector = await open(two)
    expect(sector.sectorBytes).toBe(2 * KIB)
    expect(sector.allocated).toEqual([{ start: 0, length: 512 }, { start: KIB, length: KIB }])
    expect(sector.isAllocated(0, 512)).toBe(true)
    expect(sector.isAllocated(128, 128)).toBe(true)
    expect(sector.isAllocated(0, 640)).toBe(false)
    expect(sector.isAllocated(512, 512)).toBe(false)
    expect(sector.isAllocated(KIB, KIB)).toBe(true)
    expect(sector.isAllocated(KIB, 2 * KIB)).toBe(false)
  })
  it('takes a file without a trailer as wholly in use', async () => {
    const sector = await open(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 2 * KIB, payload: small }], trailer: false }))
    expect(sector.allocated).toEqual([{ start: 0, length: 2 * KIB }])
  })
  it('knows a sector with nothing in it', async () => {
    const sector = await open(sectorFile({ sectorBytes: 2 * KIB, pieces: [] }))
    expect(sector.allocated).toEqual([])
    expect(() => sector.openPiece(0, 128)).toThrow(expect.objectContaining({ code: 'SECTOR_NOT_ALLOCATED', offset: 0 }))
  })
  it('finds the size of the sector from that of the file, or is told', async () => {
    const file = sectorFile({ sectorBytes: 8 * MIB, pieces: [{ offset: 0, paddedBytes: 512, payload: small }] })
    expect((await open(file)).sectorBytes).toBe(8 * MIB)
    expect((await open(file, 8 * MIB)).sectorBytes).toBe(8 * MIB)
    await expect(open(file, 2 * KIB)).rejects.toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
    await expect(open(file, 512 * MIB)).rejects.toMatchObject({ code: 'SECTOR_TRUNCATED' })
    await expect(open(file, 4 * KIB)).rejects.toThrow(RangeError)
  })
  it('joins pieces that touch', async () => {
    const sector = await open(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: small }, { offset: 512, paddedBytes: 512, payload: small }] }))
    expect(sector.allocated).toEqual([{ start: 0, length: KIB }])
    expect(sector.isAllocated(256, 512)).toBe(true)
  })
  it.each([
    { why: 'shorter than a sector', file: new Uint8Array(2 * KIB - 1), code: 'SECTOR_TRUNCATED' },
    { why: 'empty', file: new Uint8Array(0), code: 'SECTOR_TRUNCATED' },
    { why: 'with a tail too short for a length', file: withTail(Uint8Array.of(1, 2)), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with a length beyond the file', file: withTail(concat([plainRlePlus([{ start: 0, length: 128 }]), u32(0xffff_ffff)])), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with a length that is one too small', file: withTail(concat([plainRlePlus([{ start: 0, length: 2048 }]), u32(2)])), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with a byte behind the length', file: withTail(concat([plainRlePlus([{ start: 0, length: 2048 }]), u32(3), Uint8Array.of(9)])), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with a run beyond the sector', file: withTail(concat([plainRlePlus([{ start: 0, length: 2049 }]), u32(3)])), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with an absurd run', file: withTail(concat([plainRlePlus([{ start: 0, length: 2 ** 52 }]), u32(plainRlePlus([{ start: 0, length: 2 ** 52 }]).byteLength)])), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with another version of the list', file: withTail(concat([Uint8Array.of(5, 0x10, 2), u32(3)])), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with zeros where its trailer was', file: withTail(new Uint8Array(7)), code: 'SECTOR_BAD_TRAILER' },
    { why: 'with a tail longer than any trailer', file: withTail(new Uint8Array(2 * MIB)), code: 'SECTOR_BAD_TRAILER' },
  ])('refuses a file $why', async ({ file, code }) => {
    await expect(open(file)).rejects.toMatchObject({ code })
  })
  it('reads a short trailer with the zeros of an unfinished update behind it', async () => {
    for (const zeros of [1, 3, 4, 8, 100]) {
      const sector = await open(concat([two, new Uint8Array(zeros)]))
      expect(sector.allocated).toEqual([{ start: 0, length: 512 }, { start: KIB, length: KIB }])
    }
  })
  it('reads a long one in that state too, since it was not touched yet', async () => {
    const ranges = Array.from({ length: 300 }, (_, i) => ({ start: 256 * i, length: 128 }))
    const list = plainRlePlus(ranges)
    const file = concat([new Uint8Array(8 * MIB), list, u32(list.byteLength), new Uint8Array(1000)])
    expect((await open(file)).allocated).toEqual(ranges)
  })
  it('gives every one-bit damage of a trailer a refusal or other ranges inside the sector', async () => {
    for (let bit = 2 * KIB * 8; bit < two.byteLength * 8; bit++) {
      const file = two.slice()
      file[bit >> 3]! ^= 1 << (bit & 7)
      await open(file).then(
        (sector) => expect(sector.allocated.every(({ start, length }) => start + length <= 2 * KIB)).toBe(true),
        (error: unknown) => expect(error).toMatchObject({ code: 'SECTOR_BAD_TRAILER' }),
      )
    }
  })
  it('leaves the source open when it refuses the file, and owns it otherwise', async () => {
    const bad = createBytesSource(new Uint8Array(5))
    await expect(openSector(bad)).rejects.toMatchObject({ code: 'SECTOR_TRUNCATED' })
    expect(await bad.read(0, 5)).toHaveLength(5)
    const good = createBytesSource(two)
    const sector = await openSector(good)
    await sector.close()
    await sector.close()
    await expect(good.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
  })
  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough')
    await expect(openSector(createBytesSource(two), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('openPiece', () => {
  const whole = new Uint8Array(508)
  whole.set(small)

  it('reads a large piece at random, and as a stream', async () => {
    const payload = seededBytes(3, 4 * MIB / 128 * 127)
    const file = sectorFile({ sectorBytes: 8 * MIB, pieces: [{ offset: 4 * MIB, paddedBytes: 4 * MIB, payload }] })
    const piece = (await open(file)).openPiece(4 * MIB, 4 * MIB)
    const random = seededRandom('large piece')
    for (let run = 0; run < 200; run++) {
      const at = random.int(payload.byteLength)
      const length = random.int(Math.min(random.pick([200, 5000, 500_000]), payload.byteLength - at) + 1)
      expect(Buffer.compare(await piece.read(at, length), payload.subarray(at, at + length))).toBe(0)
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of readChunks(piece, 0, piece.sizeBytes, { chunkBytes: 100_003 })) chunks.push(chunk)
    expect(Buffer.compare(concat(chunks), payload)).toBe(0)
  })
  it('fetches the chunks around a read and no more', async () => {
    const seen: [number, number][] = []
    const inner = createBytesSource(two)
    const source: ByteSource = { ...inner, read: (at, length, call) => { seen.push([at, length]); return inner.read(at, length, call) } }
    const piece = (await openSector(source)).openPiece(KIB, KIB)
    seen.length = 0
    await piece.read(0, 1)
    await piece.read(126, 2)
    await piece.read(127, 127)
    await piece.read(0, piece.sizeBytes)
    await piece.read(5, 0)
    expect(seen).toEqual([[KIB, 128], [KIB, 256], [KIB + 128, 128], [KIB, KIB]])
  })
  it('never reads bytes of the next piece, as Lotus does after a seek near the end (lotus-integration.md, 6.18)', async () => {
    const seen: number[] = []
    const inner = createBytesSource(two)
    const piece = (await openSector({ ...inner, read: (at, length, call) => { seen.push(at + length); return inner.read(at, length, call) } })).openPiece(0, 512)
    seen.length = 0
    for (let at = 1; at < 508; at += 13) {
      expect(await piece.read(at, 508 - at)).toEqual(whole.subarray(at))
      await expect(piece.read(at, 508)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    }
    expect(Math.max(...seen)).toBe(512)
  })
  it('has an identity that no other piece of the sector has', async () => {
    const identities = [
      { kind: 'file', sizeBytes: two.byteLength, mtimeNs: 5n, inode: 7n },
      { kind: 'version', tag: '"a"', sizeBytes: two.byteLength },
      { kind: 'content', cid: 'bafy', sizeBytes: two.byteLength },
    ] as const
    for (const identity of identities) {
      const sector = await openSector(createBytesSource(two, { identity }))
      const [a, again, b] = [KIB, KIB, KIB + 512].map((at) => sector.openPiece(at, 512).identity)
      expect(compareIdentity(a!, again!)).toBe('same')
      expect(compareIdentity(a!, b!)).not.toBe('same')
    }
  })
  it('has memory of its own in each read', async () => {
    const piece = (await open(two)).openPiece(0, 512)
    const first = await piece.read(10, 300)
    first.fill(0xee)
    expect(await piece.read(10, 300)).toEqual(whole.subarray(10, 310))
  })
  it.each([[-1, 1], [508, 1], [0, 509], [0.5, 1], [0, -1], [Number.NaN, 1]])('refuses to read %s+%s', async (at, length) => {
    const piece = (await open(two)).openPiece(0, 512)
    await expect(piece.read(at, length)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    expect(() => piece.peek(at, length)).toThrow(expect.objectContaining({ code: 'IO_OUT_OF_RANGE' }))
  })
  it('opens only what is in use, in whole chunks', async () => {
    const sector = await open(two)
    expect(sector.openPiece(128, 256).sizeBytes).toBe(254)
    expect(() => sector.openPiece(512, 512)).toThrow(expect.objectContaining({ code: 'SECTOR_NOT_ALLOCATED', offset: 512 }))
    expect(() => sector.openPiece(256, 512)).toThrow(expect.objectContaining({ code: 'SECTOR_NOT_ALLOCATED' }))
    expect(() => sector.openPiece(64 * KIB, 512)).toThrow(expect.objectContaining({ code: 'SECTOR_NOT_ALLOCATED' }))
    for (const [offset, length] of [[1, 128], [0, 127], [0, 0], [-128, 128], [0, -128]] as const) expect(() => sector.openPiece(offset, length)).toThrow(RangeError)
  })
  it('has the identity it is given, else that of the file with its own size', async () => {
    const content = { kind: 'content', cid: 'piece', sizeBytes: 508 } as const
    const sector = await open(two)
    expect(sector.openPiece(0, 512, { identity: content }).identity).toEqual(content)
    expect(sector.openPiece(0, 512).identity).toMatchObject({ kind: 'file', sizeBytes: 508 })
    expect(() => sector.openPiece(0, 512, { identity: { ...content, sizeBytes: 512 } })).toThrow(RangeError)
    const served = await openSector(createBytesSource(two, { identity: { kind: 'version', tag: 'v1', sizeBytes: two.byteLength } }))
    const [first, second] = [served.openPiece(0, 512).identity, served.openPiece(KIB, 512).identity]
    expect(first).toMatchObject({ kind: 'version', sizeBytes: 508 })
    expect(first).not.toEqual(second)
  })
  it('closes alone, or with the sector when it owns it', async () => {
    const sector = await open(two)
    const piece = sector.openPiece(0, 512)
    await piece.close()
    await piece.close()
    await expect(piece.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
    const owner = sector.openPiece(0, 512, { owns: true })
    expect(await owner.read(0, 1)).toHaveLength(1)
    await owner.close()
    expect(() => sector.openPiece(0, 512).peek(0, 1)).toThrow(expect.objectContaining({ code: 'IO_CLOSED' }))
    await expect(sector.openPiece(0, 512).read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
  })
  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough')
    await expect((await open(two)).openPiece(0, 512).read(0, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
