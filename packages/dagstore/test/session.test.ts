import { createFakeClock } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory, IoError } from '@dagstore/io'
import { createMountRegistry } from '@dagstore/mounts'
import { createMemoryTopLevelIndex, type TopLevelIndex } from '@dagstore/top-level-index'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createMemoryCatalogue, type Dagstore, openDagstore } from '../src/index.ts'
import { codeOf, makeCar, rejection, Sources, type TestCar } from './harness.ts'

interface Counted extends AsyncDisposable {
  readonly store: Dagstore
  readonly sources: Sources
  /** Lookups in the top-level index so far. */
  readonly lookups: () => number
}

const open = async (...cars: readonly TestCar[]): Promise<Counted> => {
  let lookups = 0
  const top = createMemoryTopLevelIndex()
  const counting: TopLevelIndex = new Proxy(top, {
    get: (target, name) => {
      if (name === 'find') lookups++
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const sources = new Sources()
  const store = await openDagstore({
    catalogue: createMemoryCatalogue(), topLevelIndex: counting, files: createMemoryDirectory(), mounts: createMountRegistry([sources]),
    hashes: createHashes(), clock: createFakeClock(), retry: { attempts: 0 },
  })
  for (const [at, car] of cars.entries()) await store.register(`s${at}`, sources.put(`s${at}`, car), { indexing: 'eager' })
  return { store, sources, lookups: () => lookups, [Symbol.asyncDispose]: () => store.close() }
}

const [one, two] = [makeCar(1, 20), makeCar(2, 20)]
const cidAt = (car: TestCar, at: number): CID => car.blocks[at]!.cid

describe('a session of reads', () => {
  it('asks the top-level index once for the blocks of one shard', async () => {
    await using h = await open(one, two)
    const session = h.store.createSession()
    const before = h.lookups()
    for (const { cid, data } of one.blocks) {
      expect(await session.bytes(cid)).toEqual(Uint8Array.from(data))
      expect(await session.has(cid)).toBe(true)
      expect(await session.size(cid)).toBe(data.byteLength)
      expect(await session.bytesAt(cid, 1, 2)).toEqual(Uint8Array.from(data.slice(1, 3)))
    }
    expect(h.lookups() - before).toBe(1)
  })

  it('follows the blocks into another shard', async () => {
    await using h = await open(one, two)
    const session = h.store.createSession()
    const before = h.lookups()
    for (const car of [one, two, one]) {
      for (const { cid, data } of car.blocks) expect(await session.bytes(cid)).toEqual(Uint8Array.from(data))
    }
    // the first one is still open when the blocks are in it again
    expect(h.lookups() - before).toBe(2)
  })

  it('does not share its place with another session', async () => {
    await using h = await open(one, two)
    const [mine, other] = [h.store.createSession(), h.store.createSession()]
    const before = h.lookups()
    for (let at = 0; at < 20; at++) {
      await mine.bytes(cidAt(one, at))
      await other.bytes(cidAt(two, at))
    }
    expect(h.lookups() - before).toBe(2)
  })

  it('finds a block elsewhere when its shard cannot be read, and stays there', async () => {
    await using h = await open(one, one)
    const session = h.store.createSession()
    await session.bytes(cidAt(one, 0))
    const near = (await h.store.shard('s0'))?.leases === 1 ? 's0' : 's1'
    let failed = 0
    h.sources.place(near).before = async (step) => {
      if (step !== 'read') return
      failed++
      throw new IoError('IO_FAILED', 'disk')
    }
    expect(await session.bytes(cidAt(one, 1))).toEqual(Uint8Array.from(one.blocks[1]!.data))
    expect(failed).toBeGreaterThan(0)
    failed = 0
    const before = h.lookups()
    for (const { cid, data } of one.blocks.slice(2)) expect(await session.bytes(cid)).toEqual(Uint8Array.from(data))
    expect([failed, h.lookups() - before]).toEqual([0, 0])
  })

  it('holds nothing: a destruction in its midst goes through, and the block is absent then', async () => {
    await using h = await open(one)
    const session = h.store.createSession()
    await session.bytes(cidAt(one, 0))
    await h.store.destroy('s0')
    expect(h.sources.open).toBe(0)
    expect(codeOf(await rejection(session.bytes(cidAt(one, 1))))).toBe('BLOCKSTORE_NOT_FOUND')
    expect(await session.has(cidAt(one, 1))).toBe(false)
  })

  it('sees what is registered after it began, and that the store is closed', async () => {
    await using h = await open(one)
    const session = h.store.createSession()
    await session.bytes(cidAt(one, 0))
    expect(await session.has(cidAt(two, 0))).toBe(false)
    await h.store.register('later', h.sources.put('later', two), { indexing: 'eager' })
    expect(await session.has(cidAt(two, 0))).toBe(true)
    await h.store.close()
    expect(codeOf(await rejection(session.bytes(cidAt(one, 0))))).toBe('BLOCKSTORE_CLOSED')
  })
})
