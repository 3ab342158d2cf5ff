/** A disk that is full from any moment of a deal on, and has room again later. */
import { type CrashFs, createCrashFs, createCrashLevel, type FakeClock } from '@dagstore-tooling/testkit'
import { IoError } from '@dagstore/io'
import type { ProviderDeal } from '@dagstore/deal-protocol'
import { openSector } from '@dagstore/unsealed-sector'
import { describe, expect, it } from 'vitest'
import type { ImportSource } from '../src/index.ts'
import { clean, codeOf, collect, dealIs, dealOf, inState, makeCar, openHarness, staged, turn, withShard } from './harness.ts'

const car = makeCar(1)
const given = dealOf('a', car.bytes, { dealId: 7n, payloadCid: car.blocks[0]!.cid })
const SOURCE = 'in/a.car'
const isDone = (deal: ProviderDeal | undefined): boolean => deal !== undefined && inState('StorageDealActive')(deal) && withShard('registered')(deal) && clean(deal)
const turns = async (): Promise<void> => { for (let at = 0; at < 20; at++) await turn() }
/** Some turns, and a moment: a sector file that was left half-written is looked at again after real time. */
const moment = async (): Promise<void> => {
  await turns()
  await new Promise((resolve) => { setTimeout(resolve, 1) })
}
const MOMENTS = 5000

const ROOM: ReadonlySet<string> = new Set(['write', 'create', 'commit', 'sync'])

/** From the call of `begin` on, writes beyond the first few fail, of files or of the database, until there is `room`. */
const fullDisk = ({ faults }: Pick<CrashFs, 'faults'>, where: 'files' | 'database', after: number) => {
  let [changes, isOn] = [0, false]
  const disk = { wasFull: false, begin: () => { isOn = true }, room: () => { isOn = false } }
  faults.failAt(({ kind, name }) => {
    if (!isOn || (where === 'files' ? !ROOM.has(kind) || name === 'db' : kind !== 'batch') || changes++ < after) return false
    disk.wasFull = true
    return true
  }, () => where === 'files' ? new IoError('IO_FULL', 'no space left', { retry: 'later' }) : new Error('IO error: No space left on device'), Number.POSITIVE_INFINITY)
  return disk
}

/** @returns whether the disk was full before the deal was done */
const runFull = async (mode: NonNullable<ImportSource['mode']>, where: 'files' | 'database', after: number): Promise<boolean> => {
  const fs = createCrashFs({ seed: `full ${mode}` })
  const db = await createCrashLevel({ seed: `full ${mode}`, faults: fs.faults })
  fs.plant(SOURCE, car.bytes)
  const h = await openHarness({ world: { fs, db } })
  const disk = fullDisk(fs, where, after)
  disk.begin()
  let hasRoom = false
  const deal = (): Promise<ProviderDeal | undefined> => h.provider.deal(given.proposalCid)
  const give = async (): Promise<void> => {
    const code = await codeOf(h.provider.accept(given)) ?? await codeOf(h.provider.importData(given.proposalCid, { path: SOURCE, mode }))
    expect([undefined, 'IO_FULL', 'DEAL_STORAGE_FAILED']).toContain(code)
    if (hasRoom) expect(code).toBe(undefined)
  }
  await give()
  for (let at = 0; at < 2; at++) {
    await turns()
    await (h.clock as FakeClock).advance(60_000)
  }
  await turns()
  // nothing is lost meanwhile, and nothing half is taken for a whole
  const [source, copy] = [fs.content(SOURCE), fs.content(`deal-staging/${given.proposalCid.toString()}.car`)]
  // in a sector it needs neither
  if ((await deal())?.place === undefined) expect([source, copy].filter((bytes) => bytes !== undefined)).toContainEqual(car.bytes)
  if (copy !== undefined) expect(copy).toEqual(car.bytes)
  disk.room()
  hasRoom = true
  for (let at = 0; !isDone(await deal()); at++) {
    const now = await deal()
    if (now === undefined || now.state === 'StorageDealWaitingForData') await give()
    await moment()
    await (h.clock as FakeClock).advance(600_000)
    expect(at, `never done; after=${after} deal=${JSON.stringify(now, (_, value: unknown) => typeof value === 'bigint' ? String(value) : value)}`).toBeLessThan(MOMENTS)
  }
  expect(await h.pieces.get(given.proposal.pieceCid)).toHaveLength(1)
  for (const { cid, data } of car.blocks) expect(await h.dagstore.blockstore.bytes(cid)).toEqual(data)
  expect(staged(h)).toEqual([])
  expect(mode === 'move' ? [undefined, car.bytes] : [car.bytes]).toContainEqual(fs.content(SOURCE))
  expect(await collect(h.provider.unregistered())).toEqual([])
  await h.close()
  return disk.wasFull
}

const runFullEnd = async (where: 'files' | 'database', after: number): Promise<boolean> => {
  let epoch = 0n
  const h = await openHarness({ epoch: () => epoch })
  h.fs.plant(SOURCE, car.bytes)
  await h.provider.accept(given)
  await h.provider.importData(given.proposalCid, { path: SOURCE })
  await dealIs(h, given.proposalCid, isDone)
  const disk = fullDisk(h.fs, where, after)
  disk.begin()
  epoch = given.proposal.endEpoch
  const isRetired = async (): Promise<boolean> => (await h.provider.deal(given.proposalCid))?.shard.state === 'retired'
  for (let at = 0; at < 31; at++) {
    await (h.clock as FakeClock).advance(60_000)
    await turns()
  }
  disk.room()
  for (let at = 0; !await isRetired(); at++) {
    await (h.clock as FakeClock).advance(600_000)
    await moment()
    expect(at, `never retired; after=${after}`).toBeLessThan(MOMENTS)
  }
  expect(await collect(h.dagstore.shards())).toEqual([])
  expect(await h.pieces.get(given.proposal.pieceCid)).toEqual([])
  expect((await openSector(await h.fs.directory.openSource('unsealed/s-t01000-1'))).allocated).toEqual([])
  await h.close()
  return disk.wasFull
}

describe('a disk that is full', () => {
  it.each(['files', 'database'] as const)('from any write on at the end of a deal holds that up for no longer than it is: %s', async (where) => {
    let after = 0
    while (await runFullEnd(where, after)) after++
    expect(after).toBeGreaterThan(2)
  })

  it.each(['copy', 'move', 'borrow'] as const)('from any write of a file on loses nothing, and the deal is done when there is room: %s', async (mode) => {
    let after = 0
    while (await runFull(mode, 'files', after)) after++
    expect(after).toBeGreaterThan(5)
  })

  it.each(['copy', 'move', 'borrow'] as const)('from any write of the database on loses nothing, and the deal is done when there is room: %s', async (mode) => {
    let after = 0
    while (await runFull(mode, 'database', after)) after++
    expect(after).toBeGreaterThan(5)
  })
})
