/**
 * A cut after every operation. What holds afterwards:
 *
 *     1  every block whose put had resolved before a checkpoint that resolved is there
 *     2  nothing is given back that was not put, and no torn block
 *     3  a file whose finalize had resolved is a whole CARv2, and resume leaves it alone
 *     4  whatever is left can be taken up and finished, and then holds every block
 *     5  a finalized file that is extended stays finalized or can be resumed, with every block it had
 */
import { everyCrash, type CrashWorld } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar, resumeWritableCar, type CarFileOptions, type WritableCar, type WritableCarError } from '../src/index.ts'
import { all, blocksOf, putAll, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const SEEDS = process.env['DAGSTORE_LONG'] === undefined ? [1, 2] : [1, 2, 3, 4, 5, 6]
/** Layouts, and an index that does not fit into memory. */
const KINDS: readonly CarFileOptions[] = [{}, { layout: 'go-car' }, { indexMemoryBytes: 100 }]
const RUNS = KINDS.flatMap((options) => SEEDS.map((seed) => ({ seed, options })))
const blocks = blocksOf(9, 9, 1400)
const known = new Map(blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
const [root] = blocks as [TestBlock]

/** What a run had been promised when it was cut. */
interface Promised { created: boolean, finalized: boolean, readonly durable: Set<string> }
const promise = (): Promised => ({ created: false, finalized: false, durable: new Set() })

const file = (world: CrashWorld): ReturnType<CrashWorld['fs']['writableFile']> => world.fs.writableFile('car')
const named = (list: readonly TestBlock[]): string[] => list.map(({ cid }) => cid.toString())

/** Put, and note what a checkpoint makes safe. */
const putDurably = async (car: WritableCar, list: readonly TestBlock[], promised: Promised): Promise<void> => {
  await putAll(car, list)
  await car.checkpoint()
  for (const name of named(list)) promised.durable.add(name)
}
const finalize = async (car: WritableCar, promised: Promised): Promise<void> => {
  const stored = named(await all(car.getAll()) as unknown as TestBlock[])
  await car.finalize({ roots: [root.cid] })
  promised.finalized = true
  for (const name of stored) promised.durable.add(name)
}

const checkHeld = (held: readonly TestBlock[], promised: Promised): void => {
  for (const { cid, bytes } of held) expect(Buffer.compare(bytes, known.get(cid.toString())!), 'no block but those put').toBe(0)
  const names = new Set(named(held))
  expect([...promised.durable].filter((name) => !names.has(name)), 'durable blocks that are gone').toEqual([])
}

/** The invariants on what a cut has left, and the way on from there. */
const check = async (world: CrashWorld, promised: Promised, options: CarFileOptions): Promise<void> => {
  const left = await file(world)
  let car: WritableCar
  try {
    car = await resumeWritableCar(left, options)
  } catch (error) {
    const { code } = error as WritableCarError
    if (code === 'WRITABLE_CAR_NOT_OURS') return expect(promised, 'only a file that was never promised may be nothing').toEqual(promise())
    expect(code).toBe('WRITABLE_CAR_FINALIZED')
    checkHeld((await takeApart(world.fs.content('car')!)).blocks, promised)
    car = await extendWritableCar(left, options)
  }
  const held: TestBlock[] = []
  for await (const { cid, bytes } of car.getAll()) held.push({ cid, bytes: (await all(bytes))[0]! })
  checkHeld(held, promised)
  await putAll(car, blocks)
  await car.finalize({ roots: [root.cid] })
  const finished = await takeApart(world.fs.content('car')!)
  expect(named(finished.blocks).sort()).toEqual(named(blocks).sort())
  expect(finished.roots).toEqual([root.cid.toString()])
}

describe('a cut at any operation', () => {
  it.each(RUNS)('of create, put, checkpoint and finalize keeps what was promised; $options seed=$seed', async ({ seed, options }) => {
    let promised = promise()
    const cuts = await everyCrash({
      seed,
      run: async (world) => {
        promised = promise()
        const car = await createWritableCar(await file(world), { ...options, roots: [root.cid] })
        promised.created = true
        await putDurably(car, blocks.slice(0, 3), promised)
        await putDurably(car, blocks.slice(3, 5), promised)
        await putAll(car, blocks.slice(5, 7))
        await finalize(car, promised)
      },
      check: (world) => check(world, promised, options),
    })
    expect(cuts).toBeGreaterThan(12)
  })

  it.each(RUNS)('of resume and what follows it keeps what was promised; $options seed=$seed', async ({ seed, options }) => {
    let promised = promise()
    await everyCrash({
      seed,
      prepare: async (world) => {
        promised = promise()
        const car = await createWritableCar(await file(world), { ...options, roots: [root.cid], owns: false })
        promised.created = true
        await putDurably(car, blocks.slice(0, 3), promised)
        await putAll(car, blocks.slice(3, 5))
        await car.close()
        for (const name of named(blocks.slice(3, 5))) promised.durable.add(name)
        // a section that was cut in its data
        const left = await file(world)
        await left.write(left.sizeBytes, Uint8Array.of(0xff, 0x01, 0x01, 0x55, 0x12, 0x20, 1, 2, 3))
      },
      run: async (world) => {
        const car = await resumeWritableCar(await file(world), options)
        await putDurably(car, blocks.slice(5, 7), promised)
        await finalize(car, promised)
      },
      check: (world) => check(world, promised, options),
    })
  })

  it.each(RUNS)('of extend and what follows it keeps what the file had; $options seed=$seed', async ({ seed, options }) => {
    let promised = promise()
    await everyCrash({
      seed,
      prepare: async (world) => {
        promised = promise()
        const car = await createWritableCar(await file(world), { ...options, roots: [root.cid] })
        promised.created = true
        await putAll(car, blocks.slice(0, 4))
        await finalize(car, promised)
      },
      run: async (world) => {
        const car = await extendWritableCar(await file(world), options)
        await putDurably(car, blocks.slice(4, 6), promised)
        await finalize(car, promised)
      },
      check: (world) => check(world, promised, options),
    })
  })

  it.each(SEEDS)('of a CARv1 keeps what was promised; seed=%i', async (seed) => {
    let promised = promise()
    await everyCrash({
      seed,
      run: async (world) => {
        promised = promise()
        const car = await createWritableCar(await file(world), { layout: 'carv1', roots: [root.cid] })
        promised.created = true
        await putDurably(car, blocks.slice(0, 3), promised)
        await putDurably(car, blocks.slice(3, 5), promised)
        await putAll(car, blocks.slice(5))
        await finalize(car, promised)
      },
      check: async (world) => {
        const car = await resumeWritableCar(await file(world), { layout: 'carv1' }).catch((error: unknown) => error as WritableCarError)
        if ('code' in car) {
          expect(car.code).toBe('WRITABLE_CAR_NOT_OURS')
          return expect(promised).toEqual(promise())
        }
        const held: TestBlock[] = []
        for await (const { cid, bytes } of car.getAll()) held.push({ cid, bytes: (await all(bytes))[0]! })
        checkHeld(held, promised)
      },
    })
  })

  it('of a file whose sections fill more than one piece of memory keeps what was promised', async () => {
    const large = blocksOf(10, 5, 900_000)
    for (const { cid, bytes } of large) known.set(cid.toString(), bytes)
    let promised = promise()
    await everyCrash({
      seed: 4,
      chances: 1,
      run: async (world) => {
        promised = promise()
        const car = await createWritableCar(await file(world))
        promised.created = true
        await putDurably(car, large.slice(0, 3), promised)
        await putDurably(car, large.slice(3), promised)
      },
      check: async (world) => {
        let car: WritableCar
        try {
          car = await resumeWritableCar(await file(world))
        } catch (error) {
          expect(error).toMatchObject({ code: 'WRITABLE_CAR_NOT_OURS' })
          return expect(promised).toEqual(promise())
        }
        const held: TestBlock[] = []
        for await (const { cid, bytes } of car.getAll()) held.push({ cid, bytes: (await all(bytes))[0]! })
        checkHeld(held, promised)
      },
    })
  })
})
