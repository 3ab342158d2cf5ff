import { encodeHeader, PRAGMA, PRAGMA_BYTES } from '@dagstore/carv2'
import { createBytesSource, createMemoryDirectory, IoError } from '@dagstore/io'
import { createRefCar, encodeReference, keyCid } from '@dagstore/ref-carv2'
import { buildTree } from '@dagstore/unixfs-builder'
import { type Block, carV1, makeBlock, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { createCrashLevel, treeFile } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type AdoptedImport, decodeLotusImport, type ImportFault, type Imports, type ImportsCount, type LotusImportRecord, readLotusImports } from '../src/index.ts'
import { all, hashes, openPlace, type Place, readAll } from './place.ts'
import { forbidden, memorySources } from './sources.ts'

const bytes = seededBytes(3, 40_000)
const FOLDER = '/lotus/imports'
const ID = 1_629_158_400_000_000_000n

/** As Lotus writes one. */
const lotusRecord = (labels: Readonly<Record<string, string>>): string => JSON.stringify({ Labels: labels })

const refCarOf = async (content: Uint8Array, path: string): Promise<{ readonly root: CID, readonly car: Uint8Array }> => {
  const file = await createMemoryDirectory().openWritable('a', 'new')
  const writer = await createRefCar(file, { hashes, pathOf: () => path })
  const { cid } = await buildTree(treeFile('', content), writer, { hashes, profile: 'unixfs-v1-2025' })
  await writer.finalize([cid])
  return { root: cid, car: await file.read(0, file.sizeBytes) }
}
const inCarV2 = (payload: Uint8Array, dataSize: number = payload.byteLength): Uint8Array => {
  const car = new Uint8Array(PRAGMA_BYTES + 40 + payload.byteLength)
  car.set(PRAGMA)
  car.set(encodeHeader({ fullyIndexed: false, dataOffset: PRAGMA_BYTES + 40, dataSize, indexOffset: undefined }), PRAGMA_BYTES)
  car.set(payload, PRAGMA_BYTES + 40)
  return car
}
const adopt = async (imports: Imports, records: readonly LotusImportRecord[], importsFolder = FOLDER): Promise<AdoptedImport[]> => {
  const adopted: AdoptedImport[] = []
  for await (const one of imports.adopt(records, { importsFolder })) adopted.push(one)
  return adopted
}
const checkAll = async (imports: Imports): Promise<{ faults: ImportFault[], count: ImportsCount }> => {
  const faults: ImportFault[] = []
  const found = imports.check()
  for (;;) {
    const step = await found.next()
    if (step.done === true) return { faults, count: step.value }
    faults.push(step.value)
  }
}

describe('check', () => {
  const lost: readonly { readonly what: string, readonly spoil: (place: Place, name: string) => Promise<void> }[] = [
    { what: 'was deleted', spoil: (place, name) => place.files.remove(name) },
    { what: 'was truncated', spoil: async (place, name) => { const file = await place.files.openWritable(name, 'open'); await file.truncate(4100); await file.close() } },
    { what: 'is empty', spoil: async (place, name) => { const file = await place.files.openWritable(name, 'open'); await file.truncate(0); await file.close() } },
  ]
  it.each(lost)('tells of a CAR that $what, opens nothing, and says how many there are', async ({ spoil }) => {
    const place = await openPlace({ sources: memorySources({ '/data/a': bytes, '/data/b': bytes.slice(1) }) })
    const { imports, fs } = place
    const record = await imports.importPath('/data/a')
    await imports.importPath('/data/b')
    expect(await checkAll(imports)).toEqual({ faults: [], count: { total: 2, broken: 0 } })
    await spoil(place, record.carPath)
    const before = fs.faults.log.length
    const { faults, count } = await checkAll(imports)
    expect(count).toEqual({ total: 2, broken: 1 })
    expect(faults).toMatchObject([{ reason: 'broken', record: { id: record.id, root: record.root, filename: '/data/a', source: 'import' } }])
    expect(fs.faults.log.slice(before).filter((line) => !line.endsWith(' stat'))).toEqual([])
    expect(await imports.verify(record.id)).toMatchObject({ faultCount: 1, faults: [{ path: record.carPath, code: 'IMPORT_BROKEN' }] })
    await imports.reimport(record.id)
    expect((await checkAll(imports)).count).toEqual({ total: 2, broken: 0 })
  })
  it('goes on when one CAR can not be looked at, and stops for an abort', async () => {
    const blocks = makeBlocks(1, 3, { min: 10, max: 20 })
    const { imports, sources } = await openPlace({ sources: memorySources({ '/a.car': carV1([blocks[0]!.cid], blocks), '/data/b': bytes }) })
    await imports.importPath('/a.car', { car: true })
    await imports.importPath('/data/b')
    sources.failures.set('/a.car', new IoError('IO_FORBIDDEN', 'no'))
    expect((await checkAll(imports)).count).toEqual({ total: 2, broken: 1 })
    const reason = new Error('enough')
    await expect(imports.check({ signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)
  })
})

describe('adopt', () => {
  it('takes over a record and its CAR in place, which it neither changes nor removes, and may be repeated', async () => {
    const { root, car } = await refCarOf(bytes, '/data/a')
    const sources = memorySources({ '/data/a': bytes, [`${FOLDER}/${ID}.car`]: car })
    const { imports, fs } = await openPlace({ sources })
    const record = decodeLotusImport(ID, lotusRecord({ source: 'import', root: root.toString(), filename: '/data/a', car_path: `${FOLDER}/${ID}.car`, car_owner: 'importmgr' }))
    const [adopted] = await adopt(imports, [record])
    expect(adopted).toMatchObject({ outcome: 'adopted', fault: undefined, record: { id: ID, source: 'import', filename: '/data/a', carPath: `${FOLDER}/${ID}.car`, carOwner: 'user', form: 'ref', carBytes: car.byteLength } })
    expect(await adopt(imports, [record])).toMatchObject([{ outcome: 'known', fault: undefined, record: { id: ID } }])
    const open = await imports.openRoot(root)
    expect(await readAll(open!)).toHaveProperty('size', 1)
    await open!.close()
    expect(sources.opened.size).toBe(0)
    expect(fs.names()).toEqual([])
    await imports.remove(ID)
    expect(sources.contents.get(`${FOLDER}/${ID}.car`)).toEqual(car)
  })
  it('reads leaves under the keys of the older dialect', async () => {
    const leaf = makeBlock(bytes)
    const key = keyCid(leaf.multihash, 'identity-keys')
    const section: Block = { cid: key.bytes, multihash: key.multihash.bytes, data: encodeReference({ path: '/data/a', offset: 0, size: bytes.byteLength }) }
    const root = CID.decode(leaf.cid)
    const { imports } = await openPlace({ sources: memorySources({ '/data/a': bytes, '/lotus/imports/7.car': inCarV2(carV1([leaf.cid], [section])) }) })
    const [adopted] = await adopt(imports, [decodeLotusImport(7n, lotusRecord({ source: 'import', root: root.toString(), filename: '/data/a', car_path: '/lotus/imports/7.car', car_owner: 'importmgr' }))])
    expect(adopted).toMatchObject({ fault: undefined, record: { form: 'ref', blocks: 1 } })
    const open = await imports.open(7n)
    expect(await open.blockstore.bytes(root)).toEqual(bytes)
    await open.close()
  })
  it('finds the CARs of a repository that was moved, and those that users gave', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const car = carV1([blocks[0]!.cid], blocks)
    const root = CID.decode(blocks[0]!.cid).toString()
    const { imports } = await openPlace({ sources: memorySources({ '/moved/imports/8.car': car, '/data/own.car': car }) })
    const adopted = await adopt(imports, [
      decodeLotusImport(8n, lotusRecord({ source: 'import-local', root, filename: '', car_path: '/home/l/.lotus/imports/8.car', car_owner: 'importmgr' })),
      decodeLotusImport(9n, lotusRecord({ source: 'import', root, filename: '/data/own.car', car_path: '/data/own.car' })),
    ], '/moved/imports/')
    expect(adopted).toMatchObject([
      { fault: undefined, record: { id: 8n, carPath: '/moved/imports/8.car', form: 'dense', source: 'import-local' } },
      { fault: undefined, record: { id: 9n, carPath: '/data/own.car', form: 'car' } },
    ])
    for (const { record: { id } } of adopted) await (await imports.open(id)).close()
    expect(await imports.reimport(9n)).toMatchObject({ id: 9n, form: 'car', carPath: '/data/own.car' })
    await expect(imports.reimport(8n)).rejects.toMatchObject({ code: 'IMPORT_NO_SOURCE' })
  })
  it('takes records of Lotus before 1.11.2: listed, told of as lacking a CAR, imported again under their ids, removed', async () => {
    const { imports, fs } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const { root } = await refCarOf(bytes, '/data/a')
    const adopted = await adopt(imports, [1n, 2n].map((id) => decodeLotusImport(id, lotusRecord({ source: 'import', root: root.toString(), filename: '/data/a', mtime: '1620000000' }))))
    expect(adopted).toMatchObject([{ outcome: 'adopted', fault: expect.stringContaining('1.11.2') }, { outcome: 'adopted' }])
    const { faults, count } = await checkAll(imports)
    expect(count).toEqual({ total: 2, broken: 2 })
    expect(faults).toMatchObject([{ reason: 'no-car-path', record: { id: 1n, filename: '/data/a', source: 'import', carPath: undefined } }, { reason: 'no-car-path', record: { id: 2n } }])
    await expect(imports.open(1n)).rejects.toMatchObject({ code: 'IMPORT_BROKEN' })
    const again = await imports.reimport(1n)
    expect(again).toMatchObject({ id: 1n, form: 'ref', profile: 'lotus-2021', links: 'keep', carOwner: 'importmgr' })
    await (await imports.open(1n)).close()
    await imports.remove(2n)
    expect((await all(imports)).map(({ id }) => id)).toEqual([1n])
    expect(fs.names()).toEqual([again.carPath])
  })
  it('imports a CAR again as one, which Lotus before 1.11.2 had unpacked', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const { imports, sources } = await openPlace({ sources: memorySources({ '/data/a.car': carV1([blocks[0]!.cid], blocks) }) })
    await adopt(imports, [decodeLotusImport(3n, lotusRecord({ source: 'import', root: CID.decode(blocks[0]!.cid).toString(), filename: '/data/a.car' }))])
    expect(await imports.reimport(3n)).toMatchObject({ form: 'car', carPath: '/data/a.car', carOwner: 'user' })
    expect(sources.opened.size).toBe(0)
  })
  it('takes what cannot be read as broken, each with its reason, and goes on', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const whole = inCarV2(carV1([blocks[0]!.cid], blocks))
    const root = CID.decode(blocks[0]!.cid).toString()
    const { imports, sources } = await openPlace({ sources: memorySources({ '/i/1.car': whole.slice(0, -20), '/i/2.car': bytes, '/i/3.car': inCarV2(carV1([blocks[1]!.cid], blocks)), '/i/5.car': whole, '/i/6.car': whole }) })
    sources.failures.set('/i/5.car', forbidden('/i/5.car'))
    const labels = (id: number): Record<string, string> => ({ source: 'import', root, filename: '/data/a', car_path: `/i/${id}.car`, car_owner: 'importmgr' })
    const adopted = await adopt(imports, [
      ...[1, 2, 3, 4, 5].map((id) => decodeLotusImport(BigInt(id), lotusRecord(labels(id)))),
      decodeLotusImport(6n, lotusRecord({ ...labels(6), root: 'nonsense' })),
      decodeLotusImport(7n, '{'),
      decodeLotusImport(8n, lotusRecord({ ...labels(8), car_path: '../../etc/8.car' })),
    ], '/i')
    expect(adopted.map(({ fault }) => typeof fault)).toEqual(adopted.map(() => 'string'))
    expect(sources.opened.size).toBe(0)
    // what was whole to look at stays broken; what was not there, or not to be read, may come
    expect((await checkAll(imports)).count).toEqual({ total: 8, broken: 8 })
    sources.failures.clear()
    sources.contents.set('/i/4.car', whole)
    expect((await checkAll(imports)).faults.map(({ record: { id } }) => id)).toEqual([1n, 2n, 3n, 6n, 7n, 8n])
  })
  it('believes no label of ours that comes with a record, and no name that leads out of the folder of the imports', async () => {
    const { imports, files } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const own = await imports.importPath('/data/a')
    await adopt(imports, [decodeLotusImport(5n, lotusRecord({ source: 'import', root: own.root.toString(), filename: '', car_path: own.carPath, car_owner: 'importmgr', 'dagstore.form': 'dense', 'dagstore.car-bytes': '5' }))])
    expect(await imports.get(5n)).toMatchObject({ carOwner: 'user', form: 'unknown', carBytes: undefined })
    await imports.remove(5n)
    expect(await files.stat(own.carPath)).toBeDefined()
  })
  it('never gives an id of theirs out again', async () => {
    const place = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const first = await place.imports.importPath('/data/a')
    await adopt(place.imports, [1n, 2n].map((ahead) => decodeLotusImport(first.id + ahead, lotusRecord({ source: 'import' }))))
    expect((await place.imports.importPath('/data/a', { reuse: false })).id).toBe(first.id + 3n)
  })
})

describe('readLotusImports', () => {
  it('gives the records of imports alone, by key, damaged ones with the reason', async () => {
    const db = await createCrashLevel({ seed: 1 })
    for (const [key, value] of Object.entries({
      '/client/stores/1629158400000000001': lotusRecord({ source: 'import', filename: '/data/<a>&b' }).replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026'),
      '/client/stores/3': '{"Labels":null}',
      '/client/stores/4': 'no JSON',
      '/client/stores/nonsense': lotusRecord({}),
      '/client/stores/99999999999999999999': lotusRecord({}),
      '/client/storesx/5': lotusRecord({}),
      '/client/deals/5': lotusRecord({}),
      '/storagemarket/pieces/1': 'x',
    })) await db.put(key, value)
    const found: LotusImportRecord[] = []
    for await (const record of readLotusImports(db)) found.push(record)
    expect(found.map(({ id, labels, damage }) => [id, labels.get('filename'), damage !== undefined])).toEqual([[1_629_158_400_000_000_001n, '/data/<a>&b', false], [3n, undefined, false], [4n, undefined, true]])
    const reason = new Error('enough')
    await expect(readLotusImports(db, { signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)
    await db.close()
    await expect(readLotusImports(db).next()).rejects.toMatchObject({ code: 'IMPORT_FAILED' })
  })
})

describe('verify', () => {
  it('tells of blocks that are missing or other than their CIDs, with the CID', async () => {
    const [root, ...leaves] = makeBlocks(5, 4, { min: 10, max: 500 })
    const damaged = { ...root!, data: seededBytes(9, root!.data.byteLength) }
    const { imports, sources } = await openPlace({ sources: memorySources({ '/a.car': carV1([root!.cid], [damaged, ...leaves]) }) })
    const { id } = await imports.importPath('/a.car', { car: true })
    expect(await imports.verify(id)).toMatchObject({ faultCount: 1, faults: [{ code: 'BLOCKSTORE_HASH_MISMATCH' }] })
    const { faults } = await imports.verify(id)
    expect(faults[0]!.cid?.bytes).toEqual(root!.cid)
    sources.contents.set('/a.car', carV1([root!.cid], leaves))
    await imports.reimport(id)
    expect(await imports.verify(id, { depth: 'stat' })).toMatchObject({ faultCount: 1, faults: [{ code: 'BLOCKSTORE_NOT_FOUND' }] })
    sources.contents.set('/a.car', sources.contents.get('/a.car')!.slice().fill(1))
    expect(await imports.verify(id)).toMatchObject({ faultCount: 1, faults: [{ path: '/a.car', code: expect.stringMatching(/^CARV2_/) }] })
    await expect(imports.verify(7n)).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN' })
    const reason = new Error('enough')
    await expect(imports.verify(id, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(sources.opened.size).toBe(0)
  })
})

describe('a CAR that is imported', () => {
  it('may lie in memory, under any name', async () => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const { imports } = await openPlace()
    expect(await imports.importCar(createBytesSource(carV1([blocks[0]!.cid], blocks)), { carPath: 'stream' })).toMatchObject({ carPath: 'stream', form: 'car' })
  })
})
