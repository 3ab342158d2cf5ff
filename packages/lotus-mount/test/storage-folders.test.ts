import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { makeSectorStore, type SectorStore } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPieceLoader, parkedPieceSource, sectorPieceSource } from '../src/index.ts'
import { type AnyFolder, awaitStorage, curioPieceFiles, localSectors, missingStorage, readStorageFolders } from '../src/node.ts'

describe('readStorageFolders', () => {
  let root = ''
  let store: SectorStore
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'storage-folders-'))
    store = await makeSectorStore(join(root, 'store'), { sectors: 3, piecesPerSector: 1 })
  })
  afterAll(() => rm(root, { recursive: true }))

  it('reads the storage paths of a repository, of its storage.json, and a storage path itself', async () => {
    const wanted = store.folders.map((path, at) => ({ path, id: `00000000-0000-4000-8000-00000000000${at + 1}`, isMarked: true }))
    expect(await readStorageFolders(store.repo)).toEqual(wanted)
    expect(await readStorageFolders(join(store.repo, 'storage.json'))).toEqual(wanted)
    expect(await readStorageFolders(store.folders[1]!)).toEqual([wanted[1]])
    await symlink(store.repo, join(root, 'link'))
    expect(await readStorageFolders(join(root, 'link'))).toEqual(wanted)
  })

  it('takes folders that have sectors or pieces, and no mark', async () => {
    for (const kind of ['unsealed', 'piece']) {
      const folder = join(root, `plain-${kind}`)
      await mkdir(join(folder, kind), { recursive: true })
      expect(await readStorageFolders(folder)).toEqual([{ path: folder, id: undefined, isMarked: false }])
    }
  })

  it('names storage paths whose disk is not there, and those of the home folder', async () => {
    const file = join(root, 'storage.json')
    await writeFile(file, JSON.stringify({ StoragePaths: [{ Path: join(root, 'gone') }, { Path: '~/no-such-folder-of-ours' }] }))
    expect(await readStorageFolders(file)).toEqual([{ path: join(root, 'gone'), id: undefined, isMarked: true }, { path: join(homedir(), 'no-such-folder-of-ours'), id: undefined, isMarked: true }])
    await rm(file)
  })

  it('takes a storage path whose mark is damaged', async () => {
    const folder = join(root, 'damaged')
    await mkdir(folder)
    for (const text of ['{', '[]', '{"ID":7}']) {
      await writeFile(join(folder, 'sectorstore.json'), text)
      expect(await readStorageFolders(folder)).toEqual([{ path: folder, id: undefined, isMarked: true }])
    }
  })

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no list', '{"StoragePaths":{}}'],
    ['no paths', '{"StoragePaths":[]}'],
    ['no text', '{"StoragePaths":[{"Path":7}]}'],
    ['no entry', '{"StoragePaths":[null]}'],
    ['a relative path', '{"StoragePaths":[{"Path":"here"}]}'],
    ['endless text', `{"StoragePaths":[${' '.repeat(1 << 20)}]}`],
  ])('refuses a storage.json with %s, by its name alone', async (_, text) => {
    const folder = await mkdtemp(join(root, 'bad-'))
    await writeFile(join(folder, 'storage.json'), text)
    const error: unknown = await readStorageFolders(folder).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PIECE_BAD_STORAGE', piece: undefined })
    expect((error as Error).message).not.toContain(root)
  })

  it('refuses what is no storage', async () => {
    await expect(readStorageFolders(join(root, 'nothing'))).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    await expect(readStorageFolders(root)).rejects.toMatchObject({ code: 'PIECE_BAD_STORAGE' })
    await symlink('loop', join(root, 'loop'))
    await expect(readStorageFolders(join(root, 'loop'))).rejects.toMatchObject({ code: 'IO_FAILED' })
  })
})

describe('a whole storage of a provider', () => {
  let root = ''
  let store: SectorStore
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'storage-'))
    store = await makeSectorStore(root)
    return () => rm(root, { recursive: true })
  })
  const loaderOf = async (storage?: readonly AnyFolder[]): Promise<ReturnType<typeof createPieceLoader>> => {
    const pieceStore = createMemoryPieceStore()
    for (const { pieceCid, miner, sector, offsetPadded, lengthPadded, payloadBytes } of store.deals) {
      await pieceStore.add(CID.parse(pieceCid), { miner, sector, offsetPadded, lengthPadded, payloadBytes })
    }
    for (const { id, pieceCid, lengthPadded, payloadBytes } of store.parked) {
      await pieceStore.add(CID.parse(pieceCid), { miner: 0n, sector: id, offsetPadded: 0, lengthPadded, payloadBytes })
    }
    const folders = storage ?? await readStorageFolders(store.repo)
    return createPieceLoader([
      sectorPieceSource({ pieceStore, openSectorFile: localSectors(folders) }),
      parkedPieceSource({ pieceStore, openPieceFile: curioPieceFiles(folders), cost: 1 }),
    ])
  }

  it('gives each piece that has an unsealed copy, its true sizes, and says of the others that they are sealed', async () => {
    const loader = await loaderOf()
    const there = new Set([...store.deals.filter(({ copy }) => copy === 'there'), ...store.parked].map(({ pieceCid }) => pieceCid))
    expect(there.size).toBeGreaterThan(10)
    for (const { pieceCid, lengthPadded, payloadBytes } of store.deals) {
      const cid = CID.parse(pieceCid)
      // L3: 4 - the size of a piece was its padded size, up to twice the CAR
      expect(await loader.stat(cid)).toEqual({ unsealed: there.has(pieceCid) ? 'yes' : 'sealed', pieceBytes: lengthPadded / 128 * 127, payloadBytes })
      if (!there.has(pieceCid)) {
        await expect(loader.open(cid)).rejects.toMatchObject({ code: 'PIECE_SEALED' })
        continue
      }
      const source = await loader.open(cid)
      expect(await source.read(0, source.sizeBytes)).toEqual(store.piece(pieceCid))
      await source.close()
    }
    await loader.close()
  })

  it('L3: 4 - sizes were those of padded pieces: the payload ends where the CAR does', async () => {
    const loader = await loaderOf()
    const { pieceCid, payloadBytes } = store.deals.find(({ copy, payloadBytes: length, lengthPadded }) => copy === 'there' && length < lengthPadded / 2 / 128 * 127)!
    const stat = await loader.stat(CID.parse(pieceCid))
    expect(stat.payloadBytes).toBe(payloadBytes)
    expect(stat.pieceBytes).toBeGreaterThan(2 * payloadBytes)
    await loader.close()
  })

  it('reads a parked piece when the sectors that have it are gone', async () => {
    const loader = await loaderOf()
    const [{ pieceCid, file }] = store.parked as [SectorStore['parked'][number]]
    const source = await loader.open(CID.parse(pieceCid))
    for (const folder of store.folders) await rm(join(folder, 'unsealed'), { recursive: true })
    expect(await source.read(10, 100)).toEqual(store.piece(pieceCid).slice(10, 110))
    await source.close()
    expect(await loader.explain(CID.parse(pieceCid))).toMatch(/s-t00-7 is there/u)
    await rm(file)
    expect(await loader.explain(CID.parse(pieceCid))).toMatch(/s-t00-7 not in \//u)
    await expect(loader.open(CID.parse(pieceCid))).rejects.toMatchObject({ code: 'PIECE_SEALED' })
    await loader.close()
  })

  it('does not take a piece for sealed while the disk of a storage path is not there', async () => {
    const loader = await loaderOf()
    const { pieceCid } = store.deals.find(({ copy, pieceCid: cid }) => copy === 'there' && store.deals.filter((deal) => deal.pieceCid === cid).length === 1 && store.parked.every((parked) => parked.pieceCid !== cid))!
    for (const folder of store.folders) {
      await rename(folder, `${folder}.unplugged`)
      await mkdir(folder)
    }
    expect((await loader.stat(CID.parse(pieceCid))).unsealed).toBe('unknown')
    const error: unknown = await loader.open(CID.parse(pieceCid)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
    for (const folder of store.folders) {
      await rm(folder, { recursive: true })
      await rename(`${folder}.unplugged`, folder)
    }
    await (await loader.open(CID.parse(pieceCid))).close()
    await loader.close()
  })

  /** A piece with one copy, and that in the storage path. */
  const pieceIn = (folder: string): CID => {
    const one = store.deals.find(({ copy, miner, sector, pieceCid }) => copy === 'there' && existsSync(join(folder, 'unsealed', `s-t0${miner}-${sector}`)) && store.deals.filter((deal) => deal.pieceCid === pieceCid).length === 1 && store.parked.every((parked) => parked.pieceCid !== pieceCid))
    return CID.parse(one!.pieceCid)
  }

  it('reads what was not there at the beginning once it is, and takes nothing in it for absent before', async () => {
    const [folder, ...others] = store.folders as [string, ...string[]]
    const piece = pieceIn(folder)
    await rename(folder, `${folder}.unplugged`)
    const places = [folder, ...others].map(awaitStorage)
    const loader = await loaderOf(places)
    const waited = async (): Promise<void> => {
      expect((await loader.stat(piece)).unsealed).toBe('unknown')
      expect(await loader.open(piece).catch((thrown: unknown) => thrown)).toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
      expect((await missingStorage(places)).map(({ path }) => path)).toEqual([folder])
      expect(await loader.explain(piece)).toContain(folder)
    }
    await waited()
    await mkdir(folder) // a mount point
    await waited()
    await rm(folder, { recursive: true })
    await rename(`${folder}.unplugged`, folder)
    await (await loader.open(piece)).close()
    expect(await missingStorage(places)).toEqual([])
    await rename(folder, `${folder}.unplugged`)
    await waited()
    await (await loader.open(pieceIn(others[0]!))).close()
    await loader.close()
  })

  it('finds what is in a storage path that was attached later, and what is in those it knows while storage.json is away or damaged', async () => {
    const file = join(store.repo, 'storage.json')
    const whole = await readFile(file, 'utf8')
    const { StoragePaths } = JSON.parse(whole) as { readonly StoragePaths: readonly unknown[] }
    await writeFile(file, JSON.stringify({ StoragePaths: StoragePaths.slice(0, 1) }))
    const loader = await loaderOf([awaitStorage(store.repo)])
    const [first, , last] = store.folders as [string, string, string]
    const piece = pieceIn(last)
    await expect(loader.open(piece)).rejects.toMatchObject({ code: 'PIECE_LOST' })
    expect(await loader.explain(piece)).toMatch(new RegExp(`not in ${first}$`))
    await writeFile(file, whole)
    await (await loader.open(piece)).close()
    await writeFile(join(store.repo, 'sectorstore.json'), '{}') // as that of Lotus, which is a storage path itself
    for (const change of [() => writeFile(file, '{'), () => rm(file), () => rename(store.repo, `${store.repo}.unplugged`)]) {
      await change()
      await (await loader.open(piece)).close()
    }
    await loader.close()
  })

  it('takes nothing for absent that was in a storage path without a mark, when that is empty or gone', async () => {
    const [folder] = store.folders as [string]
    await rm(join(folder, 'sectorstore.json'))
    const loader = await loaderOf(await readStorageFolders(folder))
    const piece = pieceIn(folder)
    await (await loader.open(piece)).close()
    await rename(folder, `${folder}.unplugged`)
    for (const make of [async () => {}, () => mkdir(folder)]) {
      await make()
      expect((await loader.stat(piece)).unsealed).toBe('unknown')
      expect(await loader.open(piece).catch((thrown: unknown) => thrown)).toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
    }
    await loader.close()
  })
})
