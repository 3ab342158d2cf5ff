import { type Fr32, padFr32Into, unpadFr32Into } from '@dagstore/piece'
import { createMemoryPieceStore, type PieceStore } from '@dagstore/piece-store'
import { concat, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { createPieceLoader, type PieceLoader, sectorPieceSource } from '../src/index.ts'
import { ioError, makePiece, type TestPiece, testSource } from './pieces.ts'
import { createShelf, type SectorShelf } from './sector-files.ts'

const KIB = 1024
const piece = makePiece(1, 1000) // 1 KiB padded
const neighbour = makePiece(2, 1000)
const SECTOR = 8 * KIB * KIB

/** A sector with pieces at these offsets. */
const sectorWith = (pieces: readonly (readonly [number, TestPiece])[], sectorBytes = 2 * KIB): Uint8Array =>
  sectorFile({ sectorBytes, pieces: pieces.map(([offset, { payload, paddedBytes }]) => ({ offset, paddedBytes, payload })) })

interface Place { readonly store: PieceStore, readonly shelf: SectorShelf, readonly loader: PieceLoader }

/** The piece at 1 KiB of sectors 1000-1 and 1000-2; only the files given are there. */
const open = async (files: Record<string, Uint8Array>, watches = true): Promise<Place> => {
  const store = createMemoryPieceStore()
  for (const sector of [1n, 2n]) await store.add(piece.v2, { miner: 1000n, sector, offsetPadded: KIB, lengthPadded: KIB, payloadBytes: 1000 })
  const shelf = createShelf(watches)
  for (const [name, bytes] of Object.entries(files)) shelf.files.set(name, bytes)
  return { store, shelf, loader: createPieceLoader([sectorPieceSource({ pieceStore: store, openSectorFile: shelf.openSectorFile })]) }
}

const whole = sectorWith([[0, neighbour], [KIB, piece]])
const cleared = (() => {
  const bytes = sectorWith([[0, neighbour]]).slice()
  bytes.fill(0, KIB, 2 * KIB) // Lotus also frees the bytes
  return bytes
})()

describe('sectorPieceSource', () => {
  it('gives the unpadded piece from where the piece store says it is', async () => {
    const { loader, shelf } = await open({ '1000-1': whole })
    expect(await loader.stat(piece.v1)).toEqual({ unsealed: 'yes', pieceBytes: 1016, payloadBytes: 1000 })
    expect(shelf.openNow).toBe(0)
    const source = await loader.open(piece.v1)
    expect(source.identity).toEqual({ kind: 'content', cid: piece.v1.toString(), sizeBytes: 1016 })
    expect(source.cost.kind).toBe('local')
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    for (const [at, length] of [[0, 1], [126, 2], [500, 300], [999, 17], [1016, 0]] as const) expect(await source.read(at, length)).toEqual(piece.bytes.slice(at, at + length))
    expect(source.peek(0, 1)).toBeUndefined()
    expect(shelf.openNow).toBe(1)
    await source.close()
    await source.close()
    expect([shelf.openNow, shelf.closes]).toEqual([0, shelf.opens])
  })

  it('unpads with the engine that it is given', async () => {
    const { store, shelf } = await open({ '1000-1': whole })
    let unpadded = 0
    const fr32: Fr32 = { padInto: padFr32Into, unpadInto: (padded, output) => { unpadded += padded.byteLength; return unpadFr32Into(padded, output) } }
    const source = await sectorPieceSource({ pieceStore: store, openSectorFile: shelf.openSectorFile, fr32 }).open(piece.v1)
    expect(await source!.read(0, 200)).toHaveLength(200)
    expect(unpadded).toBe(256)
    await source!.close()
  })
  it('takes a file without a list of ranges as wholly allocated', async () => {
    const { loader } = await open({ '1000-1': whole.slice(0, 2 * KIB) })
    const source = await loader.open(piece.v1)
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    await source.close()
  })

  it('reads a piece of a large sector without reading the sector', async () => {
    const { loader, shelf } = await open({ '1000-1': sectorWith([[KIB, piece]], SECTOR) })
    let reads = 0
    shelf.onStep = (step) => { if (step === 'read') reads++ }
    const source = await loader.open(piece.v1)
    expect(await source.read(100, 50)).toEqual(piece.bytes.slice(100, 150))
    expect(reads).toBe(2) // the list of ranges, the chunks
    await source.close()
  })

  it('does not know a piece that the piece store does not know', async () => {
    const { loader } = await open({ '1000-1': whole })
    await expect(loader.stat(neighbour.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN', retry: 'never' })
    await expect(loader.open(neighbour.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN', retry: 'never' })
  })

  it.each<[string, Record<string, Uint8Array>]>([
    ['there is no file', {}],
    ['the range is cleared', { '1000-1': cleared }],
    ['part of the range is cleared', { '1000-2': sectorWith([[0, neighbour], [KIB, makePiece(3, 500)]]) }],
  ])('calls the piece lost where %s', async (_, files) => {
    const { loader, shelf } = await open(files)
    expect(await loader.stat(piece.v1)).toEqual({ unsealed: 'lost', pieceBytes: 1016, payloadBytes: 1000 })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOST', retry: 'later' })
    expect(shelf.openNow).toBe(0)
  })

  it('takes the next copy when the first is not there, is cleared, or cannot be read', async () => {
    for (const first of [undefined, cleared, whole.subarray(0, 100), concat([whole, Uint8Array.of(9)])]) {
      const { loader, shelf } = await open({ ...(first === undefined ? {} : { '1000-1': first }), '1000-2': whole })
      expect((await loader.stat(piece.v1)).unsealed).toBe('yes')
      const source = await loader.open(piece.v1)
      expect(await source.read(3, 3)).toEqual(piece.bytes.slice(3, 6))
      await source.close()
      expect(shelf.openNow).toBe(0)
    }
  })

  it('does not call absent or sealed what it could not read', async () => {
    const { loader, shelf } = await open({ '1000-1': whole.subarray(0, 100) })
    expect((await loader.stat(piece.v1)).unsealed).toBe('unknown')
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later', cause: { errors: [{ code: 'IO_FAILED', cause: { errors: [{ code: 'IO_FAILED', cause: { code: 'SECTOR_TRUNCATED' } }] } }] } })
    shelf.broken = ioError('IO_FORBIDDEN', 'never')
    expect((await loader.stat(piece.v1)).unsealed).toBe('unknown')
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'never' })
    expect(shelf.openNow).toBe(0)
  })

  it.each(['IO_TRUNCATED', 'IO_SOURCE_CHANGED'] as const)('cannot be read for now, not for good, while its sector is written to all the time (%s)', async (code) => {
    const { loader, shelf } = await open({ '1000-1': whole })
    shelf.onStep = (step) => { if (step === 'read') throw ioError(code, 'never') }
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
    shelf.onStep = () => {}
    await (await loader.open(piece.v1)).close()
    expect(shelf.openNow).toBe(0)
  })

  it('says of a piece that is lost in many sectors no more than people read', async () => {
    const { store, loader } = await open({})
    for (let sector = 3n; sector < 200n; sector++) await store.add(piece.v2, { miner: 1000n, sector, offsetPadded: 0, lengthPadded: KIB, payloadBytes: 1000 })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOST', message: expect.stringMatching(/^t01000 sector 1 @1024: .{100,600}$/u) })
  })

  it('ends a read with its abort while the disk does not answer', async () => {
    const { store, shelf } = await open({ '1000-1': whole })
    const stop = new AbortController()
    const opened = await sectorPieceSource({
      pieceStore: store,
      openSectorFile: async (...call) => {
        const file = await shelf.openSectorFile(...call)
        return file && { ...file, state: async () => { stop.abort('stop'); return new Promise<'same'>(() => {}) } }
      },
    }).open(piece.v1)
    await expect(opened!.read(0, 10, { signal: stop.signal })).rejects.toBe('stop')
    await opened!.close()
    expect(shelf.openNow).toBe(0)
  })

  it('rejects with the reason of an abort, and leaves no file open', async () => {
    for (const stage of ['open', 'read'] as const) {
      const { loader, shelf } = await open({ '1000-1': whole, '1000-2': whole })
      const aborting = new AbortController()
      shelf.onStep = (step) => { if (step === stage) aborting.abort('stop') }
      await expect(loader.open(piece.v1, { signal: aborting.signal })).rejects.toBe('stop')
      const second = new AbortController()
      shelf.onStep = (step) => { if (step === stage) second.abort('stop stat') }
      await expect(loader.stat(piece.v1, { signal: second.signal })).rejects.toBe('stop stat')
      expect(shelf.openNow).toBe(0)
    }
  })
})

describe('an open piece of a sector', () => {
  it('goes on while other pieces are added to the sector', async () => {
    const { loader, shelf } = await open({ '1000-1': sectorWith([[KIB, piece]]) })
    const source = await loader.open(piece.v1)
    shelf.write('1000-1', whole)
    expect(await source.read(0, 100)).toEqual(piece.bytes.slice(0, 100))
    expect([shelf.opens, shelf.openNow]).toEqual([2, 1])
    expect(await source.read(100, 100)).toEqual(piece.bytes.slice(100, 200))
    expect(shelf.opens).toBe(2)
    await source.close()
    expect([shelf.openNow, shelf.closes]).toEqual([0, 2])
  })

  it('goes on while the sector is written to without a pause', async () => {
    const { loader, shelf } = await open({ '1000-1': whole })
    const source = await loader.open(piece.v1)
    shelf.onStep = () => { shelf.write('1000-1', whole) }
    for (let at = 0; at < 1000; at += 100) expect(await source.read(at, 10)).toEqual(piece.bytes.slice(at, at + 10))
    await source.close()
    expect(shelf.openNow).toBe(0)
  })

  it('gives nothing of what its owner has cleared, before, while or after it was read', async () => {
    for (const when of ['open', 'read', 'state'] as const) {
      const { loader, shelf } = await open({ '1000-1': whole })
      const source = await loader.open(piece.v1)
      let done = false
      shelf.onStep = (step) => {
        if (done || step !== when) return
        done = true
        shelf.write('1000-1', cleared)
      }
      if (when === 'open') shelf.write('1000-1', whole)
      await expect(source.read(0, 100)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
      await expect(source.read(0, 100)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST' })
      await source.close()
      expect(shelf.openNow).toBe(0)
    }
  })

  it('goes on in the next copy when its own is cleared or removed', async () => {
    for (const removed of [false, true]) {
      const { loader, shelf } = await open({ '1000-1': whole, '1000-2': whole })
      const source = await loader.open(piece.v1)
      if (removed) shelf.files.delete('1000-1')
      else shelf.write('1000-1', cleared)
      expect(await source.read(0, 1016)).toEqual(piece.bytes)
      expect(shelf.openNow).toBe(1)
      await source.close()
      expect([shelf.openNow, shelf.closes]).toEqual([0, shelf.opens])
    }
  })

  it('goes on at another source when no copy is left, and comes back when one is unsealed again', async () => {
    const { store, shelf } = await open({ '1000-1': whole })
    const remote = testSource('remote', 10, [piece])
    const loader = createPieceLoader([remote, sectorPieceSource({ pieceStore: store, openSectorFile: shelf.openSectorFile })])
    const source = await loader.open(piece.v1)
    shelf.files.delete('1000-1')
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    expect([shelf.openNow, remote.openNow]).toEqual([0, 1])
    remote.lost = ioError('IO_SOURCE_LOST')
    shelf.files.set('1000-1', whole)
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    expect([shelf.openNow, remote.openNow]).toEqual([1, 0])
    await source.close()
    expect([shelf.openNow, remote.openNow]).toEqual([0, 0])
  })

  it('reads anew from a file that has taken the place of its own', async () => {
    const { loader, shelf } = await open({ '1000-1': whole })
    const source = await loader.open(piece.v1)
    const steps: string[] = []
    shelf.write('1000-1', whole.slice(), 'other')
    shelf.onStep = (step) => steps.push(step)
    expect(await source.read(0, 50)).toEqual(piece.bytes.slice(0, 50))
    expect(steps).toEqual(['read', 'state', 'open', 'read', 'read', 'state'])
    await source.close()
    expect(shelf.openNow).toBe(0)
  })

  it('looks once for all reads that are under way', async () => {
    const { loader, shelf } = await open({ '1000-1': whole })
    const source = await loader.open(piece.v1)
    shelf.write('1000-1', whole)
    const reads = await Promise.all(Array.from({ length: 40 }, (_, at) => source.read(at * 20, 20)))
    expect(reads).toEqual(Array.from({ length: 40 }, (_, at) => piece.bytes.slice(at * 20, at * 20 + 20)))
    expect([shelf.opens, shelf.openNow]).toEqual([2, 1])
    await source.close()
  })

  it('ends when it is closed while it looks again', async () => {
    const { loader, shelf } = await open({ '1000-1': whole })
    const source = await loader.open(piece.v1)
    shelf.write('1000-1', whole)
    let closing: Promise<void> | undefined
    shelf.onStep = (step) => { if (step === 'open') closing ??= source.close() }
    // a read under way may finish
    await source.read(0, 10).then((bytes) => { expect(bytes).toEqual(piece.bytes.slice(0, 10)) }, (error: unknown) => { expect(error).toMatchObject({ code: 'IO_CLOSED' }) })
    await closing
    expect(shelf.openNow).toBe(0)
    await expect(source.read(0, 10)).rejects.toMatchObject({ code: 'IO_CLOSED' })
  })

  it('reads from files that cannot say whether they were changed', async () => {
    const { loader, shelf } = await open({ '1000-1': whole }, false)
    const source = await loader.open(piece.v1)
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    expect(source.peek(0, 10)).toEqual(piece.bytes.slice(0, 10))
    await source.close()
    expect(shelf.openNow).toBe(0)
  })
})

describe('sector fixtures of this test', () => {
  it('are what they are taken for', () => {
    expect(seededBytes(1, 4)).toEqual(piece.payload.slice(0, 4))
    expect(piece.paddedBytes).toBe(KIB)
  })

  it('says where it looks, and what is there', async () => {
    const { loader, store, shelf } = await open({ '1000-2': cleared })
    expect(await loader.explain(piece.v2)).toBe('t01000 sector 1 @1024: s-t01000-1 not in sectors; t01000 sector 2 @1024: s-t01000-2 is there, the piece in it is not unsealed')
    expect(await loader.explain(neighbour.v1)).toBe('no record of it in sectors')
    const openSectorFile = Object.assign((...call: Parameters<typeof shelf.openSectorFile>) => shelf.openSectorFile(...call), { places: ['/mnt/a', '/mnt/b'] })
    const placed = createPieceLoader([sectorPieceSource({ pieceStore: store, openSectorFile })])
    expect(await placed.explain(piece.v1)).toMatch(/^t01000 sector 1 @1024: s-t01000-1 not in \/mnt\/a, \/mnt\/b; /)
    shelf.files.set('1000-1', whole)
    expect(await placed.explain(piece.v1)).toMatch(/^t01000 sector 1 @1024: s-t01000-1 is there; /)
    expect(shelf.openNow).toBe(0)
  })
})
