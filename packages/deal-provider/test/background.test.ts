/** What goes on by itself beside other things: nobody is held up by who takes long, and the end comes whoever does not answer. */
import type { PiecePlace, SealingSubsystem } from '@dagstore/deal-protocol'
import type { FakeClock } from '@dagstore-tooling/testkit'
import { createFakeClock } from '@dagstore-tooling/testkit'
import type { Clock } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { codeOf, dealIs, dealOf, type Harness, inState, makeCar, openHarness, staged, turn, until, withShard } from './harness.ts'

const car = makeCar(1)
const given = dealOf('a', car.bytes)
const never = new Promise<never>(() => {})
const turns = async (count = 30): Promise<void> => { for (let at = 0; at < count; at++) await turn() }
const advance = async ({ clock }: Pick<Harness, 'clock'>, ms: number): Promise<void> => {
  await turns()
  await (clock as FakeClock).advance(ms)
  await turns()
}
const importCar = async (h: Harness, deal = given, bytes = car.bytes): Promise<void> => {
  h.fs.plant(`in/${deal.proposalCid.toString()}`, bytes)
  await h.provider.accept(deal)
  await h.provider.importData(deal.proposalCid, { path: `in/${deal.proposalCid.toString()}`, mode: 'borrow' })
}
const placeAt = (sector: bigint, lengthPadded: number): PiecePlace => ({ miner: 1000n, sector, offsetPadded: 0, lengthPadded })

describe('deals beside each other', () => {
  it('are not held up by ends of deals whose shards are read for long', async () => {
    let epoch = 0n
    const h = await openHarness({ epoch: () => epoch })
    const cars = Array.from({ length: 7 }, (_, at) => makeCar(10 + at))
    const deals = cars.map(({ bytes }, at) => dealOf(`d${at}`, bytes))
    const last = { ...deals[6]!, proposal: { ...deals[6]!.proposal, endEpoch: 3000n } }
    for (const [at, deal] of [...deals.slice(0, 6), last].entries()) {
      await importCar(h, deal, cars[at]!.bytes)
      await dealIs(h, deal.proposalCid, inState('StorageDealActive'), withShard('registered'))
    }
    const leases = await Promise.all(deals.slice(0, 6).map((deal) => h.dagstore.acquire(deal.proposal.pieceCid.toString())))
    epoch = 2000n
    await until(async () => {
      await advance(h, 60_000)
      return (await Promise.all(deals.slice(0, 6).map((deal) => h.provider.deal(deal.proposalCid)))).every((deal) => deal?.state === 'StorageDealExpired')
    })
    epoch = 3000n
    await until(async () => {
      await advance(h, 60_000)
      return (await h.provider.deal(last.proposalCid))?.shard.state === 'retired'
    })
    expect((await h.provider.deal(deals[0]!.proposalCid))?.shard.state).not.toBe('retired')
    for (const lease of leases) await lease.close()
    for (const deal of deals.slice(0, 6)) await dealIs(h, deal.proposalCid, withShard('retired'))
    expect(h.problems).toEqual([])
    await h.close()
  })

  it('are followed while many others wait for a hand-off that takes long', async () => {
    let sealing = false
    const port: SealingSubsystem = {
      addPiece: async ({ deal, pieceBytes, signal }) => {
        if (deal.proposalCid.equals(given.proposalCid)) return placeAt(1n, pieceBytes)
        return new Promise((_, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) })
      },
      status: async () => sealing ? { status: 'sealing' } : { status: 'waiting' },
    }
    const h = await openHarness({ sealing: port, maxConcurrentHandOffs: 1 })
    await importCar(h)
    await dealIs(h, given.proposalCid, inState('StorageDealAwaitingPreCommit'))
    for (let at = 0; at < 70; at++) await importCar(h, dealOf(`w${at}`, car.bytes))
    await advance(h, 60_000)
    sealing = true
    for (let at = 0; at < 3; at++) await advance(h, 60_000)
    expect(await h.provider.deal(given.proposalCid)).toMatchObject({ state: 'StorageDealSealing' })
    await h.close()
  })

  it('are asked about at their times when the clock was set back by a day', async () => {
    const fake = createFakeClock()
    let back = 0
    const clock: Clock = { now: () => fake.now() - back, monotonic: () => fake.monotonic(), sleep: (ms, options) => fake.sleep(ms, options) }
    let asked = 0
    const h = await openHarness({ clock, sealing: { addPiece: async ({ pieceBytes }) => placeAt(1n, pieceBytes), status: async () => { asked++; return { status: 'waiting' } } } })
    await importCar(h)
    await dealIs(h, given.proposalCid, inState('StorageDealAwaitingPreCommit'))
    for (let at = 0; at < 2; at++) await advance({ clock: fake }, 60_000)
    back = 86_400_000
    const before = asked
    for (let at = 0; at < 3; at++) await advance({ clock: fake }, 60_000)
    expect(asked).toBeGreaterThan(before)
    await h.close()
  })
})

describe('the end of a provider', () => {
  it.each(['addPiece', 'removePiece', 'otherDeals', 'status'] as const)('comes though nobody ever answers: %s', async (silent) => {
    let epoch = 0n
    let asked = 0
    const hangs = (name: typeof silent): Promise<never> | undefined => {
      if (name !== silent) return undefined
      asked++
      return never
    }
    const h = await openHarness({
      sealing: {
        addPiece: async ({ pieceBytes }) => hangs('addPiece') ?? placeAt(7n, pieceBytes),
        removePiece: async () => hangs('removePiece'),
        status: async () => hangs('status') ?? { status: epoch > 0n ? 'expired' : 'active' },
      },
      otherDeals: async () => hangs('otherDeals') ?? false,
    })
    await importCar(h)
    if (silent === 'removePiece' || silent === 'otherDeals') await dealIs(h, given.proposalCid, inState('StorageDealActive'))
    epoch = 1n
    for (let at = 0; at < 35 && asked === 0; at++) await advance(h, 60_000)
    expect(asked).toBe(1)
    const closing = h.close()
    for (let at = 0; at < 20; at++) await advance(h, 1000)
    await closing
  })
})

describe('an import beside other work on its deal', () => {
  it('is told at once that the deal waits for no data, and can leave while another import is at it', async () => {
    const h = await openHarness({ sealing: { addPiece: async ({ signal }) => new Promise((_, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) }), status: async () => undefined } })
    await importCar(h)
    expect(await codeOf(h.provider.importData(given.proposalCid, { path: 'in/x' }))).toBe('DEAL_WRONG_STATE')

    const other = dealOf('b', car.bytes)
    await h.provider.accept(other)
    h.fs.plant('in/b', car.bytes)
    const [first, second] = [new AbortController(), new AbortController()]
    const importing = h.provider.importData(other.proposalCid, { path: 'in/b' }, { signal: first.signal })
    const waiting = h.provider.importData(other.proposalCid, { path: 'in/b' }, { signal: second.signal })
    const done = new Error('enough')
    second.abort(done)
    await expect(waiting).rejects.toBe(done)
    expect(await importing).toMatchObject({ state: 'StorageDealStaged' })
    await h.close()
  })

  it('that leaves or is cut off at any moment leaves the deal waiting and the file whole, or is taken', async () => {
    for (const mode of ['copy', 'borrow', 'move'] as const) {
      for (const how of ['leaves', 'closes'] as const) {
        let taken = 0
        for (let at = 0; taken < 2; at += 1 + Math.floor(at / 6)) {
          let h = await openHarness()
          await h.provider.accept(given)
          h.fs.plant('in/a', car.bytes)
          const leaving = new AbortController()
          const done = new Error('enough')
          const outcome = h.provider.importData(given.proposalCid, { path: 'in/a', mode }, { signal: leaving.signal }).then(() => 'taken', (error: unknown) => error)
          for (let ticks = 0; ticks < at; ticks++) await (ticks % 40 === 39 ? turn() : Promise.resolve())
          if (how === 'leaves') leaving.abort(done)
          else h = await h.reopen()
          if (await outcome === 'taken') taken++
          else if (how === 'leaves') expect(await outcome).toBe(done)
          const deal = await dealIs(h, given.proposalCid, ({ state }) => state === 'StorageDealWaitingForData' || state === 'StorageDealActive')
          if (deal.state === 'StorageDealWaitingForData') {
            expect([h.fs.content('in/a'), staged(h)]).toEqual([car.bytes, []])
            await h.provider.importData(given.proposalCid, { path: 'in/a', mode })
          }
          await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('registered'), (it) => it.staged === undefined)
          expect([staged(h), h.problems]).toEqual([[], []])
          await h.close()
        }
      }
    }
  })
})

describe('files in the staging folder', () => {
  it('that no deal needs are told of at the beginning, and left where they are', async () => {
    let h = await openHarness({ sealing: { addPiece: async () => { throw Object.assign(new Error('later'), { retry: 'later' }) }, status: async () => undefined } })
    await h.provider.accept(given)
    h.fs.plant('in/a', car.bytes)
    await h.provider.importData(given.proposalCid, { path: 'in/a' })
    const [waiting, unknown] = [dealOf('waiting', car.bytes), dealOf('unknown', car.bytes)]
    await h.provider.accept(waiting)
    const left = [`${waiting.proposalCid.toString()}.car`, `${unknown.proposalCid.toString()}.car`, `${given.proposalCid.toString()}.car.5.refused`, 'fstmp123'].map((name) => `deal-staging/${name}`)
    for (const name of left) h.fs.plant(name, Uint8Array.of(1))
    h = await h.reopen()
    await until(() => h.problems.length >= left.length)
    await advance(h, 60_000)
    expect(h.problems.map(({ error }) => (error as { code?: unknown }).code)).toEqual(left.map(() => 'DEAL_FILE_LEFT'))
    for (const name of left) {
      expect(h.problems.some(({ error }) => (error as Error).message.includes(name))).toBe(true)
      expect(h.fs.content(name)).toEqual(Uint8Array.of(1))
    }
    await h.close()
  })

  it('of an import that failed after it was copied go with it; of one that was moved the deal says where it is', async () => {
    for (const mode of ['copy', 'move'] as const) {
      const h = await openHarness()
      await h.provider.accept(given)
      h.fs.plant('in/a', car.bytes)
      // the second: that the data were checked
      let writes = 0
      h.fs.faults.failAt(({ kind }) => kind === 'batch' && ++writes === 2, new Error('no more'))
      expect(await codeOf(h.provider.importData(given.proposalCid, { path: 'in/a', mode }))).toBe('DEAL_STORAGE_FAILED')
      const deal = await dealIs(h, given.proposalCid, inState('StorageDealWaitingForData'))
      expect(staged(h)).toHaveLength(mode === 'copy' ? 0 : 1)
      if (mode === 'move') {
        expect(deal.message).toContain(staged(h)[0])
        // neither replaced nor taken for a copy, which would go with the deal
        h.fs.plant('in/b', car.bytes)
        await h.provider.importData(given.proposalCid, { path: 'in/b' })
        await dealIs(h, given.proposalCid, inState('StorageDealActive'), (it) => it.staged === undefined)
        expect(staged(h)).toHaveLength(1)
        expect(h.fs.content(staged(h)[0]!)).toEqual(car.bytes)
      }
      await h.close()
    }
  })
})
