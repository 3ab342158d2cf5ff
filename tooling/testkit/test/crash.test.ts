import { describe, expect, it } from 'vitest'
import { CrashError, createCrashFs, createCrashLevel, createCrashWorld, everyCrash, seededRandom } from '../src/index.ts'

const bytes = (fill: number, length: number): Uint8Array => new Uint8Array(length).fill(fill)

describe('seededRandom', () => {
  it('repeats for a seed and differs between seeds', () => {
    expect(seededRandom('a').bytes(40)).toEqual(seededRandom('a').bytes(40))
    expect(seededRandom('a').bytes(40)).not.toEqual(seededRandom('b').bytes(40))
  })

  it('gives every value below the bound', () => {
    const random = seededRandom(1)
    expect(new Set(Array.from({ length: 300 }, () => random.int(7)))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]))
  })
})

describe('createCrashFs', () => {
  it('keeps synced bytes and some of the unsynced sectors, each whole', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const fs = createCrashFs({ seed })
      const file = await fs.writableFile('f')
      await file.write(0, bytes(1, 2048))
      await file.sync()
      await file.write(0, bytes(2, 2048))
      const left = fs.recover(0).content('f')
      expect(left).toHaveLength(2048)
      const sectors = [0, 1, 2, 3].map((s) => new Set(left?.subarray(s * 512, s * 512 + 512)))
      for (const sector of sectors) expect(sector.size).toBe(1)
      outcomes.add(sectors.map((s) => [...s].join()).join(''))
    }
    expect(outcomes.size).toBeGreaterThan(8)
  })

  it('may keep any length between the synced and the current one', async () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const fs = createCrashFs({ seed })
      const file = await fs.writableFile('f')
      await file.write(0, bytes(1, 100))
      await file.sync()
      await file.write(100, bytes(2, 900))
      lengths.add(fs.recover(0).content('f')?.length ?? -1)
    }
    expect(lengths).toContain(100)
    expect(lengths).toContain(1000)
    expect(lengths.size).toBeGreaterThan(4)
  })

  it('writes a whole file atomically or not at all, wherever it is cut', async () => {
    const cuts = await everyCrash({
      seed: 'atomic',
      prepare: async ({ fs }) => { fs.plant('a/f', bytes(1, 10)) },
      run: async ({ fs }) => { await fs.directory.writeAtomic('a/f', [bytes(2, 600), bytes(2, 600)]) },
      check: async ({ fs }) => {
        expect([10, 1200]).toContain(fs.content('a/f')?.length)
        expect(fs.names()).toEqual(['a/f'])
      },
    })
    expect(cuts).toBe(3)
  })

  it('refuses everything after the crash', async () => {
    const fs = createCrashFs({ seed: 1 })
    fs.faults.crashAfter(0)
    await expect(fs.writableFile('f')).rejects.toBeInstanceOf(CrashError)
    await expect(fs.directory.list('')).rejects.toBeInstanceOf(CrashError)
  })

  it('runs out of space at its capacity', async () => {
    const fs = createCrashFs({ seed: 1, capacityBytes: 1000 })
    const file = await fs.writableFile('f')
    await file.write(0, bytes(1, 900))
    await expect(file.write(900, bytes(1, 200))).rejects.toMatchObject({ code: 'IO_FULL' })
    await expect(fs.directory.writeAtomic('g', [bytes(1, 200)])).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(await fs.directory.freeBytes()).toBe(100)
  })

  it('injects an error at the operation named and goes on after it', async () => {
    const fs = createCrashFs({ seed: 1 })
    fs.faults.failAt((operation) => operation.kind === 'sync', new Error('EIO'))
    const file = await fs.writableFile('f')
    await file.write(0, bytes(1, 1))
    await expect(file.sync()).rejects.toThrow('EIO')
    await file.sync()
    expect(fs.log).toEqual(['create f', 'write f 0+1', 'sync f', '  failed: f', 'sync f'])
  })
})

describe('CrashLevel', () => {
  it('keeps what was synced, and of what was not a prefix in each of its logs', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 2000; seed++) {
      const db = await createCrashLevel({ seed })
      await db.put('a', '1', { sync: true } as object)
      for (const key of ['b', 'c', 'd']) await db.sublevel('s').put(key, '1')
      await db.put('e', '1', { sync: true } as object)
      for (const key of ['f', 'g']) await db.sublevel('s').put(key, '1')
      const left = await db.recover(0)
      expect([await left.get('a'), await left.get('e')]).toEqual(['1', '1'])
      seen.add((await left.sublevel('s').keys().all()).join(''))
    }
    const behind = ['', 'f', 'fg']
    // where the log was changed behind `d`, or before it, what the old one had not synced may be gone
    const before = ['', 'b', 'bc', 'bcd', 'd', 'cd', 'bd']
    expect(seen).toEqual(new Set([...before.flatMap((first) => behind.map((last) => first + last)), 'bcdg']))
  })

  it('dies together with the files of its world', async () => {
    const world = await createCrashWorld('together')
    world.faults.crashAfter(1)
    await world.db.put('a', '1')
    await expect(world.fs.writableFile('f')).rejects.toBeInstanceOf(CrashError)
    await expect(world.db.get('a')).rejects.toMatchObject({ name: 'CrashError' })
    await expect((async () => world.db.keys().all())()).rejects.toMatchObject({ name: 'CrashError' })
    await expect(world.db.put('b', '1')).rejects.toMatchObject({ name: 'CrashError' })
  })
})
