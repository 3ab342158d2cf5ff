import { verifyCar } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { createFakeClock, type CrashWorld, everyCrash, treeDirectory as directory, treeFile as file } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { Imports } from '../src/imports.ts'
import { openImports } from '../src/open-imports.ts'
import type { ImportRecord } from '../src/record.ts'

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
})
