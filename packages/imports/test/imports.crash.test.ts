import { verifyCar } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { createFakeClock, type CrashWorld, everyCrash, treeDirectory as directory, treeFile as file } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { CID } from 'multiformats/cid'
import type { AdoptedImport, Imports } from '../src/imports.ts'
import { decodeLotusImport } from '../src/lotus-records.ts'
import { openImports } from '../src/open-imports.ts'
import type { ImportRecord } from '../src/record.ts'
import { memorySources } from './sources.ts'

const hashes = createHashes()
const clock = createFakeClock()
const tree = directory('docs', file('a', seededBytes(1, 300)), file('b', seededBytes(2, 70_000)))
const other = file('x', seededBytes(3, 5000))

const openIn = (world: CrashWorld): Promise<Imports> => openImports({ db: world.db, directory: world.fs.directory.child('imports'), hashes, clock })

const all = async (imports: Imports): Promise<ImportRecord[]> => {
  const records: ImportRecord[] = []
  for await (const record of imports.list()) records.push(record)
  return records
}

/** Whatever is listed has a whole file, there is no other file, and everything can be imported. */
const isSound = async (world: CrashWorld): Promise<ImportRecord[]> => {
  const imports = await openIn(world)
  const records = await all(imports)
  expect(world.fs.names()).toEqual(records.map(({ carPath }) => `imports/${carPath}`).sort())
  for (const { carPath, carBytes } of records) {
    const car = await world.fs.directory.child('imports').openSource(carPath!)
    expect(car.sizeBytes).toBe(carBytes)
    await verifyCar(car, hashes)
  }
  const before = new Set(records.map(({ filename }) => filename))
  for (const [sourceLabel, entry] of [['docs', tree], ['x', other]] as const) {
    expect((await imports.importTree(entry, { sourceLabel, fingerprint: 'f' })).reused).toBe(before.has(sourceLabel))
  }
  return records
}

describe('a cut after any operation', () => {
  it.each([1, 2, 3])('of two imports leaves whole ones and no half one; seed %i', async (seed) => {
    let done: string[] = []
    await everyCrash({
      seed,
      run: async (world) => {
        done = []
        const imports = await openIn(world)
        for (const [sourceLabel, entry] of [['docs', tree], ['x', other]] as const) {
          await imports.importTree(entry, { sourceLabel, fingerprint: 'f' })
          done.push(sourceLabel)
        }
      },
      check: async (world) => {
        const labels = (await isSound(world)).map(({ filename }) => filename)
        expect(labels).toEqual(expect.arrayContaining(done))
        expect(labels.length).toBeLessThanOrEqual(done.length + 1)
      },
    })
  })
  it.each([4, 5])('of a removal leaves the import whole or gone; seed %i', async (seed) => {
    let removed = false
    await everyCrash({
      seed,
      prepare: async (world) => {
        const imports = await openIn(world)
        await imports.importTree(tree, { sourceLabel: 'docs', fingerprint: 'f' })
        await imports.importTree(other, { sourceLabel: 'x', fingerprint: 'f' })
      },
      run: async (world) => {
        removed = false
        const imports = await openIn(world)
        await imports.remove((await all(imports))[0]!.id)
        removed = true
      },
      check: async (world) => {
        const labels = (await isSound(world)).map(({ filename }) => filename)
        expect(labels).toContain('x')
        if (removed) expect(labels).toEqual(['x'])
      },
    })
  })
  it.each([6, 7])('of an import done again leaves the CAR of before or the new one, whole, and nothing else; seed %i', async (seed) => {
    let done = false
    const [before, after] = [seededBytes(8, 40_000), seededBytes(9, 50_000)]
    const source = memorySources({ '/a': before })
    const openWith = (world: CrashWorld): Promise<Imports> => openImports({ db: world.db, directory: world.fs.directory.child('imports'), hashes, clock, sources: source })
    let id = 0n
    await everyCrash({
      seed,
      prepare: async (world) => {
        source.contents.set('/a', before)
        const first = await (await openWith(world)).importPath('/a', { form: 'dense' })
        id = first.id
        source.contents.set('/a', after)
      },
      run: async (world) => {
        done = false
        await (await openWith(world)).reimport(id)
        done = true
      },
      check: async (world) => {
        const imports = await openWith(world)
        const record = await imports.get(id)
        expect(world.fs.names()).toEqual([`imports/${record!.carPath}`])
        const open = await imports.openRoot(record!.root!)
        const content = await open!.blockstore.bytes(record!.root!)
        await open!.close()
        expect([before.byteLength, after.byteLength]).toContain(content.byteLength)
        if (done) expect(content.byteLength).toBe(after.byteLength)
        expect((await imports.verify(id)).faultCount).toBe(0)
        // and it can be done, again
        expect((await imports.reimport(id)).fileBytes).toBe(after.byteLength)
        expect(world.fs.names()).toHaveLength(1)
      },
    })
  })
  it.each([8, 9])('of a CAR in place that is imported, and imported again, leaves its index with its record, or neither; seed %i', async (seed) => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const source = memorySources({ '/a.car': carV1([blocks[0]!.cid], blocks) })
    const openWith = (world: CrashWorld): Promise<Imports> => openImports({ db: world.db, directory: world.fs.directory.child('imports'), hashes, clock, sources: source })
    let done = 0
    await everyCrash({
      seed,
      run: async (world) => {
        done = 0
        const imports = await openWith(world)
        const { id } = await imports.importPath('/a.car', { car: true })
        done = 1
        await imports.reimport(id)
        done = 2
      },
      check: async (world) => {
        const imports = await openWith(world)
        const records = await all(imports)
        expect(records.length).toBeGreaterThanOrEqual(Math.min(done, 1))
        expect(world.fs.names()).toEqual(records.map(({ indexName }) => `imports/${indexName}`))
        for (const { id, root } of records) {
          const open = await imports.openRoot(root!)
          expect(await open!.blockstore.has(root!)).toBe(true)
          await open!.close()
          await imports.remove(id)
        }
        expect(world.fs.names()).toEqual([])
      },
    })
  })
  it.each([10, 11])('of what is taken over leaves each record whole or not there, and all of them when it is repeated; seed %i', async (seed) => {
    const blocks = makeBlocks(5, 20, { min: 10, max: 500 })
    const root = CID.decode(blocks[0]!.cid)
    const source = memorySources({ '/lotus/imports/1.car': carV1([blocks[0]!.cid], blocks), '/data/x': seededBytes(3, 5000) })
    const records = [
      decodeLotusImport(1n, JSON.stringify({ Labels: { source: 'import', root: root.toString(), filename: '/data/x', car_path: '/lotus/imports/1.car', car_owner: 'importmgr' } })),
      decodeLotusImport(2n, JSON.stringify({ Labels: { source: 'import', root: root.toString(), filename: '/data/x', mtime: '1' } })),
    ]
    const adoptIn = async (world: CrashWorld): Promise<AdoptedImport[]> => {
      const imports = await openImports({ db: world.db, directory: world.fs.directory.child('imports'), hashes, clock, sources: source })
      const adopted: AdoptedImport[] = []
      for await (const one of imports.adopt(records, { importsFolder: '/lotus/imports' })) adopted.push(one)
      return adopted
    }
    let done = 0
    await everyCrash({
      seed,
      run: async (world) => { done = 0; done = (await adoptIn(world)).length },
      check: async (world) => {
        const adopted = await adoptIn(world)
        expect(adopted.map(({ record: { id }, fault }) => [id, fault === undefined])).toEqual([[1n, true], [2n, false]])
        expect(adopted.filter(({ outcome }) => outcome === 'known').length).toBeGreaterThanOrEqual(done)
        expect(world.fs.names()).toEqual([])
        expect(source.contents.size).toBe(2)
      },
    })
  })
})
