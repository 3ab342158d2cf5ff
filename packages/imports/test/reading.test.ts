import { payloadForm } from '@dagstore/dag'
import { createBytesSource, IoError } from '@dagstore/io'
import { encodeHeader, PRAGMA, PRAGMA_BYTES } from '@dagstore/carv2'
import { type Block, carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { treeFile } from '@dagstore-tooling/testkit'
import { buildTree } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { all, hashes, keysIn, MIB, openPlace, readAll } from './place.ts'
import { forbidden, memorySources } from './sources.ts'

const big = seededBytes(1, 3 * MIB + 5)
const bytes = seededBytes(2, 20_000)
const profile = 'unixfs-v1-2025'
const carV2 = (roots: readonly Uint8Array[], blocks: readonly Block[]): Uint8Array => {
  const payload = carV1(roots, blocks)
  const car = new Uint8Array(PRAGMA_BYTES + 40 + payload.byteLength)
  car.set(PRAGMA)
  car.set(encodeHeader({ fullyIndexed: false, dataOffset: PRAGMA_BYTES + 40, dataSize: payload.byteLength, indexOffset: undefined }), PRAGMA_BYTES)
  car.set(payload, PRAGMA_BYTES + 40)
  return car
}

describe('importPath', () => {
  it('makes a CAR of references, reads the source once, and reads back what was imported', async () => {
    const { imports, sources } = await openPlace({ sources: memorySources({ '/data/big.iso': big }) })
    const record = await imports.importPath('/data/big.iso', { profile })
    expect(record).toMatchObject({ form: 'ref', filename: '/data/big.iso', carOwner: 'importmgr', fileBytes: big.byteLength, reused: false })
    expect(sources.reads).toEqual(['/data/big.iso'])
    expect(record.carBytes).toBeLessThan(10_000)
    const want = new Map<string, Uint8Array>()
    await buildTree(treeFile('', big), { put: (cid, block) => { want.set(cid.toString(), block) } }, { hashes, profile })
    const open = await imports.open(record.id)
    expect(await readAll(open)).toEqual(want)
    await open.close()
    expect(sources.opened.size).toBe(0)
    expect((await imports.importPath('/data/big.iso', { profile })).reused).toBe(true)
    expect(sources.reads).toHaveLength(1)
    expect((await imports.importPath('/data/big.iso', { profile, reuse: false })).id).toBeGreaterThan(record.id)
  })
  it('takes a folder, leaves in it referring to its files', async () => {
    const { imports, sources } = await openPlace({ sources: memorySources({ '/data/a': bytes, '/data/b/c': big, '/data/b/d': bytes.slice(0, 10) }) })
    const record = await imports.importPath('/data', { profile })
    expect(record).toMatchObject({ form: 'ref', fileBytes: bytes.byteLength + big.byteLength + 10 })
    const open = await imports.open(record.id)
    expect((await readAll(open)).size).toBe(9)
    await open.close()
    sources.contents.delete('/data/b/c')
    expect((await imports.verify(record.id, { depth: 'stat' })).faults).toMatchObject([{ path: '/data/b/c', code: 'REF_CAR_FILE_GONE' }])
  })
  it.each([0, 1, 126, 127, MIB, MIB + 1, MIB + 127, 2 * MIB])('L11: of %i bytes, dense and by reference, under the profile of Lotus', async (length) => {
    const content = seededBytes(length, length)
    const { imports } = await openPlace({ sources: memorySources({ '/data/a': content }) })
    const want = await buildTree(treeFile('', content), { put () {} }, { hashes })
    for (const form of ['ref', 'dense'] as const) {
      const { id, root } = await imports.importPath('/data/a', { form })
      expect(root.toString()).toBe(want.cid.toString())
      const open = await imports.openRoot(CID.parse(root.toString()))
      expect(open?.root.toString()).toBe(root.toString())
      const blocks = await readAll(open!)
      expect([...blocks.keys()]).toContain(root.toString())
      await open!.close()
      expect(await imports.verify(id)).toMatchObject({ faultCount: 0 })
      await imports.remove(id)
    }
  })
  it('refuses what is not to be read, and references without a path, and leaves nothing', async () => {
    const { imports, sources, fs, db } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    sources.failures.set('/data/a', forbidden('/data/a'))
    await expect(imports.importPath('/data/a')).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    await expect(imports.importPath('/data/a', { car: true, reuse: false })).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    await expect(imports.importTree(treeFile('', bytes), { sourceLabel: 'a', form: 'ref' })).rejects.toThrow(TypeError)
    expect([fs.names(), await db.keys().all()]).toEqual([[], []])
  })
  it('L13: takes the data that a CAR of references leads to, never the references as if they were content', async () => {
    const { imports, sources, fs } = await openPlace({ sources: memorySources({ '/data/a': big }) })
    const { id, root, carPath } = await imports.importPath('/data/a')
    sources.contents.set('/data/a.car', fs.content(carPath)!)
    const before = fs.names()
    for (const form of ['ref', 'dense'] as const) await expect(imports.importPath('/data/a.car', { form })).rejects.toMatchObject({ code: 'CARV2_REFERENCES' })
    expect(fs.names()).toEqual(before)
    expect(sources.opened.size).toBe(0)
    const again = await imports.importPath('/data/a.car', { car: true })
    expect(again.root.equals(root)).toBe(true)
    expect(again.id).toBeGreaterThan(id)
    expect(await imports.verify(again.id)).toMatchObject({ faultCount: 0 })
    // a CAR of blocks is a file like any
    const some = makeBlocks(1, 2, { min: 10, max: 10 })
    sources.contents.set('/data/blocks.car', carV2([some[0]!.cid], some))
    expect(await imports.importPath('/data/blocks.car')).toMatchObject({ form: 'ref' })
  })
})

describe('CARs in place', () => {
  const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
  const root = blocks[0]!
  it.each([{ version: 1, car: carV1([root.cid], blocks) }, { version: 2, car: carV2([root.cid], blocks) }])('L10: of version $version are read where they are', async ({ car }) => {
    const { imports, sources, fs } = await openPlace({ sources: memorySources({ '/data/a.car': car }) })
    const record = await imports.importPath('/data/a.car', { car: true })
    expect(record).toMatchObject({ form: 'car', blocks: 20, carPath: '/data/a.car', carBytes: car.byteLength })
    expect(record.root.bytes).toEqual(root.cid)
    const open = await imports.open(record.id)
    for (const block of blocks) expect(await open.blockstore.bytes(CID.decode(block.cid))).toEqual(block.data)
    await open.close()
    expect(sources.opened.size).toBe(0)
    expect(await imports.importPath('/data/a.car', { car: true })).toMatchObject({ id: record.id, reused: true })
    await imports.remove(record.id)
    expect(sources.contents.has('/data/a.car')).toBe(true)
    expect(fs.names()).toEqual([])
  })
  it('are read by an index beside the records, and without it when that is lost or damaged', async () => {
    const { imports, sources, files } = await openPlace({ sources: memorySources({ '/data/a.car': carV1([root.cid], blocks) }) })
    const { id, indexName } = await imports.importPath('/data/a.car', { car: true })
    expect(indexName).toBe(`${id}.idx`)
    const { open } = sources
    let reads = 0
    Object.assign(sources, { open: async (path: string) => { const source = await open(path); return { ...source, read: (...call: Parameters<typeof source.read>) => { reads++; return source.read(...call) } } } })
    const readsOf = async (): Promise<number> => {
      reads = 0
      await using opened = await imports.open(id)
      for (const block of blocks) expect(await opened.blockstore.bytes(CID.decode(block.cid))).toEqual(block.data)
      return reads
    }
    const withIndex = await readsOf()
    const damage = async (name: string, at: 'start' | 'end'): Promise<void> => {
      const file = await files.openWritable(name, 'open')
      await file.write(at === 'start' ? 0 : file.sizeBytes - 200, new Uint8Array(200).fill(255))
      await file.close()
    }
    // where its end is damaged it is not used at all; a page that is damaged is found when it is read
    await damage(indexName!, 'end')
    expect(await readsOf()).toBeGreaterThan(withIndex)
    await files.remove(indexName!)
    expect(await readsOf()).toBeGreaterThan(withIndex)
    const again = await imports.reimport(id)
    expect(await readsOf()).toBe(withIndex)
    await damage(again.indexName!, 'start')
    await expect(readsOf()).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
    expect(await imports.verify(id)).toMatchObject({ faultCount: 1 })
    await imports.reimport(id)
    expect(await readsOf()).toBe(withIndex)
    expect(await imports.verify(id)).toMatchObject({ faultCount: 0 })
  })
  it('L10: that cannot be imported leave no record', async () => {
    const { imports, sources, db, fs } = await openPlace({ sources: memorySources({ '/none.car': carV2([], blocks), '/two.car': carV2([root.cid, blocks[1]!.cid], blocks), '/torn.car': carV2([root.cid], blocks).slice(0, -3), '/no.car': bytes }) })
    for (const path of sources.contents.keys()) await expect(imports.importPath(path, { car: true, reuse: false }), path).rejects.toMatchObject({ code: expect.stringMatching(/^(IMPORT_BAD_CAR|CARV2_)/) })
    expect(await all(imports)).toEqual([])
    expect(await keysIn(db)).toEqual([])
    expect(fs.names()).toEqual([])
    expect(sources.opened.size).toBe(0)
  })
  it('leave nothing when they cannot be read, their index cannot be written, or it is enough', async () => {
    const { imports, sources, fs, db } = await openPlace({ sources: memorySources({ '/a.car': carV1([root.cid], blocks) }) })
    const nothing = async (): Promise<void> => {
      expect([fs.names(), await keysIn(db), sources.opened.size]).toEqual([[], ['last-id'], 0])
    }
    const full = new IoError('IO_FULL', 'no room')
    for (const kind of ['write', 'commit']) {
      fs.faults.failAt((operation) => operation.kind === kind && operation.name.includes('.idx'), full)
      await expect(imports.importPath('/a.car', { car: true }), kind).rejects.toBe(full)
      await nothing()
    }
    const reason = new Error('enough')
    const control = new AbortController()
    await expect(imports.importPath('/a.car', { car: true, signal: control.signal, onProgress: () => { control.abort(reason) } })).rejects.toBe(reason)
    await nothing()
    const { open } = sources
    const lost = new IoError('IO_SOURCE_LOST', 'gone')
    Object.assign(sources, { open: async (path: string) => { const source = await open(path); return { ...source, read: async (at: number, length: number) => { if (at > 0) throw lost; return source.read(at, length) } } } })
    await expect(imports.importPath('/a.car', { car: true })).rejects.toBe(lost)
    expect([fs.names(), sources.opened.size]).toEqual([[], 0])
    Object.assign(sources, { open })
    expect(await imports.importPath('/a.car', { car: true })).toMatchObject({ reused: false, blocks: 20 })
  })
  it('of references are read from the files that they refer to', async () => {
    const { imports, sources, fs } = await openPlace({ sources: memorySources({ '/data/big': big }) })
    const made = await imports.importPath('/data/big', { profile })
    const own = await fs.directory.openSource(made.carPath)
    sources.contents.set('/lotus/7.car', await own.read(0, own.sizeBytes))
    await own.close()
    await imports.remove(made.id)
    const record = await imports.importPath('/lotus/7.car', { car: true })
    expect(record).toMatchObject({ form: 'ref', carOwner: 'user', root: made.root })
    const open = await imports.open(record.id)
    expect((await readAll(open)).size).toBe(5)
    sources.failures.set('/data/big', forbidden('/data/big'))
    await open.close()
    const later = await imports.open(record.id)
    await expect(readAll(later)).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    await later.close()
    expect(sources.opened.size).toBe(0)
  })
})

describe('what would make a record that cannot be read', () => {
  it('is refused before anything is written', async () => {
    const long = 'x'.repeat(8193)
    const { imports, db, fs } = await openPlace({ sources: memorySources({ [`/${long}`]: bytes }) })
    await expect(imports.importPath(`/${long}`)).rejects.toThrow(RangeError)
    await expect(imports.importTree(treeFile('', bytes), { sourceLabel: 'a', fingerprint: long })).rejects.toThrow(RangeError)
    const root = CID.createV1(0x55, createDigest(0, new Uint8Array(2100)))
    await expect(imports.importCar(createBytesSource(carV1([root.bytes], [])), { carPath: '/a.car' })).rejects.toMatchObject({ code: 'IMPORT_BAD_CAR' })
    expect([fs.names(), await keysIn(db)]).toEqual([[], []])
  })
  it('is not what is as long as it may be', async () => {
    const path = `/${'\x01'.repeat(8191)}`
    const { imports } = await openPlace({ sources: memorySources({ [path]: bytes }) })
    const root = CID.createV1(0x55, createDigest(0, new Uint8Array(2000)))
    const { id } = await imports.importCar(createBytesSource(carV1([root.bytes], [])), { carPath: path, fingerprint: '\x02'.repeat(8192) })
    expect(await imports.get(id)).toMatchObject({ damage: undefined, filename: path })
    const made = await imports.importPath(path, { reuse: false })
    expect((await imports.get(made.id))?.damage).toBeUndefined()
    await (await imports.open(made.id)).close()
  })
})

describe('open', () => {
  it('leaves those who read an import alone when it is removed', async () => {
    const { imports } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const { id, root } = await imports.importPath('/data/a', { form: 'dense' })
    await using open = await imports.open(id)
    await imports.remove(id)
    expect(await open.blockstore.bytes(root)).toEqual(bytes)
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN' })
  })
  it('L9: counts those who have an import open: one file for all, closed by the last', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const { imports, sources } = await openPlace({ sources: memorySources({ '/a.car': carV1([blocks[0]!.cid], blocks) }) })
    const { id, root } = await imports.importPath('/a.car', { car: true })
    const opens = await Promise.all([imports.open(id), imports.open(id), imports.openRoot(root)])
    expect(sources.opened.size).toBe(1)
    await opens[0]!.close()
    await opens[0]!.close()
    await opens[1]!.close()
    expect(sources.opened.size).toBe(1)
    expect(await opens[2]!.blockstore.has(root)).toBe(true)
    await opens[2]!.close()
    expect(sources.opened.size).toBe(0)
    await (await imports.open(id)).close()
    expect(sources.opened.size).toBe(0)
  })
  it('L9: keeps nothing open of an opening that failed, or that nobody waits for any more', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const { imports, sources } = await openPlace({ sources: memorySources({ '/a.car': carV1([blocks[0]!.cid], blocks) }) })
    const { id } = await imports.importPath('/a.car', { car: true })
    const good = sources.contents.get('/a.car')!
    sources.contents.set('/a.car', good.slice().fill(0))
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN', id, cause: { code: expect.stringMatching(/^CARV2_/) } })
    expect(sources.opened.size).toBe(0)
    sources.contents.set('/a.car', good)
    const reason = new Error('enough')
    const opening = sources.open
    const control = new AbortController()
    let goOn = (): void => {}
    const gate = new Promise<void>((resolve) => { goOn = resolve })
    Object.assign(sources, { open: async (path: string) => { control.abort(reason); await gate; return opening(path) } })
    await expect(imports.open(id, { signal: control.signal })).rejects.toBe(reason)
    goOn()
    Object.assign(sources, { open: opening })
    await imports.close()
    expect(sources.opened.size).toBe(0)
  })
  it('tells apart what is broken, what is not to be read, and what may pass', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const { imports, sources } = await openPlace({ sources: memorySources({ '/a.car': carV1([blocks[0]!.cid], blocks) }) })
    const { id, root } = await imports.importPath('/a.car', { car: true })
    const busy = new IoError('IO_FAILED', 'busy', { retry: 'later' })
    const { stat } = sources
    Object.assign(sources, { stat: async (path: string) => ({ kind: 'file', sizeBytes: sources.contents.get(path)!.byteLength }) })
    sources.failures.set('/a.car', busy)
    await expect(imports.open(id)).rejects.toBe(busy)
    await expect(imports.openRoot(root)).rejects.toBe(busy)
    sources.failures.set('/a.car', forbidden('/a.car'))
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    sources.failures.set('/a.car', new IoError('IO_FORBIDDEN', 'no'))
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN', cause: { code: 'IO_FORBIDDEN' } })
    Object.assign(sources, { stat })
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN' })
    await expect(imports.open(5n)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN', id: 5n })
    // a CAR of another root in its place
    sources.failures.clear()
    sources.contents.set('/a.car', carV1([blocks[1]!.cid], blocks))
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN' })
    expect(sources.opened.size).toBe(0)
  })
  it('L15: gives a source that was moved or edited an error of its own, with file and place, and never absence', async () => {
    const { imports, sources } = await openPlace({ sources: memorySources({ '/data/big': big }) })
    const { id } = await imports.importPath('/data/big', { profile })
    await using open = await imports.open(id)
    const edited = big.slice()
    edited[2 * MIB + 7]! ^= 1
    sources.contents.set('/data/big', edited)
    const reference = { path: '/data/big', offset: 2 * MIB, size: MIB }
    await expect(readAll(open)).rejects.toMatchObject({ name: 'RefCarError', code: 'REF_CAR_FILE_CHANGED', reference })
    expect((await imports.verify(id, { depth: 'stat' })).faultCount).toBe(0)
    const { faults, faultCount } = await imports.verify(id)
    expect(faultCount).toBe(1)
    expect(faults).toMatchObject([{ path: '/data/big', code: 'REF_CAR_FILE_CHANGED', message: expect.stringContaining(`offset=${2 * MIB}`) }])
    sources.contents.delete('/data/big')
    await using later = await imports.open(id)
    expect((await imports.verify(id, { depth: 'stat' })).faults).toMatchObject([{ path: '/data/big', code: 'REF_CAR_FILE_GONE' }])
    expect((await imports.verify(id)).faultCount).toBe(3)
    sources.contents.set('/data/big', big)
    expect((await readAll(later)).size).toBe(5)
    expect((await imports.verify(id)).faultCount).toBe(0)
  })
})

describe('the payload form', () => {
  it('L12: is the same of references, of a dense CAR, and of a CAR in place, identity CIDs included', async () => {
    // a folder of an empty file, one that is inlined, one whose root is, and one of several leaves
    const sources = memorySources({ '/d/empty': new Uint8Array(0), '/d/inline': bytes.slice(0, 100), '/d/two': big.slice(0, MIB + 10), '/d/three': big })
    const { imports } = await openPlace({ sources })
    const payloadOf = async (id: bigint): Promise<Buffer> => {
      await using open = await imports.open(id)
      const chunks: Uint8Array[] = []
      for await (const chunk of payloadForm(open.blockstore, open.root, { hashes })) chunks.push(chunk)
      return Buffer.concat(chunks)
    }
    const ref = await imports.importPath('/d')
    const dense = await imports.importPath('/d', { form: 'dense' })
    const payload = await payloadOf(ref.id)
    expect(Buffer.compare(await payloadOf(dense.id), payload)).toBe(0)
    sources.contents.set('/payload.car', payload)
    const car = await imports.importPath('/payload.car', { car: true })
    expect(car.root.equals(ref.root)).toBe(true)
    expect(Buffer.compare(await payloadOf(car.id), payload)).toBe(0)
    expect((await imports.verify(car.id)).faultCount).toBe(0)
  })
})

describe('withRoot and openRoot', () => {
  it('give the imports of a root, oldest first, without those that are broken', async () => {
    const { imports, fs } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const made = []
    for (const form of ['ref', 'dense', 'dense'] as const) made.push(await imports.importPath('/data/a', { form, reuse: false, profile: 'unixfs-v0-2015' }))
    await imports.importTree(treeFile('', big), { sourceLabel: 'other' })
    const { root } = made[0]!
    const v1 = root.toV1()
    const ids = async (cid: CID): Promise<bigint[]> => {
      const found: bigint[] = []
      for await (const { id } of imports.withRoot(cid)) found.push(id)
      return found
    }
    expect(await ids(root)).toEqual(made.map(({ id }) => id))
    expect(await ids(v1)).toEqual(made.map(({ id }) => id))
    await fs.directory.remove(made[0]!.carPath)
    expect(await ids(root)).toEqual([made[1]!.id, made[2]!.id])
    const open = await imports.openRoot(v1)
    expect(open?.record.id).toBe(made[1]!.id)
    await open?.close()
    for (const { id } of made) await imports.remove(id)
    expect(await ids(root)).toEqual([])
    expect(await imports.openRoot(root)).toBeUndefined()
  })
  it('go on to the next import when one cannot be opened', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const car = carV1([blocks[0]!.cid], blocks)
    const { imports, sources } = await openPlace({ sources: memorySources({ '/a.car': car, '/b.car': car }) })
    const first = await imports.importPath('/a.car', { car: true })
    const second = await imports.importPath('/b.car', { car: true })
    sources.contents.set('/a.car', car.slice().fill(0))
    const open = await imports.openRoot(first.root)
    expect(open?.record.id).toBe(second.id)
    await open?.close()
    sources.contents.set('/b.car', car.slice().fill(0))
    await expect(imports.openRoot(first.root)).rejects.toMatchObject({ code: 'IMPORT_BROKEN', id: first.id })
  })
})

describe('setPiece', () => {
  const pieceCid = CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
  it('is kept with the import, unless it is of another root by now', async () => {
    const place = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const { id, root, carPath } = await place.imports.importPath('/data/a')
    const piece = { pieceCid, paddedBytes: 2048, payloadBytes: 1411 }
    await place.imports.setPiece(id, piece, { root: pieceCid })
    expect((await place.imports.get(id))?.piece).toBeUndefined()
    await place.imports.setPiece(id, piece, { root })
    const { imports } = await openPlace(place)
    expect(await imports.get(id)).toMatchObject({ piece: { paddedBytes: 2048, payloadBytes: 1411 }, carPath })
    expect((await imports.get(id))?.piece?.pieceCid.equals(pieceCid)).toBe(true)
    expect((await imports.importPath('/data/a')).reused).toBe(true)
    await expect(imports.setPiece(7n, piece)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN' })
  })
})

describe('close', () => {
  it('ends imports under way, of which nothing stays, and closes what is open', async () => {
    const { imports, sources, fs, db } = await openPlace({ sources: memorySources({ '/data/a': big }) })
    const { id, root } = await imports.importPath('/data/a', { profile })
    const open = await imports.open(id)
    expect(await open.blockstore.has(root)).toBe(true)
    const names = fs.names()
    let closing: Promise<void> | undefined
    const running = imports.importPath('/data/a', { profile, reuse: false, onProgress: () => { closing ??= imports.close() } })
    await expect(running).rejects.toMatchObject({ code: 'IMPORT_CLOSED' })
    await closing
    await imports.close()
    expect(fs.names()).toEqual(names)
    expect((await db.keys().all()).filter((key) => key.includes('pending'))).toEqual([])
    await expect(open.blockstore.bytes(root)).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await open.close()
    expect(sources.opened.size).toBe(0)
    await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_CLOSED' })
    await expect(imports.importPath('/data/a')).rejects.toMatchObject({ code: 'IMPORT_CLOSED' })
    await expect(imports.remove(id)).rejects.toMatchObject({ code: 'IMPORT_CLOSED' })
  })
})
