/** Deals cut off after each write: what the next process finds, and what it makes of it. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { FINAL_STATES, type ProviderDeal } from '@dagstore/deal-protocol'
import { openSector } from '@dagstore/unsealed-sector'
import { describe, expect, it } from 'vitest'
import type { ImportSource } from '../src/index.ts'
import { clean, codeOf, collect, dealIs, dealOf, type Harness, type HarnessOptions, inState, makeCar, openHarness, proposalOf, staged, until, withShard } from './harness.ts'

const car = makeCar(1)
const other = makeCar(2)
const SOURCE = 'in/a.car'
type Mode = NonNullable<ImportSource['mode']>

const given = dealOf('a', car.bytes, { dealId: 7n, payloadCid: car.blocks[0]!.cid })
const again = dealOf('again', car.bytes, { dealId: 8n, payloadCid: car.blocks[0]!.cid })

const open = (world: CrashWorld, more: HarnessOptions = {}): Promise<Harness> => openHarness({ ...more, world })
/** Runs on one process, which may die in the middle. */
const withProcess = async (world: CrashWorld, work: (h: Harness) => Promise<void>, more: HarnessOptions = {}): Promise<void> => {
  const h = await open(world, more)
  try {
    await work(h)
  } finally {
    await h.close()
  }
}
const settledOr = async (world: CrashWorld, h: Harness, deal: typeof given, done: (deal: ProviderDeal) => boolean): Promise<void> => {
  await until(async () => {
    if (world.faults.crashed) throw new Error('the process is gone')
    const found = await h.provider.deal(deal.proposalCid)
    return found !== undefined && done(found)
  })
}
const isDone = (deal: ProviderDeal): boolean => inState('StorageDealActive')(deal) && withShard('registered')(deal) && clean(deal)

/** One sector with the piece once, and the record of it. */
const checkPiece = async (h: Harness): Promise<void> => {
  const locations = await h.pieces.get(given.proposal.pieceCid)
  expect(locations).toEqual([{ miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: given.proposal.pieceSize, payloadBytes: car.bytes.byteLength }])
  const sector = await openSector(await h.fs.directory.openSource('unsealed/s-t01000-1'))
  expect(sector.allocated).toEqual([{ start: 0, length: given.proposal.pieceSize }])
  for (const { cid, data } of car.blocks) expect(await h.dagstore.blockstore.bytes(cid)).toEqual(data)
}

describe('a deal that is cut off', () => {
  it.each<Mode>(['copy', 'move', 'borrow'])('while its data come and go on to a sector goes on, or waits for data again, and loses none: %s', async (mode) => {
    let accepted = false
    let staging = false
    const cuts = await everyCrash({
      seed: `import ${mode}`,
      prepare: async ({ fs }) => {
        fs.plant(SOURCE, car.bytes)
        accepted = false
        staging = false
      },
      run: (world) => withProcess(world, async (h) => {
        await h.provider.accept(given)
        accepted = true
        await h.provider.importData(given.proposalCid, { path: SOURCE, mode })
        staging = true
        await settledOr(world, h, given, isDone)
      }),
      check: async (world) => {
        const h = await open(world)
        let deal = await h.provider.deal(given.proposalCid)
        if (accepted) expect(deal).toBeDefined()
        if (mode !== 'move') expect(world.fs.content(SOURCE)).toEqual(car.bytes)
        if (deal === undefined) await h.provider.accept(given)
        if (deal?.state !== 'StorageDealWaitingForData') {
          // an import goes on by itself
          if (deal !== undefined) deal = await dealIs(h, given.proposalCid, (it) => isDone(it) || inState('StorageDealWaitingForData')(it))
        }
        if (staging) expect(deal && isDone(deal)).toBe(true)
        if (deal === undefined || !isDone(deal)) {
          expect(world.fs.content(SOURCE)).toEqual(car.bytes)
          await h.provider.importData(given.proposalCid, { path: SOURCE, mode })
          await dealIs(h, given.proposalCid, isDone)
        }
        await checkPiece(h)
        expect(staged(h)).toEqual([])
        expect(h.problems).toEqual([])
        // a cut between the new name of a moved file and the end of the old one leaves both
        expect(mode === 'move' ? [undefined, car.bytes] : [car.bytes]).toContainEqual(world.fs.content(SOURCE))
        const next = await h.reopen()
        await dealIs(next, given.proposalCid, isDone)
        await next.close()
      },
    })
    expect(cuts).toBeGreaterThan(25)
  })

  it('at its end retires its shard, its record and its place, and nothing of it stays', async () => {
    const cuts = await everyCrash({
      seed: 'retire',
      prepare: async (world) => {
        world.fs.plant(SOURCE, car.bytes)
        await withProcess(world, async (h) => {
          await h.provider.accept(given)
          await h.provider.importData(given.proposalCid, { path: SOURCE })
          await settledOr(world, h, given, isDone)
        })
      },
      run: (world) => withProcess(world, (h) => settledOr(world, h, given, withShard('retired')), { epoch: () => 2000n }),
      check: async (world) => {
        const h = await open(world, { epoch: () => 2000n })
        expect(await dealIs(h, given.proposalCid, withShard('retired'))).toMatchObject({ state: 'StorageDealExpired' })
        expect(await collect(h.dagstore.shards())).toEqual([])
        expect(await h.pieces.get(given.proposal.pieceCid)).toEqual([])
        expect(await h.pieces.pieces(given.payloadCid!)).toEqual([])
        expect((await openSector(await h.fs.directory.openSource('unsealed/s-t01000-1'))).allocated).toEqual([])
        await until(() => world.fs.names().every((name) => !name.startsWith('index/')))
        await h.close()
      },
    })
    expect(cuts).toBeGreaterThan(5)
  })

  it('while one of two deals with the same piece ends and the other is handed off leaves the other its place and its shard', async () => {
    const ends = given.proposal.endEpoch
    const longer = { ...again, proposal: { ...again.proposal, endEpoch: ends + 1000n } }
    const cuts = await everyCrash({
      seed: 'two deals',
      prepare: async (world) => {
        world.fs.plant(SOURCE, car.bytes)
        await withProcess(world, async (h) => {
          await h.provider.accept(given)
          await h.provider.accept(longer)
          await h.provider.importData(given.proposalCid, { path: SOURCE })
          await settledOr(world, h, given, isDone)
        })
      },
      run: (world) => withProcess(world, async (h) => {
        await h.provider.importData(longer.proposalCid, { path: SOURCE }).catch(() => {}) // cut off
        await Promise.all([settledOr(world, h, given, withShard('retired')), settledOr(world, h, longer, isDone)])
      }, { epoch: () => ends }),
      check: async (world) => {
        const h = await open(world, { epoch: () => ends })
        await dealIs(h, given.proposalCid, withShard('retired'))
        const second = await dealIs(h, longer.proposalCid, (it) => isDone(it) || inState('StorageDealWaitingForData')(it))
        if (!isDone(second)) {
          await h.provider.importData(longer.proposalCid, { path: SOURCE })
          await dealIs(h, longer.proposalCid, isDone)
        }
        expect((await h.pieces.get(given.proposal.pieceCid)).length).toBe(1)
        for (const { cid, data } of car.blocks) expect(await h.dagstore.blockstore.bytes(cid)).toEqual(data)
        expect(staged(h)).toEqual([])
        await h.close()
      },
      chances: 2,
    })
    expect(cuts).toBeGreaterThan(8)
  })

  it('while sealing refuses it ends in Error with nothing left, but for data that were moved here', async () => {
    for (const mode of ['copy', 'move'] as const) {
      const refusing = { addPiece: async () => { throw Object.assign(new Error('no'), { code: 'SEALING_NO', retry: 'never' }) }, status: async () => undefined }
      await everyCrash({
        seed: `refused ${mode}`,
        prepare: async (world) => {
          world.fs.plant(SOURCE, car.bytes)
          await withProcess(world, async (h) => { await h.provider.accept(given) }, { sealing: refusing })
        },
        run: (world) => withProcess(world, async (h) => {
          await h.provider.importData(given.proposalCid, { path: SOURCE, mode })
          await settledOr(world, h, given, withShard('retired'))
        }, { sealing: refusing }),
        check: async (world) => {
          const h = await open(world, { sealing: refusing })
          const deal = await dealIs(h, given.proposalCid, (it) => FINAL_STATES.has(it.state) || inState('StorageDealWaitingForData')(it))
          const moved = `deal-staging/${given.proposalCid.toString()}.car`
          if (mode === 'move' && deal.state === 'StorageDealError') expect(world.fs.content(moved)).toEqual(car.bytes)
          else if (mode === 'move') expect([world.fs.content(SOURCE), world.fs.content(moved)]).toContainEqual(car.bytes)
          else expect(staged(h)).toEqual([])
          await h.close()
        },
      })
    }
  })

  it('with data of another piece is told so, and stays as it was', async () => {
    await everyCrash({
      seed: 'mismatch',
      prepare: async (world) => {
        world.fs.plant('in/other.car', other.bytes)
        await withProcess(world, async (h) => { await h.provider.accept(given) })
      },
      run: (world) => withProcess(world, async (h) => {
        for (const mode of ['copy', 'move', 'borrow'] as const) {
          const code = await codeOf(h.provider.importData(given.proposalCid, { path: 'in/other.car', mode }))
          if (!world.faults.crashed) expect(code).toBe('DEAL_PIECE_MISMATCH')
        }
      }),
      check: async (world) => {
        const h = await open(world)
        await dealIs(h, given.proposalCid, inState('StorageDealWaitingForData'), clean)
        expect(world.fs.content('in/other.car')).toEqual(other.bytes)
        expect(staged(h)).toEqual([])
        await h.close()
      },
    })
    expect(proposalOf(other.bytes).pieceCid.equals(given.proposal.pieceCid)).toBe(false)
  })
})
