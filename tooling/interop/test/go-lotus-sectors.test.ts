/** Lotus's own code for partial files and fr32, and ours, on the same files. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeSectorStore, plainPieceName, seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { openFileSource, openWritableFile } from '@dagstore/io/node'
import { createPieceLoader, remoteSectors, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { padFr32, unpadFr32 } from '@dagstore/piece'
import { createPieceEngine } from '@dagstore/piece/node'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { openSector, openSectorWriter } from '@dagstore/unsealed-sector'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type SectorStep, useLotus } from './go-lotus.ts'

const { lotus, at } = useLotus()
const SECTOR = 8_388_608
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const pieceOf = (payload: Uint8Array, lengthPadded: number): Uint8Array => {
  const bytes = new Uint8Array(lengthPadded / 128 * 127)
  bytes.set(payload)
  return bytes
}

describe('fr32', () => {
  // the largest is what Lotus divides among threads
  it.for([127, 254, 127 * 64, 127 * 8192])('of %d bytes is that of Lotus, by every engine', async (length, context) => {
    const program = lotus(context)
    const unpadded = seededBytes(length, length)
    const padded = padFr32(unpadded)
    const [plain, back] = [at(`plain-${length}`), at(`padded-${length}`)]
    await writeFile(plain, unpadded)
    await writeFile(back, padded)
    const [pad, unpad] = await program.run([{ op: 'pad', file: plain }, { op: 'unpad', file: back }])
    expect(pad?.sha256).toBe(sha256(padded))
    expect(unpad?.sha256).toBe(sha256(unpadded))
    expect(sha256(unpadFr32(padded))).toBe(sha256(unpadded))
    const fast = new Uint8Array(unpadded.byteLength)
    createPieceEngine().unpadInto(padded, fast)
    expect(sha256(fast)).toBe(sha256(unpadded))
  })
})

describe('a storage that the generator made', () => {
  it('holds for Lotus what its records say', async (context) => {
    const program = lotus(context)
    const store = await makeSectorStore(at('generated'), {})
    const inFiles = store.deals.filter(({ copy }) => copy !== 'no-file')
    const steps = inFiles.map(({ miner, sector, offsetPadded, lengthPadded }): SectorStep => ({
      op: 'read', file: store.sectors.find((one) => one.miner === miner && one.sector === sector)!.file!, sectorBytes: SECTOR, offset: offsetPadded, length: lengthPadded,
    }))
    const results = await program.run(steps)
    for (const [index, { copy, pieceCid }] of inFiles.entries()) {
      expect(results[index]).toEqual(copy === 'there' ? { allocated: true, sha256: sha256(store.piece(pieceCid)) } : { allocated: false })
    }
    const lists = store.sectors.filter(({ file }) => file !== undefined)
    const ranges = await program.run(lists.map(({ file }): SectorStep => ({ op: 'ranges', file: file!, sectorBytes: SECTOR })))
    for (const [index, { file }] of lists.entries()) {
      const sector = await openSector(await openFileSource(file!), { sectorBytes: SECTOR })
      expect(sector.allocated.map(({ start, length }) => [start, length])).toEqual(ranges[index]?.ranges)
      await sector.close()
    }
  })
})

describe('a sector file that Lotus writes', () => {
  it('is read while Lotus adds pieces to it and frees them', async (context) => {
    const program = lotus(context)
    const folder = at('lotus-storage')
    await mkdir(join(folder, 'unsealed'), { recursive: true })
    const file = join(folder, 'unsealed', 's-t01000-1')
    const pieceStore = createMemoryPieceStore()
    const places = [[0, 65_536, 60_000], [262_144, 262_144, 250_000], [65_536, 2048, 2032], [4_194_304, 4_194_304, 100]] as const
    const pieces = await Promise.all(places.map(async ([offsetPadded, lengthPadded, length], index) => {
      const payload = seededBytes(index, length)
      const path = at(`payload-${index}`)
      await writeFile(path, payload)
      const cid = CID.parse(plainPieceName(payload, lengthPadded).v1)
      await pieceStore.add(cid, { miner: 1000n, sector: 1n, offsetPadded, lengthPadded, payloadBytes: length })
      return { cid, bytes: pieceOf(payload, lengthPadded), offset: offsetPadded, length: lengthPadded, payload: path }
    }))
    const loader = createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: localSectors([folder]) })])
    const write = (index: number): Promise<unknown> => {
      const { offset, length, payload } = pieces[index]!
      return program.run([{ op: 'write', file, sectorBytes: SECTOR, offset, length, payload }])
    }
    await write(0)
    const first = await loader.open(pieces[0]!.cid)
    await expect(loader.open(pieces[1]!.cid)).rejects.toMatchObject({ code: 'PIECE_LOST' })
    for (const index of [1, 2, 3]) {
      await write(index)
      expect(sha256(await first.read(0, first.sizeBytes))).toBe(sha256(pieces[0]!.bytes))
      const source = await loader.open(pieces[index]!.cid)
      expect(sha256(await source.read(0, source.sizeBytes))).toBe(sha256(pieces[index]!.bytes))
      await source.close()
    }
    await program.run([{ op: 'free', file, sectorBytes: SECTOR, offset: pieces[0]!.offset, length: pieces[0]!.length }])
    await expect(first.read(0, 100)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST' })
    expect((await loader.stat(pieces[2]!.cid)).unsealed).toBe('yes')
    await loader.close()
  })
})

describe('a sector file that Lotus and our writer take turns at', () => {
  it.for([1, 2, 3])('has what the last of them left, for both (seed %d)', async (seed, context) => {
    const program = lotus(context)
    const random = seededRandom(`lotus-turns/${seed}`)
    const file = at(`turns-${seed}`)
    const slots = Array.from({ length: 8 }, (_, index) => ({ offset: index * 1_048_576, length: 2 ** (7 + random.int(12)) }))
    const held = new Map<number, Uint8Array>()
    const path = at(`turn-payload-${seed}`)
    for (let turn = 0; turn < 14; turn++) {
      const index = random.int(slots.length)
      const { offset, length } = slots[index]!
      const byLotus = turn === 0 || random.chance(0.5)
      const frees = held.has(index)
      if (frees) held.delete(index)
      const payload = frees ? undefined : seededBytes(seed * 100 + turn, 1 + random.int(length / 128 * 127))
      if (payload !== undefined) held.set(index, pieceOf(payload, length))
      if (byLotus) {
        if (payload !== undefined) await writeFile(path, payload)
        await program.run([{ op: frees ? 'free' : 'write', file, sectorBytes: SECTOR, offset, length, payload: path }])
      } else {
        const writer = await openSectorWriter(await openWritableFile(file, 'any'), { sectorBytes: SECTOR })
        if (payload === undefined) await writer.free(offset, length)
        else await writer.writePiece(offset, length, [payload])
        await writer.close()
      }
      const read = await program.run(slots.map((slot): SectorStep => ({ op: 'read', file, sectorBytes: SECTOR, ...slot })))
      const sector = await openSector(await openFileSource(file), { sectorBytes: SECTOR })
      for (const [one, slot] of slots.entries()) {
        const bytes = held.get(one)
        expect(read[one]?.allocated).toBe(bytes !== undefined)
        expect(sector.isAllocated(slot.offset, slot.length)).toBe(bytes !== undefined)
        if (bytes === undefined) continue
        expect(read[one]?.sha256).toBe(sha256(bytes))
        expect(sha256(await sector.openPiece(slot.offset, slot.length).read(0, bytes.byteLength))).toBe(sha256(bytes))
      }
      await sector.close()
    }
  })
})

describe('a miner that serves its unsealed sectors', () => {
  it('gives the pieces by ranges, says what is allocated, and nothing in its storage changes', async (context) => {
    const program = lotus(context)
    const store = await makeSectorStore(at('served'), { paths: 1 })
    const folder = store.folders[0]!
    const { url, stop } = await program.serve(folder)
    const pieceStore = createMemoryPieceStore()
    for (const { pieceCid, miner, sector, offsetPadded, lengthPadded } of store.deals) await pieceStore.add(CID.parse(pieceCid), { miner, sector, offsetPadded, lengthPadded, payloadBytes: undefined })
    const ranges: string[] = []
    const loader = createPieceLoader([remoteSectors({
      pieceStore,
      // 8 MiB sectors
      find: async (miner, sector) => [{ url: `${url}/remote/unsealed/s-t0${miner}-${sector}`, sealProof: 6 }],
      fetch: (input, init) => {
        ranges.push(new Headers(init?.headers).get('range') ?? '')
        return fetch(input, init)
      },
    })])
    const digests = async (): Promise<string[]> => Promise.all((await readdir(join(folder, 'unsealed'))).filter((name) => name !== 'fetching').map(async (name) => sha256(await readFile(join(folder, 'unsealed', name)))))
    const before = await digests()
    const there = new Set(store.deals.filter(({ copy }) => copy === 'there').map(({ pieceCid }) => pieceCid))
    for (const pieceCid of there) {
      const cid = CID.parse(pieceCid)
      expect((await loader.stat(cid)).unsealed).toBe('yes')
      const source = await loader.open(cid)
      const want = store.piece(pieceCid)
      ranges.length = 0
      expect(sha256(await source.read(0, source.sizeBytes))).toBe(sha256(want))
      expect(await source.read(want.byteLength >> 1, 17)).toEqual(want.slice(want.byteLength >> 1, (want.byteLength >> 1) + 17))
      for (const range of ranges) {
        const [first, last] = /^bytes=(\d+)-(\d+)$/u.exec(range)!.slice(1).map(Number) as [number, number]
        expect(last + 1 - first).toBeLessThanOrEqual(want.byteLength / 127 * 128)
      }
      await source.close()
    }
    const freed = store.deals.find(({ copy, pieceCid }) => copy === 'freed' && !there.has(pieceCid))
    if (freed !== undefined) expect((await loader.stat(CID.parse(freed.pieceCid))).unsealed).toBe('sealed')
    expect(await digests()).toEqual(before)
    await loader.close()
    stop()
  })

  it('is told to have changed when its file was written to', async (context) => {
    const program = lotus(context)
    const folder = at('changing')
    await mkdir(join(folder, 'unsealed'), { recursive: true })
    const file = join(folder, 'unsealed', 's-t01000-3')
    const payload = seededBytes(9, 200_000)
    const path = at('changing-payload')
    await writeFile(path, payload)
    await program.run([{ op: 'write', file, sectorBytes: SECTOR, offset: 0, length: 262_144, payload: path }])
    const cid = CID.parse(plainPieceName(payload, 262_144).v1)
    const pieceStore = createMemoryPieceStore()
    await pieceStore.add(cid, { miner: 1000n, sector: 3n, offsetPadded: 0, lengthPadded: 262_144, payloadBytes: undefined })
    const { url, stop } = await program.serve(folder)
    const loader = createPieceLoader([remoteSectors({ pieceStore, find: async () => [{ url: `${url}/remote/unsealed/s-t01000-3` }] })])
    const source = await loader.open(cid)
    expect(await source.read(0, 1000)).toEqual(payload.slice(0, 1000))
    // another piece: the file is longer by its list
    await program.run([{ op: 'write', file, sectorBytes: SECTOR, offset: 1_048_576, length: 262_144, payload: path }])
    expect(await source.read(100_000, 1000)).toEqual(payload.slice(100_000, 101_000))
    await program.run([{ op: 'free', file, sectorBytes: SECTOR, offset: 0, length: 262_144 }])
    expect((await stat(file)).size).toBeGreaterThan(SECTOR)
    await expect(source.read(0, 1000)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST' })
    await source.close()
    await loader.close()
    stop()
  })
})
