import { encodeHeader, PRAGMA, PRAGMA_BYTES, readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createMemoryDirectory, type Directory, IoError, type TreeEntry } from '@dagstore/io'
import { buildTree } from '@dagstore/unixfs-builder'
import { carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { type CrashLevel, createCrashFs, createCrashLevel, createFakeClock, treeDirectory as directory, treeFile as file } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { Imports } from '../src/imports.ts'
import { openImports } from '../src/open-imports.ts'
import type { ImportRecord } from '../src/record.ts'
import { createMemoryRecords } from '../src/record-table.ts'

const hashes = createHashes()
const clock = createFakeClock()
const tree = directory('docs', file('a', seededBytes(1, 300)), directory('b', file('c', seededBytes(2, 5)), file('d', seededBytes(3, 150_000))))
const about = { sourceLabel: '/data/docs', fingerprint: 'version 1' }

interface Place { db: CrashLevel, files: Directory, imports: Imports }

const open = async (db?: CrashLevel, files: Directory = createMemoryDirectory()): Promise<Place> => {
  const level = db ?? await createCrashLevel({ seed: 1 })
  return { db: level, files, imports: await openImports({ db: level, directory: files, hashes, clock }) }
}
const all = async (imports: Imports): Promise<ImportRecord[]> => {
  const records: ImportRecord[] = []
  for await (const record of imports.list()) records.push(record)
  return records
}
const namesIn = async (files: Directory): Promise<string[]> => (await files.list('')).map(({ name }) => name)
const keysIn = async (db: CrashLevel): Promise<string[]> => (await db.keys().all()).map((key) => key.replace('!imports!', ''))

describe('importTree', () => {
  it('writes a CARv2 whose one root is that of the tree, with every block of it, identity blocks too', async () => {
    const { imports, files } = await open()
    const record = await imports.importTree(tree, about)
    const want = new Map<string, Uint8Array>()
    const { cid } = await buildTree(tree, { put: (put, bytes) => { want.set(put.toString(), bytes) } }, { hashes })
    expect(record.root.toString()).toBe(cid.toString())
    const car = await files.openSource(record.carPath)
    expect(car.sizeBytes).toBe(record.carBytes)
    await verifyCar(car, hashes)
    const layout = await readLayout(car)
    expect(layout).toMatchObject({ version: 2, fullyIndexed: true })
    expect(layout.roots.map(String)).toEqual([cid.toString()])
    const sections = new Map<string, Uint8Array>()
    for await (const section of scanSections(car, layout, { data: true })) sections.set(CID.decode(section.cid).toString(), section.data!)
    expect(new Set(sections.keys())).toEqual(new Set(want.keys()))
    for (const [key, bytes] of sections) expect(Buffer.compare(bytes, want.get(key)!)).toBe(0)
    expect([...sections.keys()].some((key) => CID.parse(key).multihash.code === 0)).toBe(true)
    expect(record.blocks).toBe(sections.size)
  })
  it('remembers what it made', async () => {
    const { imports } = await open()
    const { reused, ...record } = await imports.importTree(tree, about)
    expect(reused).toBe(false)
    expect(record).toMatchObject({ source: 'import', filename: '/data/docs', fingerprint: 'version 1', profile: 'lotus-2021', links: 'refuse', form: 'dense', piece: undefined, damage: undefined, carOwner: 'importmgr', carPath: `${record.id}.car`, fileBytes: 150_305 })
    expect(await imports.get(record.id)).toEqual(record)
    expect(await imports.find(about)).toEqual(record)
    expect(await all(imports)).toEqual([record])
  })
  it('takes a file alone, and an empty one', async () => {
    const { imports } = await open()
    expect((await imports.importTree(file('x', new Uint8Array(0)), { sourceLabel: 'empty' })).root.toString()).toBe('bafkqaaa')
    expect((await imports.importTree(file('x', seededBytes(1, 200)), { sourceLabel: 'x' })).blocks).toBe(1)
  })
  it('answers a second import of the same source with the first one, without reading it', async () => {
    const { imports, files } = await open()
    const first = await imports.importTree(tree, about)
    const unread: TreeEntry = { kind: 'directory', name: 'docs', entries () { throw new Error('read') } }
    expect(await imports.importTree(unread, about)).toEqual({ ...first, reused: true })
    expect(await all(imports)).toHaveLength(1)
    expect(await namesIn(files)).toEqual([first.carPath])
  })
  it.each([
    { what: 'another fingerprint', options: { ...about, fingerprint: 'version 2' } },
    { what: 'another source', options: { ...about, sourceLabel: '/data/other' } },
    { what: 'another profile', options: { ...about, profile: 'unixfs-v1-2025' } as const },
    { what: 'another policy of links', options: { ...about, links: 'skip' } as const },
    { what: 'no fingerprint', options: { sourceLabel: about.sourceLabel } },
  ])('makes a new import for $what', async ({ options }) => {
    const { imports } = await open()
    const first = await imports.importTree(tree, about)
    const second = await imports.importTree(tree, options)
    expect(second.reused).toBe(false)
    expect(second.id).toBeGreaterThan(first.id)
    expect(await all(imports)).toHaveLength(2)
  })
  it('imports again, in place of the old record, when the file is gone or has another length', async () => {
    const { imports, files } = await open()
    const first = await imports.importTree(tree, about)
    await files.remove(first.carPath)
    expect(await imports.find(about)).toBeUndefined()
    const second = await imports.importTree(tree, about)
    expect(second.reused).toBe(false)
    const writable = await files.openWritable(second.carPath, 'open')
    await writable.truncate(100)
    await writable.close()
    expect(await imports.find(about)).toBeUndefined()
    const third = await imports.importTree(tree, about)
    expect((await all(imports)).map(({ id }) => id)).toEqual([third.id])
    expect(await namesIn(files)).toEqual([third.carPath])
  })
  it('gives two callers who import the same source at once the same record', async () => {
    const { imports, files, db } = await open()
    const [a, b] = await Promise.all([imports.importTree(tree, about), imports.importTree(tree, about)])
    expect(a.id).toBe(b.id)
    expect([a.reused, b.reused].filter(Boolean)).toHaveLength(1)
    expect(await namesIn(files)).toEqual([a.carPath])
    expect((await keysIn(db)).filter((key) => key.startsWith('pending'))).toEqual([])
  })
  it('keeps two different imports at once apart', async () => {
    const { imports, files } = await open()
    const records = await Promise.all([1, 2, 3, 4].map((seed) => imports.importTree(file('x', seededBytes(seed, 3000)), { sourceLabel: `x${seed}`, fingerprint: 'f' })))
    expect(new Set(records.map(({ id }) => id)).size).toBe(4)
    expect(await namesIn(files)).toEqual(records.map(({ carPath }) => carPath).sort())
  })
  it('reports the file bytes that are in blocks', async () => {
    const seen: number[] = []
    const { imports } = await open()
    await imports.importTree(tree, { ...about, onProgress: ({ doneBytes }) => { seen.push(doneBytes) } })
    expect(seen).toEqual([300, 305, 150_305])
  })
})

describe('importTree, when things go wrong', () => {
  const nothingLeft = async ({ imports, files, db }: Place): Promise<void> => {
    expect(await all(imports)).toEqual([])
    expect(await namesIn(files)).toEqual([])
    expect((await keysIn(db)).filter((key) => key !== 'last-id')).toEqual([])
    expect(await imports.find(about)).toBeUndefined()
  }
  it('leaves nothing after an abort, before it starts and in the middle', async () => {
    const place = await open()
    const reason = new Error('enough')
    await expect(place.imports.importTree(tree, { ...about, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await nothingLeft(place)
    const control = new AbortController()
    const cut: TreeEntry = { ...tree, async * entries () { yield file('a', seededBytes(1, 200_000)); control.abort(reason); yield file('b', seededBytes(1, 10)) } }
    await expect(place.imports.importTree(cut, { ...about, signal: control.signal })).rejects.toBe(reason)
    await nothingLeft(place)
    expect((await place.imports.importTree(tree, about)).reused).toBe(false)
  })
  it('writes a directory larger than memory by a file beside it, of which nothing stays, whatever fails', async () => {
    const [scratch, part] = ['.scratch', '.part']
    // 9 MB of names
    const large = directory('', ...Array.from({ length: 450 }, (_, i) => file(`${i}${'n'.repeat(20_000)}`, seededBytes(i, 10))))
    const options = { sourceLabel: 'large', profile: 'unixfs-v1-2025' } as const
    const want = await buildTree(large, { put () {} }, { hashes, profile: 'unixfs-v1-2025' })
    const fs = createCrashFs({ seed: 11 })
    const { imports } = await open(undefined, fs.directory)
    const record = await imports.importTree(large, options)
    expect(record.root.toString()).toBe(want.cid.toString())
    const uses = (ending: string, kind: string): number => fs.faults.log.filter((line) => line.startsWith(kind) && line.split(' ')[1]!.endsWith(ending)).length
    expect(uses(scratch, 'create')).toBe(1)
    expect(fs.names()).toEqual([record.carPath])
    const full = new IoError('IO_FULL', 'no room')
    for (const [ending, kind] of [[scratch, 'create'], [scratch, 'write'], [scratch, 'read'], [scratch, 'remove'], [part, 'sync']] as const) {
      expect(uses(ending, kind), `${kind} ${ending}`).toBeGreaterThan(0)
      fs.faults.failAt((operation) => operation.kind === kind && operation.name.endsWith(ending), full)
      await expect(imports.importTree(large, options), `${kind} ${ending}`).rejects.toBe(full)
      expect(fs.names(), `${kind} ${ending}`).toEqual([record.carPath])
    }
  })
  it('leaves nothing when the source cannot be read', async () => {
    const place = await open()
    const broken = new IoError('IO_FORBIDDEN', 'no')
    const cut: TreeEntry = directory('docs', { kind: 'file', name: 'a', sizeBytes: 5, async * read () { yield seededBytes(1, 200_000); throw broken } })
    await expect(place.imports.importTree(cut, about)).rejects.toBe(broken)
    await nothingLeft(place)
  })
  it('leaves nothing when the tree cannot be UnixFS', async () => {
    const place = await open()
    await expect(place.imports.importTree(directory('docs', { kind: 'link', name: 'l', target: 'x' }), about)).rejects.toMatchObject({ code: 'UNIXFS_LINK' })
    await nothingLeft(place)
    await expect(place.imports.importTree(tree, { ...about, profile: 'none' as 'lotus-2021' })).rejects.toThrow(TypeError)
    await nothingLeft(place)
  })
  it('tells when the database fails, and the next opening cleans up', async () => {
    const place = await open()
    let batches = 0
    place.db.faults.failAt(({ kind }) => kind === 'batch' && batches++ > 0, new Error('disk')) // its beginning is recorded, its end is not
    await expect(place.imports.importTree(tree, about)).rejects.toMatchObject({ code: 'IMPORT_FAILED' })
    expect(await all(place.imports)).toEqual([])
    expect(await namesIn(place.files)).toHaveLength(1)
    await nothingLeft(await open(place.db, place.files))
  })
})

describe('importCar', () => {
  const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
  const one = carV1([blocks[0]!.cid], blocks)

  it('remembers a CAR that stays where it is', async () => {
    const { imports, files } = await open()
    const source = createBytesSource(one)
    const { reused, ...record } = await imports.importCar(source, { carPath: '/data/one.car', fingerprint: 'f' })
    expect(reused).toBe(false)
    expect(record).toMatchObject({ filename: '/data/one.car', carPath: '/data/one.car', carOwner: 'user', blocks: 20, carBytes: one.byteLength, fileBytes: undefined, profile: undefined, fingerprint: 'f' })
    expect(record.root.bytes).toEqual(blocks[0]!.cid)
    expect(await imports.get(record.id)).toEqual(record)
    expect(await imports.find({ sourceLabel: '/data/one.car', fingerprint: 'f' })).toEqual(record)
    expect(await imports.importCar(source, { carPath: '/data/one.car', fingerprint: 'f' })).toEqual({ ...record, reused: true })
    expect(await namesIn(files)).toEqual([record.indexName])
    expect(await source.read(0, 1)).toHaveLength(1)
    await imports.remove(record.id)
    expect(await namesIn(files)).toEqual([])
    expect(await all(imports)).toEqual([])
    expect(await imports.find({ sourceLabel: '/data/one.car', fingerprint: 'f' })).toBeUndefined()
  })
  it('takes a CARv2 whose index cannot be where its header says', async () => {
    const { imports } = await open()
    const car = new Uint8Array(51 + one.byteLength)
    car.set(encodeHeader({ fullyIndexed: false, dataOffset: 51, dataSize: one.byteLength, indexOffset: car.byteLength + 9 }), PRAGMA_BYTES)
    car.set(PRAGMA)
    car.set(one, 51)
    expect(await imports.importCar(createBytesSource(car), { carPath: 'cut.car' })).toMatchObject({ blocks: 20, carBytes: car.byteLength })
  })
  it.each([
    { why: 'no root', car: carV1([], blocks), code: 'IMPORT_BAD_CAR' },
    { why: 'two roots', car: carV1([blocks[0]!.cid, blocks[1]!.cid], blocks), code: 'IMPORT_BAD_CAR' },
    { why: 'a torn end', car: one.subarray(0, one.byteLength - 3), code: 'CARV2_TRUNCATED' },
  ])('refuses a CAR with $why and remembers nothing', async ({ car, code }) => {
    const { imports, db, files } = await open()
    await expect(imports.importCar(createBytesSource(car), { carPath: 'x' })).rejects.toMatchObject({ code })
    expect((await keysIn(db)).filter((key) => key !== 'last-id')).toEqual([])
    expect(await namesIn(files)).toEqual([])
  })
  it('rejects with the reason of an abort', async () => {
    const { imports } = await open()
    const reason = new Error('enough')
    await expect(imports.importCar(createBytesSource(one), { carPath: 'x', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('remove', () => {
  it('forgets an import and deletes its file', async () => {
    const { imports, files, db } = await open()
    const kept = await imports.importTree(file('x', seededBytes(9, 900)), { sourceLabel: 'kept' })
    const { id } = await imports.importTree(tree, about)
    await imports.remove(id)
    expect(await imports.get(id)).toBeUndefined()
    expect(await imports.find(about)).toBeUndefined()
    expect((await all(imports)).map((record) => record.id)).toEqual([kept.id])
    expect(await namesIn(files)).toEqual([kept.carPath])
    expect((await keysIn(db)).filter((key) => !key.startsWith('/client') && key !== 'last-id')).toEqual([`root/${kept.root.toString()}/0${kept.id}`])
    await expect(imports.remove(id)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN' })
  })
  it('never gives out an id twice, also after a restart and with a clock that stands still', async () => {
    const place = await open()
    const first = await place.imports.importTree(tree, about)
    await place.imports.remove(first.id)
    const { imports } = await open(place.db, place.files)
    expect((await imports.importTree(tree, about)).id).toBeGreaterThan(first.id)
    expect(first.id).toBeGreaterThan(2n ** 53n)
  })
})

describe('a damaged record', () => {
  it.each([
    { why: 'is no JSON', text: '{' },
    { why: 'is no object', text: 'null' },
    { why: 'has no labels', text: '{}' },
    { why: 'has labels that are no object', text: '{"Labels":[]}' },
    { why: 'has a label that is no text', text: '{"Labels":{"root":1}}' },
    { why: 'is longer than any', text: `{"Labels":{"filename":"${'x'.repeat(270_000)}"}}` },
  ])('that $why is listed as broken beside the others, can be removed, and its source imported again', async ({ text }) => {
    const { imports, db, files } = await open()
    const good = await imports.importTree(file('x', seededBytes(9, 900)), { sourceLabel: 'x' })
    const bad = await imports.importTree(tree, about)
    await db.put(`!imports!/client/stores/${bad.id}`, text)
    expect((await all(imports)).map(({ id, damage }) => [id, damage !== undefined])).toEqual([[good.id, false], [bad.id, true]])
    expect(await imports.get(bad.id)).toMatchObject({ id: bad.id, root: undefined, filename: '', carPath: undefined })
    expect(await imports.find(about)).toBeUndefined()
    await expect(imports.open(bad.id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN', id: bad.id })
    await expect(imports.reimport(bad.id)).rejects.toMatchObject({ code: 'IMPORT_NO_SOURCE' })
    const again = await imports.importTree(tree, about)
    expect((await all(imports)).map(({ id }) => id)).toEqual([good.id, again.id])
    await db.put(`!imports!/client/stores/${again.id}`, text)
    await imports.remove(again.id)
    expect((await all(imports)).map(({ id }) => id)).toEqual([good.id])
    expect(await namesIn(files)).toEqual([good.carPath])
  })
  it('whose root or numbers say nothing is broken, or lacks them', async () => {
    const { imports, db } = await open()
    const { id } = await imports.importTree(tree, about)
    const key = `!imports!/client/stores/${id}`
    const text = (await db.get(key))!
    await db.put(key, text.replace(/"root":"[^"]+"/, '"root":"nonsense"'))
    expect(await imports.get(id)).toMatchObject({ root: undefined, damage: undefined, filename: '/data/docs' })
    expect(await imports.find(about)).toBeUndefined()
    await db.put(key, text.replace(/"dagstore.blocks":"[0-9]+"/, '"dagstore.blocks":"-1"'))
    expect(await imports.get(id)).toMatchObject({ blocks: undefined, damage: undefined })
    await (await imports.open(id)).close()
  })
})

describe('openImports', () => {
  it('finds what was imported before', async () => {
    const place = await open()
    const { reused, ...record } = await place.imports.importTree(tree, about)
    expect(reused).toBe(false)
    const { imports } = await open(place.db, place.files)
    expect(await all(imports)).toEqual([record])
    expect((await imports.importTree(tree, about)).reused).toBe(true)
  })
  it('takes nothing but its own part of the database', async () => {
    const db = await createCrashLevel({ seed: 2 })
    await db.put('mine', 'value')
    const { imports } = await open(db)
    await imports.importTree(tree, about)
    expect(await db.get('mine')).toBe('value')
    expect((await db.keys().all()).every((key) => key === 'mine' || key.startsWith('!imports!'))).toBe(true)
  })
  it('is not kept from opening by damaged entries', async () => {
    const place = await open()
    const record = await place.imports.importTree(tree, about)
    for (const key of await place.db.keys().all()) if (!key.includes('/client/')) await place.db.put(key, 'nonsense')
    await place.db.put('!imports!pending/nonsense', '')
    const { imports } = await open(place.db, place.files)
    expect((await all(imports)).map(({ id }) => id)).toEqual([record.id])
    expect((await imports.importTree(tree, about)).reused).toBe(false)
  })
  it('works on records in memory', async () => {
    const records = createMemoryRecords()
    const files = createMemoryDirectory()
    const imports = await openImports({ records, directory: files, hashes, clock })
    const first = await imports.importTree(tree, about)
    const second = await imports.importTree(file('x', seededBytes(4, 400)), { sourceLabel: 'x' })
    expect((await all(imports)).map(({ id }) => id)).toEqual([first.id, second.id])
    expect((await imports.importTree(tree, about)).id).toBe(first.id)
    await imports.remove(first.id)
    const again = await openImports({ records, directory: files, hashes, clock })
    expect((await all(again)).map(({ id }) => id)).toEqual([second.id])
  })
  it('tells when the database is closed', async () => {
    const { imports, db } = await open()
    await db.close()
    await expect(imports.get(1n)).rejects.toMatchObject({ code: 'IMPORT_FAILED' })
    await expect(imports.importTree(tree, about)).rejects.toMatchObject({ code: 'IMPORT_FAILED' })
  })
})
