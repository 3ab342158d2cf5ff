import { cp, mkdir, mkdtemp, readdir, readlink, realpath, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { sectorFile } from '@dagstore-tooling/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPieceLoader, type PieceLoader, sectorPieceSource } from '../src/index.ts'
import { localSectors } from '../src/node.ts'
import { makePiece } from './pieces.ts'

const piece = makePiece(1, 1000)
const sector = (pieces: readonly number[]): Uint8Array => sectorFile({ sectorBytes: 2048, pieces: pieces.map((offset) => ({ offset, paddedBytes: 1024, payload: piece.payload })) })

/** Of this process on the file; others come and go with the test runner. */
const descriptors = async (path: string): Promise<number> => {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(names.map((name) => readlink(join('/proc/self/fd', name)).catch(() => '')))
  return targets.filter((target) => target === path).length
}
const treeOf = async (folder: string): Promise<string[]> =>
  Promise.all((await readdir(folder, { recursive: true })).sort().map(async (name) => {
    const { size, mtimeMs, ino } = await stat(join(folder, name))
    return `${name} ${size} ${mtimeMs} ${ino}`
  }))

describe('localSectors', () => {
  let root = ''
  let folders: string[] = []
  let file = ''
  let loader: PieceLoader
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-sectors-'))
    folders = ['no-such-folder', 'empty', 'storage'].map((name) => join(root, name))
    await mkdir(join(root, 'empty'))
    await mkdir(join(root, 'storage', 'unsealed'), { recursive: true })
    file = join(root, 'storage', 'unsealed', 's-t01000-7')
    await writeFile(file, sector([0, 1024]))
    const pieceStore = createMemoryPieceStore()
    await pieceStore.add(piece.v1, { miner: 1000n, sector: 7n, offsetPadded: 1024, lengthPadded: 1024, payloadBytes: undefined })
    loader = createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: localSectors(folders) })])
  })
  afterEach(() => rm(root, { recursive: true }))

  it('finds the file in any of the folders, and reads the piece', async () => {
    const source = await loader.open(piece.v1)
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    await source.close()
  })

  it('makes and changes nothing in or beside the folders', async () => {
    const before = await treeOf(root)
    await loader.stat(piece.v1)
    const source = await loader.open(piece.v1)
    await source.read(0, 1016)
    await source.close()
    expect(await localSectors(folders)(1000n, 8n)).toBeUndefined()
    expect(await treeOf(root)).toEqual(before)
  })

  it.skipIf(process.platform !== 'linux')('holds one descriptor per open piece, and none after it (seen in /proc)', async () => {
    const path = await realpath(file)
    const sources = await Promise.all([1, 2, 3].map(() => loader.open(piece.v1)))
    for (const source of sources) await source.read(0, 10)
    expect(await descriptors(path)).toBe(3)
    await utimes(file, 1, 1)
    for (const source of sources) await source.read(0, 10)
    // those from before are closed behind the reads
    while (await descriptors(path) > 3) await turn()
    expect(await descriptors(path)).toBe(3)
    for (const source of sources) await source.close()
    expect(await descriptors(path)).toBe(0)
  })

  it('goes on while the sector grows in place', async () => {
    await writeFile(file, sector([1024]))
    const source = await loader.open(piece.v1)
    await writeFile(file, sector([0, 1024]))
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    await source.close()
  })

  it('goes on when the file is replaced or moved to another folder', async () => {
    const source = await loader.open(piece.v1)
    await cp(file, `${file}.new`)
    await rename(`${file}.new`, file)
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    await mkdir(join(root, 'empty', 'unsealed'))
    await rename(file, join(root, 'empty', 'unsealed', 's-t01000-7'))
    expect(await source.read(0, 1016)).toEqual(piece.bytes)
    await source.close()
  })

  it('says that the piece is lost, never that it is damaged, once it is cleared or the file is gone', async () => {
    for (const take of [() => writeFile(file, sector([0])), () => rm(file)]) {
      await writeFile(file, sector([0, 1024]))
      const source = await loader.open(piece.v1)
      await take()
      await expect(source.read(0, 1016)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
      await source.close()
      await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOST', retry: 'later' })
    }
  })

  it.each(['sealed', 'update'])('knows of a sealed copy in %s/', async (kind) => {
    await rm(file)
    expect((await loader.stat(piece.v1)).unsealed).toBe('lost')
    await mkdir(join(root, 'storage', kind))
    await writeFile(join(root, 'storage', kind, 's-t01000-7'), 'sealed')
    expect((await loader.stat(piece.v1)).unsealed).toBe('sealed')
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_SEALED' })
    expect(await loader.explain(piece.v1)).toBe(`t01000 sector 7 @1024: s-t01000-7 not in ${folders.join(', ')}; a sealed one is`)
  })

  it('does not call lost what may be sealed where it could not look', async () => {
    await rm(file)
    await symlink('loop', join(root, 'storage', 'loop'))
    await symlink(join(root, 'storage', 'loop'), join(root, 'storage', 'sealed'))
    await expect(loader.stat(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE' })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE' })
  })

  it('fails where it could not look, unless another folder has the file', async () => {
    await symlink('loop', join(root, 'loop'))
    await expect(localSectors([join(root, 'loop')])(1000n, 7n)).rejects.toMatchObject({ code: 'IO_FAILED' })
    const found = await localSectors([join(root, 'loop'), ...folders])(1000n, 7n)
    expect(found?.sizeBytes).toBe(sector([0, 1024]).byteLength)
    await found?.close()
  })

  it('rejects with the reason of an abort, and refuses ids that are none', async () => {
    await expect(localSectors(folders)(1000n, 7n, { signal: AbortSignal.abort('stop') })).rejects.toBe('stop')
    await expect(localSectors(folders)(-1n, 7n)).rejects.toBeInstanceOf(RangeError)
  })
})
