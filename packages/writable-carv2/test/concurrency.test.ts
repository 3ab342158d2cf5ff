/**
 * Many calls at once on a file that takes its time and now and then refuses. What holds:
 *
 *     1  a block whose put has resolved is readable from then on
 *     2  what a checkpoint that resolved has covered is there after a cut, and nothing that was not put
 *     3  there is no hole: what is left can be taken up and finished, and a finished file holds every block that was put
 *     4  after a failure calls are refused by code, and nothing of a refused put is stored
 */
import { createCrashFs, seededRandom, type SeededRandom } from '@dagstore-tooling/testkit'
import { IoError, type WritableFile } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type CarFileLayout, createWritableCar, resumeWritableCar, type WritableCar, type WritableCarError } from '../src/index.ts'
import { all, blocksOf, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const RUNS = process.env['DAGSTORE_LONG'] === undefined ? 12 : 600
const small = blocksOf(61, 60, 500)
const large = blocksOf(62, 12, 400_000)
const pool = [...small, ...large]
const known = new Map(pool.map(({ cid, bytes }) => [cid.toString(), bytes]))

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
const pause = async (random: SeededRandom): Promise<void> => {
  for (let turns = random.int(4); turns > 0; turns--) await turn()
  for (let ticks = random.int(5); ticks > 0; ticks--) await Promise.resolve()
}
/** A file whose calls take a while each, so that they overlap in any order. */
const slowly = (file: WritableFile, random: SeededRandom): WritableFile => new Proxy(file, {
  get: (target, key) => key === 'write' || key === 'sync' || key === 'read'
    ? async (...args: never[]) => {
      // a file keeps no reference to what it is given to write
      const own = args.map((arg: unknown) => arg instanceof Uint8Array ? arg.slice() : arg) as never[]
      await pause(random)
      return (target[key] as (...own: never[]) => Promise<unknown>)(...own)
    }
    : Reflect.get(target, key) as unknown,
})

const REFUSALS = new Set(['IO_FULL', 'WRITABLE_CAR_FAILED', 'WRITABLE_CAR_FINALIZED'])

interface Outcome { readonly acknowledged: Set<string>, readonly durable: Set<string>, finalized: boolean }

const runOnce = async (seed: number, layout: CarFileLayout): Promise<void> => {
  const random = seededRandom(`${layout} ${seed}`)
  const fs = createCrashFs({ seed })
  const file = await fs.writableFile('car')
  const car = await createWritableCar(slowly(file, random), { layout, owns: false })
  const chance = random.pick([0, 0, 0.1, 0.5])
  fs.faults.failAt(({ kind }) => kind === 'write' && random.chance(chance), () => new IoError('IO_FULL', 'full', { retry: 'later' }), Infinity)
  if (random.chance(0.15)) fs.faults.failAt(({ kind }) => kind === 'sync' && random.chance(0.3), new IoError('IO_FAILED', 'broken'))
  const outcome: Outcome = { acknowledged: new Set(), durable: new Set(), finalized: false }

  const refused = (error: unknown): void => { expect(REFUSALS, String(error)).toContain((error as { code: string }).code) }
  const put = async (): Promise<void> => {
    const { cid, bytes } = random.pick(pool)
    const name = random.chance(0.2) ? CID.createV1(0x71, cid.multihash) : cid
    const given = random.chance(0.3) ? [bytes.slice(0, 3), bytes.slice(3)] : bytes
    await car.put(name, given)
    outcome.acknowledged.add(cid.toString())
    expect(Buffer.compare(await car.bytes(cid), bytes)).toBe(0)
  }
  const checkpoint = async (): Promise<void> => {
    const covered = [...outcome.acknowledged]
    await car.checkpoint()
    for (const name of covered) outcome.durable.add(name)
  }
  const read = async (): Promise<void> => {
    const { cid, bytes } = random.pick(pool)
    const was = outcome.acknowledged.has(cid.toString())
    const has = await car.has(cid)
    if (was) expect(has).toBe(true)
    if (has) expect(Buffer.compare(await car.bytes(cid), bytes)).toBe(0)
  }
  const finalize = async (): Promise<void> => {
    const covered = [...outcome.acknowledged]
    await car.finalize()
    outcome.finalized = true
    for (const name of covered) outcome.durable.add(name)
  }
  const early = random.chance(0.3)
  await Promise.all(Array.from({ length: 150 }, async (_, i) => {
    await pause(random)
    if (i > 100) await turn()
    const call = early && i === 120 ? finalize : random.pick([put, put, put, put, put, put, read, read, checkpoint])
    await call().catch(refused)
  }))

  for (const name of outcome.acknowledged) expect(Buffer.compare(await car.bytes(CID.parse(name)), known.get(name)!)).toBe(0)
  if (random.chance(0.5)) await finalize().catch(refused)
  await car.discard()
  await checkLeft(fs.recover(seed), outcome, layout)
  if (outcome.finalized) expect(fs.content('car')!.byteLength).toBe(file.sizeBytes)
}

const checkLeft = async (fs: ReturnType<typeof createCrashFs>, { durable, finalized }: Outcome, layout: CarFileLayout): Promise<void> => {
  let car: WritableCar
  try {
    car = await resumeWritableCar(await fs.writableFile('car'), { layout })
  } catch (error) {
    expect((error as WritableCarError).code).toBe('WRITABLE_CAR_FINALIZED')
    const names = (await takeApart(fs.content('car')!)).blocks.map(({ cid }) => cid)
    return expectHeld(names, durable)
  }
  if (finalized) expect(layout).toBe('carv1')
  const held: TestBlock[] = []
  for await (const { cid, bytes } of car.getAll()) held.push({ cid, bytes: (await all(bytes))[0]! })
  expectHeld(held.map(({ cid }) => cid), durable)
  const plain = new Map([...known].map(([name, bytes]) => [CID.parse(name).multihash.bytes.join(), bytes]))
  for (const { cid, bytes } of held) expect(Buffer.compare(bytes, plain.get(cid.multihash.bytes.join())!)).toBe(0)
  for (const { cid, bytes } of pool) await car.put(cid, bytes)
  await car.finalize()
  if (layout !== 'carv1') expect((await takeApart(fs.content('car')!)).blocks).toHaveLength(pool.length)
}

/** By multihash: a block may have been put under another CID first. */
const expectHeld = (held: readonly CID[], durable: ReadonlySet<string>): void => {
  const names = new Set(held.map(({ multihash }) => multihash.bytes.join()))
  expect([...durable].filter((name) => !names.has(CID.parse(name).multihash.bytes.join())), 'durable blocks that are gone').toEqual([])
}

describe.each(['resumable', 'go-car', 'carv1'] as const)('many calls at once, layout %s', (layout) => {
  it(`lose nothing that was acknowledged, whatever the file refuses; ${RUNS} runs`, async () => {
    for (let seed = 0; seed < RUNS; seed++) {
      try {
        await runOnce(seed, layout)
      } catch (cause) {
        throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.stack : String(cause)}`, { cause })
      }
    }
  })
})
