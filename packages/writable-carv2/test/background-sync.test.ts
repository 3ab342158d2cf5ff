/** Syncs beside puts: what goes to the disk between two checkpoints, and who is told when it does not get there. */
import { createCrashFs } from '@dagstore-tooling/testkit'
import { IoError } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createWritableCar } from '../src/index.ts'
import { blocksOf, memoryFile, type TestBlock } from './blocks.ts'

const [first] = blocksOf(1, 1) as [TestBlock]

describe('much that is put between two checkpoints', () => {
  const many = blocksOf(71, 12, 1_000_000).map(({ cid }) => cid)
  const bytes = new Uint8Array(1 << 20)

  it('goes to the disk while more is put, and no slot says so before a checkpoint', async () => {
    const { file, log } = await memoryFile()
    const car = await createWritableCar(file, { verifyPuts: false })
    const before = log.length
    for (const cid of many) {
      await car.put(cid, bytes)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    const kinds = log.slice(before).map((line) => line.split(' ')[0])
    expect(kinds.filter((kind) => kind === 'sync')).toHaveLength(1)
    expect(log.slice(before).some((line) => / (64|288)\+/.test(line))).toBe(false)
  })

  it('is synced by one at a time, since an error of the disk is told to one of them only', async () => {
    const { file } = await memoryFile()
    let under = 0
    let most = 0
    let syncs = 0
    const sync = async (): Promise<void> => {
      syncs++
      most = Math.max(most, ++under)
      for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => { setImmediate(resolve) })
      await file.sync()
      under--
    }
    const watched = new Proxy(file, { get: (target, key) => key === 'sync' ? sync : Reflect.get(target, key) as unknown })
    const car = await createWritableCar(watched, { verifyPuts: false })
    const cids = blocksOf(73, 60).map(({ cid }) => cid)
    const checkpoints: Promise<void>[] = []
    for (const [i, cid] of cids.entries()) {
      await car.put(cid, bytes)
      if (i % 7 === 3) checkpoints.push(car.checkpoint())
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    await Promise.all(checkpoints)
    await car.close()
    expect(syncs).toBeGreaterThan(checkpoints.length)
    expect(most).toBe(1)
  })

  it('is not forgotten when that fails: only reading goes on, and nothing is taken for safe', async () => {
    const fs = createCrashFs({ seed: 1 })
    const car = await createWritableCar(await fs.writableFile('car'), { verifyPuts: false, verify: 'never' })
    fs.faults.failAt(({ kind }) => kind === 'sync', new IoError('IO_FAILED', 'sync'))
    const results = await Promise.allSettled(many.map((cid) => car.put(cid, bytes)))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(8)
    await expect(car.checkpoint()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED', cause: { code: 'IO_FAILED' } })
    await expect(car.put(first.cid, first.bytes)).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED' })
    expect(await car.bytes(many[0]!)).toEqual(bytes)
    await car.close()
  })

  it.each(['close', 'discard'] as const)('%s after a sync that failed beside the puts: close tells that what was put may be lost, when nobody was told before', async (how) => {
    const { file } = await memoryFile()
    const failure = new IoError('IO_FAILED', 'sync')
    let fail = (): void => {}
    const failing = new Promise<void>((_resolve, reject) => { fail = () => { reject(failure) } })
    let syncs = 0
    const sync = async (): Promise<void> => ++syncs > 1 ? failing : file.sync()
    const car = await createWritableCar(new Proxy(file, { get: (target, key) => key === 'sync' ? sync : Reflect.get(target, key) as unknown }), { verifyPuts: false })
    for (const { cid } of blocksOf(72, 12)) await car.put(cid, new Uint8Array(1 << 20))
    expect(syncs).toBe(2)
    fail()
    if (how === 'discard') await car.discard()
    else await expect(car.close()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED', cause: failure })
    await expect(car.bytes(first.cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
  })
})
