/** What fails on the way of a deal: who is told, what is tried again, and what goes on all the same. */
import type { Dagstore } from '@dagstore/dagstore'
import type { AddPieceRequest, PiecePlace, SealingReport, SealingSubsystem } from '@dagstore/deal-protocol'
import type { FakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { ShardsOfDeals } from '../src/index.ts'
import { clean, codeOf, collect, dealIs, dealOf, type Harness, type HarnessOptions, inState, makeCar, openHarness, staged, turn, withShard } from './harness.ts'

const car = makeCar(1)
const given = dealOf('a', car.bytes)
const key = given.proposal.pieceCid.toString()

const withDeal = async (options: HarnessOptions = {}, mode: 'copy' | 'move' | 'borrow' = 'copy'): Promise<Harness> => {
  const h = await openHarness(options)
  h.fs.plant('in/a.car', car.bytes)
  await h.provider.accept(given)
  await h.provider.importData(given.proposalCid, { path: 'in/a.car', mode })
  return h
}
const later = (code: string): Error => Object.assign(new Error(code), { code, retry: 'later' })
const never = (code: string): Error => Object.assign(new Error(code), { code, retry: 'never' })
const around = (change: (store: Dagstore) => Partial<ShardsOfDeals>) => (store: Dagstore): ShardsOfDeals => ({
  register: (...args) => store.register(...args), recover: (...args) => store.recover(...args), destroy: (...args) => store.destroy(...args),
  shard: (...args) => store.shard(...args), events: (...args) => store.events(...args), ...change(store),
})
const advance = async ({ clock }: Harness, ms: number): Promise<void> => {
  for (let at = 0; at < 20; at++) await turn()
  await (clock as FakeClock).advance(ms)
  for (let at = 0; at < 20; at++) await turn()
}

/** Time goes on in steps until the condition holds. */
const advanceUntil = async (h: Harness, stepMs: number, condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!await condition()) await advance(h, stepMs)
}

/** A subsystem that does what the test says, on the payload that it is given. */
class FakeSealing implements SealingSubsystem {
  report: SealingReport | undefined = { status: 'waiting' }
  readonly taken: Uint8Array[] = []
  fail: ((request: AddPieceRequest) => Error | undefined) | undefined
  statusFault: Error | undefined

  async addPiece (request: AddPieceRequest): Promise<PiecePlace> {
    const error = this.fail?.(request)
    if (error !== undefined) throw error
    const chunks = await collect(request.payload())
    this.taken.push(Buffer.concat(chunks))
    return { miner: 1000n, sector: 77n, offsetPadded: 0, lengthPadded: request.pieceBytes }
  }

  async status (): Promise<SealingReport | undefined> {
    if (this.statusFault !== undefined) throw this.statusFault
    return this.report
  }
}

describe('registration that fails', () => {
  it('holds up no deal, is kept with it, and is tried again with growing pauses until it succeeds', async () => {
    let fails = 3
    const h = await withDeal({ around: around((store) => ({ register: async (...args) => { if (fails-- > 0) throw later('DAGSTORE_STORAGE_FAILED'); return store.register(...args) } })) })
    await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('failed'))
    // what it could be indexed from is kept as long as it may be
    expect(staged(h)).toHaveLength(1)
    const pauses = new Map<number, number>()
    await advanceUntil(h, 5000, async () => {
      const deal = await h.provider.deal(given.proposalCid)
      if (deal?.shard.state !== 'failed') return true
      const { code, attempts, at, nextRetryAt } = deal.shard.failure
      expect(code).toBe('DAGSTORE_STORAGE_FAILED')
      expect(await collect(h.provider.unregistered())).toHaveLength(1)
      pauses.set(attempts, nextRetryAt! - at)
      return false
    })
    expect([...pauses]).toEqual([[1, 10_000], [2, 20_000], [3, 40_000]])
    await dealIs(h, given.proposalCid, withShard('registered'), clean)
    expect(await collect(h.provider.unregistered())).toEqual([])
    expect(staged(h)).toEqual([])
    expect(h.problems).toEqual([])
    await h.close()
  })

  it('is given up after its budget, which a restart does not renew; who mends the shard mends the deal', async () => {
    let calls = 0
    let works = false
    const options: HarnessOptions = {
      retry: { registrations: 2 },
      around: around((store) => ({ register: async (...args) => { calls++; if (!works) throw later('DAGSTORE_STORAGE_FAILED'); return store.register(...args) } })),
    }
    let h = await withDeal(options)
    await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('failed'))
    for (let at = 0; at < 3; at++) {
      h = await h.reopen()
      for (let step = 0; step < 10; step++) await advance(h, 60_000)
    }
    await dealIs(h, given.proposalCid, clean)
    expect(calls).toBe(3)
    expect(await collect(h.provider.unregistered())).toMatchObject([{ shard: { failure: { attempts: 3, nextRetryAt: undefined } } }])
    works = true
    await h.dagstore.register(key, `lotus://${key}`, { indexing: 'eager' })
    await dealIs(h, given.proposalCid, withShard('registered'))
    expect(await collect(h.provider.unregistered())).toEqual([])
    await h.close()
  })

  it('of a CAR that is damaged is not tried again by itself; the deal says why', async () => {
    const bytes = Uint8Array.from([...car.bytes, ...new Uint8Array(40).fill(0xff)])
    const h = await openHarness()
    h.fs.plant('in/cut.car', bytes)
    const deal = dealOf('cut', bytes)
    await h.provider.accept(deal)
    await h.provider.importData(deal.proposalCid, { path: 'in/cut.car' })
    const found = await dealIs(h, deal.proposalCid, inState('StorageDealActive'), withShard('failed'), clean)
    expect(found.shard).toMatchObject({ failure: { code: expect.stringMatching(/^CARV2_/), retry: 'never', nextRetryAt: undefined } })
    expect(await h.dagstore.shard(deal.proposal.pieceCid.toString())).toMatchObject({ health: 'errored' })
    await h.close()
  })

  it('L3: 5: of a shard that is registered already is none: it is indexed; there, a shard registered lazily kept its deal from that', async () => {
    const h = await openHarness()
    h.fs.plant('in/a.car', car.bytes)
    await h.dagstore.register(key, `lotus://${key}`)
    await h.provider.accept(given)
    await h.provider.importData(given.proposalCid, { path: 'in/a.car' })
    await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('registered'), clean)
    expect(await h.dagstore.shard(key)).toMatchObject({ health: 'available' })
    await h.close()
  })

  it('L3: 6: is done from the staged file where the sector cannot be read yet, and nobody but the deal deletes that; there, collection did', async () => {
    const away = { stat: async () => { throw later('PIECE_NO_SOURCE') }, open: async () => { throw later('PIECE_NO_SOURCE') } }
    for (const mode of ['copy', 'borrow'] as const) {
      const sealing = new FakeSealing()
      const h = await withDeal({ sealing, mountLoader: away }, mode)
      await dealIs(h, given.proposalCid, inState('StorageDealAwaitingPreCommit'), withShard('registered'))
      expect(await h.dagstore.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
      await h.dagstore.gc()
      expect(mode === 'copy' ? staged(h).length : h.fs.content('in/a.car')?.byteLength).toBe(mode === 'copy' ? 1 : car.bytes.byteLength)
      expect(await h.dagstore.blockstore.bytes(car.blocks[2]!.cid)).toEqual(car.blocks[2]!.data)
      sealing.report = { status: 'active' }
      await advanceUntil(h, 60_000, async () => (await h.provider.deal(given.proposalCid))?.state === 'StorageDealActive')
      await dealIs(h, given.proposalCid, clean)
      expect(staged(h)).toEqual([])
      expect(h.fs.content('in/a.car')).toEqual(car.bytes)
      await h.close()
    }
  })

  it('under a key that somebody has for another place is told, and that place is left alone at the end of the deal', async () => {
    let epoch = 0n
    const h = await openHarness({ epoch: () => epoch })
    h.fs.plant('in/a.car', car.bytes)
    const other = 'lotus://baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'
    await h.dagstore.register(key, other)
    await h.provider.accept(given)
    await h.provider.importData(given.proposalCid, { path: 'in/a.car' })
    const deal = await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('failed'))
    expect(deal.shard).toMatchObject({ failure: { code: 'DAGSTORE_SHARD_EXISTS', nextRetryAt: undefined } })
    epoch = 5000n
    await advanceUntil(h, 60_000, async () => (await h.provider.deal(given.proposalCid))?.shard.state === 'retired')
    expect(await h.dagstore.shard(key)).toMatchObject({ mountUrl: other })
    await h.close()
  })
})

describe('hand-off that fails', () => {
  it('L3: 7: for a passing reason is tried again from the first byte on; there, a reader that was used up was given again', async () => {
    const sealing = new FakeSealing()
    let fails = 2
    sealing.fail = ({ payload }) => {
      if (fails-- <= 0) return undefined
      void collect(payload()).catch(() => {}) // reads of it, and gives it up
      return later('SEALING_TOO_MANY')
    }
    const h = await withDeal({ sealing })
    const waiting = await dealIs(h, given.proposalCid, (deal) => deal.failure !== undefined)
    expect(waiting).toMatchObject({ state: 'StorageDealStaged', failure: { code: 'SEALING_TOO_MANY', attempts: 1 } })
    await advanceUntil(h, 10_001, async () => (await h.provider.deal(given.proposalCid))?.state === 'StorageDealAwaitingPreCommit')
    expect(sealing.taken).toEqual([Buffer.from(car.bytes)])
    expect(await h.provider.deal(given.proposalCid)).toMatchObject({ failure: undefined, message: '' })
    await h.close()
  })

  it('for want of room waits, and the deal goes on when there is room', async () => {
    const h = await openHarness()
    h.fs.plant('in/a.car', car.bytes)
    await h.provider.accept(given)
    h.fs.faults.failAt(({ kind, name }) => kind === 'write' && name.startsWith('unsealed/'), later('IO_FULL'), 2)
    await h.provider.importData(given.proposalCid, { path: 'in/a.car' })
    await advanceUntil(h, 60_000, async () => (await h.provider.deal(given.proposalCid))?.state === 'StorageDealActive')
    await dealIs(h, given.proposalCid, withShard('registered'), clean)
    expect((await h.pieces.get(given.proposal.pieceCid)).length).toBe(1)
    await h.close()
  })

  it('for good fails the deal: its copy goes, a file that was moved stays and is told of', async () => {
    for (const mode of ['copy', 'move', 'borrow'] as const) {
      const sealing = new FakeSealing()
      sealing.fail = () => never('SEALING_NO')
      const h = await withDeal({ sealing }, mode)
      const deal = await dealIs(h, given.proposalCid, inState('StorageDealError'))
      expect(deal).toMatchObject({ shard: { state: 'retired' }, message: expect.stringContaining('SEALING_NO') })
      expect(staged(h)).toHaveLength(mode === 'move' ? 1 : 0)
      if (mode === 'move') expect(deal.message).toContain(staged(h)[0])
      expect(h.fs.content('in/a.car')).toEqual(mode === 'move' ? undefined : car.bytes)
      expect(await codeOf(h.provider.importData(given.proposalCid, { path: 'in/a.car' }))).toBe('DEAL_WRONG_STATE')
      const next = await h.reopen()
      expect(await next.provider.deal(given.proposalCid)).toEqual(deal)
      await next.close()
    }
  })

  it('L3: 7: since the staged bytes are no longer the piece adds nothing, and asks for others; there, zeros were sealed', async () => {
    for (const [mode, damage] of [['borrow', 'other'], ['borrow', 'gone'], ['copy', 'other'], ['copy', 'gone'], ['borrow', 'short']] as const) {
      const sealing = new FakeSealing()
      let busy = true
      sealing.fail = () => busy ? later('SEALING_TOO_MANY') : undefined
      const h = await withDeal({ sealing }, mode)
      await dealIs(h, given.proposalCid, (deal) => deal.failure !== undefined)
      const place = mode === 'borrow' ? 'in/a.car' : staged(h)[0]!
      if (damage === 'gone') await h.fs.directory.remove(place)
      else h.fs.plant(place, damage === 'short' ? car.bytes.subarray(0, 900) : new Uint8Array(car.bytes.byteLength))
      busy = false
      await advanceUntil(h, 10_001, async () => (await h.provider.deal(given.proposalCid))?.state !== 'StorageDealStaged')
      expect(await dealIs(h, given.proposalCid, inState('StorageDealWaitingForData'))).toMatchObject({ message: expect.stringContaining('lost'), staged: undefined, failure: undefined })
      expect(sealing.taken).toEqual([])
      expect(staged(h)).toEqual([])
      h.fs.plant('in/again.car', car.bytes)
      await h.provider.importData(given.proposalCid, { path: 'in/again.car' })
      await dealIs(h, given.proposalCid, inState('StorageDealAwaitingPreCommit'))
      await h.close()
    }
  })
})

describe('sealing that reports', () => {
  it('moves a deal through its states, whatever is left out, and never back', async () => {
    const stories: [readonly SealingReport['status'][], readonly string[]][] = [
      [['waiting', 'precommit', 'sealing', 'finalizing', 'active', 'expired'], ['AwaitingPreCommit', 'AwaitingPreCommit', 'Sealing', 'Finalizing', 'Active', 'Expired']],
      [['active', 'waiting', 'sealing', 'slashed'], ['Active', 'Active', 'Active', 'Slashed']],
      [['sealing', 'failed'], ['Sealing', 'Error']],
      [['expired'], ['Expired']],
    ]
    for (const [reports, states] of stories) {
      const sealing = new FakeSealing()
      sealing.report = undefined
      const h = await withDeal({ sealing })
      await dealIs(h, given.proposalCid, inState('StorageDealAwaitingPreCommit'))
      const seen: string[] = []
      for (const status of reports) {
        sealing.report = { status, slashEpoch: status === 'slashed' ? 123n : undefined }
        // active deals are asked about each half hour
        for (let at = 0; at < 35; at++) await advance(h, 60_000)
        seen.push((await h.provider.deal(given.proposalCid))!.state.replace('StorageDeal', ''))
      }
      expect(seen).toEqual(states)
      if (reports.includes('slashed')) expect(await h.provider.deal(given.proposalCid)).toMatchObject({ slashEpoch: 123n })
      const last = await h.provider.deal(given.proposalCid)
      expect(staged(h)).toEqual([])
      expect(last!.shard.state).toBe(['Expired', 'Slashed', 'Error'].includes(states.at(-1)!) ? 'retired' : last!.shard.state)
      await h.close()
    }
  })

  it('nothing, since it cannot be asked, is asked again, and the deal says why it waits', async () => {
    const sealing = new FakeSealing()
    sealing.statusFault = new Error('no node')
    const h = await withDeal({ sealing })
    const waiting = await dealIs(h, given.proposalCid, (deal) => deal.failure !== undefined)
    expect(waiting).toMatchObject({ state: 'StorageDealAwaitingPreCommit', message: 'no node' })
    sealing.statusFault = undefined
    sealing.report = { status: 'sealing' }
    await advanceUntil(h, 60_000, async () => (await h.provider.deal(given.proposalCid))?.state === 'StorageDealSealing')
    expect(await dealIs(h, given.proposalCid, inState('StorageDealSealing'))).toMatchObject({ failure: undefined, message: '' })
    await h.close()
  })
})

describe('restarting', () => {
  it('goes on in every state that a deal may be left in', async () => {
    const sealing = new FakeSealing()
    let h = await openHarness({ sealing })
    h.fs.plant('in/a.car', car.bytes)
    await h.provider.accept(given)
    h = await h.reopen()
    sealing.fail = () => later('SEALING_TOO_MANY')
    await h.provider.importData(given.proposalCid, { path: 'in/a.car' })
    await dealIs(h, given.proposalCid, inState('StorageDealStaged'))
    sealing.fail = undefined
    sealing.report = undefined
    h = await h.reopen()
    await advanceUntil(h, 10_001, async () => (await h.provider.deal(given.proposalCid))?.state === 'StorageDealAwaitingPreCommit')
    for (const [status, state] of [['sealing', 'StorageDealSealing'], ['finalizing', 'StorageDealFinalizing'], ['active', 'StorageDealActive'], ['expired', 'StorageDealExpired']] as const) {
      h = await h.reopen()
      sealing.report = { status }
      await advanceUntil(h, 60_000, async () => (await h.provider.deal(given.proposalCid))?.state === state)
    }
    h = await h.reopen()
    await dealIs(h, given.proposalCid, withShard('retired'))
    expect(h.problems).toEqual([])
    await h.close()
  })

  it('L3: 7: leaves a staged file as it is; there, reopening it emptied its header, and a piece of zeros was sealed', async () => {
    const sealing = new FakeSealing()
    sealing.fail = () => later('SEALING_TOO_MANY')
    let h = await withDeal({ sealing })
    for (let at = 0; at < 3; at++) h = await h.reopen()
    expect(h.fs.content(staged(h)[0]!)).toEqual(car.bytes)
    sealing.fail = undefined
    await advanceUntil(h, 60_000, () => sealing.taken.length === 1)
    expect(sealing.taken).toEqual([Buffer.from(car.bytes)])
    await h.close()
  })

  it('after an import was cut off takes the file again, or asks for one where it has gone', async () => {
    for (const gone of [false, true]) {
      let h = await openHarness()
      h.fs.plant('in/a.car', car.bytes)
      await h.provider.accept(given)
      const importing = codeOf(h.provider.importData(given.proposalCid, { path: 'in/a.car' }, { onProgress: () => { void h.provider.close() } }))
      expect(await importing).toBe('DEAL_CLOSED')
      expect(await codeOf(h.provider.deals()[Symbol.asyncIterator]().next())).toBe('DEAL_CLOSED')
      if (gone) await h.fs.directory.remove('in/a.car')
      h = await h.reopen()
      await dealIs(h, given.proposalCid, inState(gone ? 'StorageDealWaitingForData' : 'StorageDealActive'))
      await h.close()
    }
  })
})
