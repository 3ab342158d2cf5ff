import { type Directory, IoError } from '@dagstore/io'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { treeFile } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type ImportRecord, openImports } from '../src/index.ts'
import { all, hashes, keysIn, openPlace, type Place, readAll } from './place.ts'
import { memorySources } from './sources.ts'

const bytes = seededBytes(1, 20_000)
const other = seededBytes(2, 30_000)
const PATH = '/data/a.bin'
const piece = { pieceCid: CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'), paddedBytes: 2048, payloadBytes: 1411 }

const imported = async (options = {}): Promise<Place & { readonly record: ImportRecord }> => {
  const place = await openPlace({ sources: memorySources({ [PATH]: bytes }) })
  return { ...place, record: await place.imports.importPath(PATH, options) }
}
const rootsOf = async ({ imports }: Place, root: CID): Promise<bigint[]> => {
  const ids: bigint[] = []
  for await (const { id } of imports.withRoot(root)) ids.push(id)
  return ids
}

describe('reimport', () => {
  it.each([{ what: 'gone', length: undefined }, { what: 'torn', length: 5000 }])('puts the CAR that is $what back under the same id and root', async ({ length }) => {
    const place = await imported()
    const { imports, fs, record } = place
    await imports.setPiece(record.id, piece)
    if (length === undefined) {
      await fs.directory.remove(record.carPath!)
    } else {
      const file = await fs.directory.openWritable(record.carPath!, 'open')
      await file.truncate(length)
      await file.close()
    }
    await expect(imports.open(record.id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN' })
    expect(await imports.openRoot(record.root!)).toBeUndefined()
    const again = await imports.reimport(record.id)
    expect(again).toMatchObject({ id: record.id, root: record.root, form: 'ref', profile: record.profile, links: record.links, carBytes: record.carBytes, piece, reused: false })
    expect(await all(imports)).toEqual([await imports.get(record.id)])
    expect(fs.names()).toEqual([again.carPath])
    const open = await imports.open(record.id)
    expect((await readAll(open)).get(record.root!.toString())).toEqual(bytes)
    await open.close()
    // it is found by its source as before
    expect(await imports.importPath(PATH)).toMatchObject({ id: record.id, reused: true })
  })
  it('follows a source that has changed: another root, found by that, and no piece', async () => {
    const place = await imported()
    const { imports, sources, record, fs } = place
    await imports.setPiece(record.id, piece)
    sources.contents.set(PATH, other)
    const again = await imports.reimport(record.id)
    expect(again.id).toBe(record.id)
    expect(again.root.equals(record.root)).toBe(false)
    expect(again.piece).toBeUndefined()
    expect(await rootsOf(place, record.root!)).toEqual([])
    expect(await rootsOf(place, again.root)).toEqual([record.id])
    expect(fs.names()).toEqual([again.carPath])
    expect((await keysIn(place.db)).filter((key) => key.startsWith('source/'))).toHaveLength(1)
    for (let i = 0; i < 3; i++) await imports.reimport(record.id)
    expect(fs.names()).toHaveLength(1)
  })
  it('L9: leaves those who read the old CAR alone, and gives later ones the new', async () => {
    const { imports, sources, record } = await imported({ form: 'dense' })
    const before = await imports.open(record.id)
    sources.contents.set(PATH, other)
    const again = await imports.reimport(record.id)
    const after = await imports.open(record.id)
    expect(await after.blockstore.bytes(again.root)).toEqual(other)
    expect(await before.blockstore.bytes(record.root!)).toEqual(bytes)
    await after.close()
    expect(await before.blockstore.bytes(record.root!)).toEqual(bytes)
    await before.close()
    await expect(before.blockstore.bytes(record.root!)).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
  })
  it.each([{ form: 'ref' }, { form: 'dense' }] as const)('keeps the form $form, profile and policy of links', async ({ form }) => {
    const { imports, record } = await imported({ form, profile: 'unixfs-v1-2025', links: 'skip' })
    expect(await imports.reimport(record.id)).toMatchObject({ form, profile: 'unixfs-v1-2025', links: 'skip', root: record.root })
  })
  it('keeps the CAR that is there when it fails or is aborted, and leaves nothing else', async () => {
    const place = await imported({ form: 'dense' })
    const { imports, sources, fs, db, record } = place
    const reason = new Error('enough')
    sources.contents.set(PATH, other)
    const isWhole = async (): Promise<void> => {
      expect(fs.names()).toEqual([record.carPath])
      expect((await keysIn(db)).filter((key) => key.startsWith('pending/'))).toEqual([])
      expect(await imports.get(record.id)).toMatchObject({ root: record.root })
      const open = await imports.open(record.id)
      expect(await open.blockstore.bytes(record.root!)).toEqual(bytes)
      await open.close()
    }
    const control = new AbortController()
    await expect(imports.reimport(record.id, { signal: control.signal, onProgress: () => { control.abort(reason) } })).rejects.toBe(reason)
    await isWhole()
    const full = new IoError('IO_FULL', 'no room')
    for (const kind of ['create', 'write', 'sync', 'rename']) {
      fs.faults.failAt((operation) => operation.kind === kind, full)
      await expect(imports.reimport(record.id), kind).rejects.toBe(full)
      await isWhole()
    }
    sources.failures.set(`read ${PATH}`, new IoError('IO_SOURCE_CHANGED', 'it changed'))
    await expect(imports.reimport(record.id)).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
    await isWhole()
    sources.failures.clear()
    sources.contents.delete(PATH)
    await expect(imports.reimport(record.id)).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    await isWhole()
  })
  it('comes one after another for one id, and before a removal that was asked for later', async () => {
    const { imports, fs, record } = await imported()
    const [a, b] = await Promise.all([imports.reimport(record.id), imports.reimport(record.id)])
    expect(fs.names()).toEqual([b.carPath])
    expect(a.root.toString()).toBe(b.root.toString())
    const [again] = await Promise.all([imports.reimport(record.id), imports.remove(record.id)])
    expect(again.id).toBe(record.id)
    expect(fs.names()).toEqual([])
    expect(await all(imports)).toEqual([])
  })
  it('leaves nothing where another import of the source took its place meanwhile', async () => {
    const { db, fs, sources, clock, record, imports: first } = await imported()
    await fs.directory.remove(record.carPath!)
    await first.close()
    let other: ImportRecord | undefined
    const directory: Directory = {
      ...fs.directory,
      rename: async (from, to) => {
        await fs.directory.rename(from, to)
        if (to.startsWith(`${record.id}.`)) other = await imports.importPath(PATH)
      },
    }
    const imports = await openImports({ db, directory, hashes, clock, sources })
    await expect(imports.reimport(record.id)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN' })
    expect(await all(imports)).toEqual([await imports.get(other!.id)])
    expect(fs.names()).toEqual([other!.carPath])
    expect((await keysIn(db)).filter((key) => key.startsWith('pending/'))).toEqual([])
  })
  it('looks through a CAR in place again', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const sources = memorySources({ '/data/a.car': carV1([blocks[0]!.cid], blocks) })
    const { imports, fs } = await openPlace({ sources })
    const record = await imports.importPath('/data/a.car', { car: true })
    expect(record).toMatchObject({ form: 'car', carOwner: 'user', carPath: '/data/a.car', blocks: 20 })
    sources.contents.set('/data/a.car', carV1([blocks[1]!.cid], blocks.slice(1)))
    await expect(imports.open(record.id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN' })
    const again = await imports.reimport(record.id)
    expect(again).toMatchObject({ id: record.id, form: 'car', carPath: '/data/a.car', blocks: 19 })
    expect(again.root.bytes).toEqual(blocks[1]!.cid)
    await (await imports.open(record.id)).close()
    expect(sources.opened.size).toBe(0)
    expect(fs.names()).toEqual([again.indexName])
  })
  it('refuses what has no source', async () => {
    const { imports } = await openPlace()
    const { id } = await imports.importTree(treeFile('', bytes), { sourceLabel: '-', source: 'import-local' })
    await expect(imports.reimport(id)).rejects.toMatchObject({ code: 'IMPORT_NO_SOURCE', id })
    await expect(imports.reimport(7n)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN', id: 7n })
  })
})
