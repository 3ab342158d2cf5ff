/** Deals beside each other: the same piece twice, listening, transfer, damaged records, growth of the database. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FakeClock } from '@dagstore-tooling/testkit'
import type { DealTransfer, ProviderDeal } from '@dagstore/deal-protocol'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { createPieceLoader, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { localFiles } from '@dagstore/mounts/node'
import { openDagstore } from '@dagstore/node'
import { openPieceStore, type PieceStore } from '@dagstore/piece-store'
import { readChunks, systemClock } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import { describe, expect, it } from 'vitest'
import { createUnsealedSealing, dealsOfPiece, type DealUpdate, openDealProvider } from '../src/index.ts'
import { clean, codeOf, collect, dealIs, dealOf, engine, type Harness, inState, makeCar, openHarness, staged, turn, until, withShard } from './harness.ts'
import { openMigrateHarness } from './migrate-harness.ts'

const car = makeCar(1)
const isDone = (deal: ProviderDeal): boolean => inState('StorageDealActive')(deal) && withShard('registered')(deal) && clean(deal)
const advance = async ({ clock }: Harness, ms: number): Promise<void> => {
  await (clock as FakeClock).advance(ms)
  for (let at = 0; at < 30; at++) await turn()
}

describe('dealsOfPiece', () => {
  it('are those that have not ended, with what is known of them; a damaged record is left out, and nothing is written', async () => {
    const [first, second] = [dealOf('first', car.bytes, { dealId: 7n }), dealOf('second', car.bytes)]
    const h = await openHarness()
    h.fs.plant('in/a.car', car.bytes)
    for (const deal of [first, second]) await h.provider.accept(deal)
    await h.provider.importData(first.proposalCid, { path: 'in/a.car' })
    const done = await dealIs(h, first.proposalCid, isDone)
    const piece = first.proposal.pieceCid
    const found = await dealsOfPiece(h.db, piece)
    expect(found.filter(({ place }) => place !== undefined).map(({ dealId, place }) => [dealId, place])).toEqual([[7n, done.place]])
    expect(await dealsOfPiece(h.db, dealOf('x', makeCar(9).bytes).proposal.pieceCid)).toEqual([])
    const rows = h.db.sublevel('deals', { keyEncoding: 'view', valueEncoding: 'view' })
    await rows.put<Uint8Array, Uint8Array>(Uint8Array.of(0x73, ...second.proposalCid.bytes), Uint8Array.of(1, 2, 3), { keyEncoding: 'view', valueEncoding: 'view' })
    expect((await dealsOfPiece(h.db, piece)).map(({ dealId }) => dealId)).toEqual([7n])
    await h.close()

    const other = await openMigrateHarness()
    expect(await dealsOfPiece(other.db, piece)).toEqual([])
    expect(await collect(other.db.sublevel('deals', { keyEncoding: 'view' }).keys())).toEqual([])
  })
})

describe('two deals with the same piece', () => {
  it('share a place and a shard, which go with the last of them', async () => {
    let epoch = 0n
    const [first, second] = [dealOf('first', car.bytes), dealOf('second', car.bytes)]
    const longer = { ...second, proposal: { ...second.proposal, endEpoch: 9000n } }
    const h = await openHarness({ epoch: () => epoch })
    h.fs.plant('in/a.car', car.bytes)
    for (const deal of [first, longer]) await h.provider.accept(deal)
    await Promise.all([first, longer].map((deal) => h.provider.importData(deal.proposalCid, { path: 'in/a.car' })))
    for (const deal of [first, longer]) await dealIs(h, deal.proposalCid, isDone)
    expect((await h.pieces.get(first.proposal.pieceCid)).length).toBe(1)
    expect((await collect(h.dagstore.shards())).length).toBe(1)
    for (const [at, left] of [[5000n, 1], [9000n, 0]] as const) {
      epoch = at
      const ended = at === 5000n ? first : longer
      await until(async () => {
        await advance(h, 60_000)
        return (await h.provider.deal(ended.proposalCid))?.shard.state === 'retired'
      })
      expect((await h.pieces.get(first.proposal.pieceCid)).length).toBe(left)
      expect((await collect(h.dagstore.shards())).length).toBe(left)
    }
    expect(h.problems).toEqual([])
    await h.close()
  })

  it('kept elsewhere keep the shard too: by whoever says so, and by a record of another place', async () => {
    for (const how of ['said', 'recorded'] as const) {
      let epoch = 0n
      const deal = dealOf('a', car.bytes)
      const h = await openHarness({ epoch: () => epoch, otherDeals: async () => how === 'said' })
      h.fs.plant('in/a.car', car.bytes)
      await h.provider.accept(deal)
      await h.provider.importData(deal.proposalCid, { path: 'in/a.car' })
      await dealIs(h, deal.proposalCid, isDone)
      if (how === 'recorded') await h.pieces.add(deal.proposal.pieceCid, { miner: 2000n, sector: 5n, offsetPadded: 0, lengthPadded: deal.proposal.pieceSize, payloadBytes: undefined })
      epoch = 5000n
      await until(async () => {
        await advance(h, 60_000)
        return (await h.provider.deal(deal.proposalCid))?.shard.state === 'retired'
      })
      expect((await collect(h.dagstore.shards())).length).toBe(1)
      await h.close()
    }
  })

  it('of which one ends while its shard is read waits for its readers, and ends', async () => {
    let epoch = 0n
    const deal = dealOf('a', car.bytes)
    const h = await openHarness({ epoch: () => epoch })
    h.fs.plant('in/a.car', car.bytes)
    await h.provider.accept(deal)
    await h.provider.importData(deal.proposalCid, { path: 'in/a.car' })
    await dealIs(h, deal.proposalCid, isDone)
    const lease = await h.dagstore.acquire(deal.proposal.pieceCid.toString())
    epoch = 5000n
    await until(async () => {
      await advance(h, 60_000)
      return (await h.provider.deal(deal.proposalCid))?.state === 'StorageDealExpired'
    })
    await until(async () => (await h.dagstore.shard(deal.proposal.pieceCid.toString()))?.destroying === true)
    await lease.close()
    await dealIs(h, deal.proposalCid, withShard('retired'))
    await h.close()
  })
})

describe('listening', () => {
  it('tells each step in order, drops the oldest of who does not keep up, and ends with the provider', async () => {
    const h = await openHarness()
    h.fs.plant('in/a.car', car.bytes)
    const deal = dealOf('a', car.bytes)
    const all = collect(h.provider.updates())
    const slow = h.provider.updates({ capacity: 2 })[Symbol.asyncIterator]()
    await h.provider.accept(deal)
    await h.provider.importData(deal.proposalCid, { path: 'in/a.car' })
    await dealIs(h, deal.proposalCid, isDone)
    const first: DealUpdate = (await slow.next()).value!
    await h.close()
    const updates = await all
    const states = updates.flatMap((update) => update.type === 'deal' && update.from !== update.deal.state ? [update.deal.state] : [])
    expect(states).toEqual(['StorageDealWaitingForData', 'StorageDealVerifyData', 'StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealFinalizing', 'StorageDealActive'])
    expect(first).toEqual({ type: 'dropped', count: updates.length - 2 })
    expect(() => h.provider.updates({ capacity: 0 })).toThrow(RangeError)
  })
})

describe('a transfer', () => {
  /** Writes a part, and the rest when it is asked again. */
  class PartlyTransfer implements DealTransfer {
    calls = 0
    readonly #bytes: Uint8Array
    readonly #outcomes: readonly ('part' | 'lost' | 'all')[]
    constructor (bytes: Uint8Array, outcomes: readonly ('part' | 'lost' | 'all')[]) {
      this.#bytes = bytes
      this.#outcomes = outcomes
    }

    accepts (type: string): boolean { return type === 'test' }

    async receive (...[, file]: Parameters<DealTransfer['receive']>): Promise<void> {
      const outcome = this.#outcomes[this.calls++] ?? 'all'
      if (outcome === 'lost') throw Object.assign(new Error('lost'), { retry: 'never' })
      const from = file.sizeBytes
      await file.write(from, this.#bytes.subarray(from, outcome === 'part' ? 700 : undefined))
      await file.sync()
      if (outcome === 'part') throw Object.assign(new Error('cut off'), { retry: 'later' })
    }
  }

  it('L3: 19: is gone on with after it was cut off, and only the whole of it becomes a piece; there, the torn end of a file was taken', async () => {
    const deal = dealOf('a', car.bytes, { transferType: 'test' })
    const transfer = new PartlyTransfer(car.bytes, ['part'])
    let h = await openHarness({ transfer })
    const states: string[] = []
    const listening = (async () => { for await (const update of h.provider.updates()) if (update.type === 'deal') states.push(update.deal.state) })()
    await h.provider.accept(deal)
    await dealIs(h, deal.proposalCid, inState('StorageDealProviderTransferAwaitRestart'))
    const before = h
    h = await h.reopen()
    await listening
    expect(before).not.toBe(h)
    expect(states).toEqual(['StorageDealWaitingForData', 'StorageDealTransferring', 'StorageDealProviderTransferAwaitRestart'])
    await until(async () => {
      await advance(h, 60_000)
      return isDone((await h.provider.deal(deal.proposalCid))!)
    })
    expect(transfer.calls).toBe(2)
    expect(staged(h)).toEqual([])
    await h.close()
  })

  it('of other bytes, or that is lost for good, fails the deal; data may be given as a file while it is cut off', async () => {
    for (const [name, outcomes, bytes] of [['lost', ['lost'], car.bytes], ['wrong', ['all'], makeCar(2).bytes]] as const) {
      const deal = dealOf(name, car.bytes, { transferType: 'test' })
      const h = await openHarness({ transfer: new PartlyTransfer(bytes, outcomes) })
      await h.provider.accept(deal)
      await dealIs(h, deal.proposalCid, inState('StorageDealError'))
      expect(staged(h)).toEqual([])
      await h.close()
    }
    const deal = dealOf('import', car.bytes, { transferType: 'test' })
    const h = await openHarness({ transfer: new PartlyTransfer(car.bytes, ['part']) })
    h.fs.plant('in/a.car', car.bytes)
    await h.provider.accept(deal)
    await dealIs(h, deal.proposalCid, inState('StorageDealProviderTransferAwaitRestart'))
    await h.provider.importData(deal.proposalCid, { path: 'in/a.car' })
    await dealIs(h, deal.proposalCid, isDone)
    await h.close()
  })
})

describe('records of deals', () => {
  it('that are damaged hide no other deal, and are told of', async () => {
    const h = await openHarness()
    const [a, b] = [dealOf('a', car.bytes), dealOf('b', car.bytes)]
    for (const deal of [a, b]) await h.provider.accept(deal)
    await h.db.sublevel<Uint8Array, Uint8Array>('deals', { keyEncoding: 'view', valueEncoding: 'view' }).put(Uint8Array.of(0x73, ...a.proposalCid.bytes), Uint8Array.of(1, 2, 3))
    expect((await collect(h.provider.deals())).map(({ proposalCid }) => proposalCid.toString())).toEqual([b.proposalCid.toString()])
    expect(await codeOf(h.provider.deal(a.proposalCid))).toBe('DEAL_BAD_RECORD')
    expect(h.problems).toContainEqual({ deal: a.proposalCid.toString(), error: expect.objectContaining({ code: 'DEAL_BAD_RECORD' }) })
    const next = await h.reopen()
    next.fs.plant('in/a.car', car.bytes)
    await next.provider.importData(b.proposalCid, { path: 'in/a.car' })
    await dealIs(next, b.proposalCid, isDone)
    await next.close()
  })

  it('of a later version are left alone', async () => {
    const h = await openHarness()
    await h.db.sublevel<Uint8Array, Uint8Array>('deals', { keyEncoding: 'view', valueEncoding: 'view' }).put(Uint8Array.of(0x76), Uint8Array.of(2))
    await h.close()
    expect(await codeOf(openHarness({ world: h }))).toBe('DEAL_BAD_FORMAT')
    await expect(openHarness({ pollIntervalMs: 10 })).rejects.toThrow(RangeError)
    await expect(openHarness({ retry: { firstMs: -1 } })).rejects.toThrow(RangeError)
  })
})

describe('a store on a real folder', () => {
  it('grows in its database by less than 4 KiB for each deal over the whole flow: no block goes there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deals-'))
    const DEALS = 12
    try {
      const bytesOfDb = async (): Promise<number> => {
        const names = await readdir(join(folder, 'db'))
        const sizes = await Promise.all(names.filter((name) => /\.(?:log|ldb)$/u.test(name)).map(async (name) => (await stat(join(folder, 'db', name))).size))
        return sizes.reduce((sum, size) => sum + size, 0)
      }
      let pieces: PieceStore | undefined
      const loader = createPieceLoader([sectorPieceSource({ pieceStore: { get: async (piece) => pieces?.get(piece) ?? [] }, openSectorFile: localSectors([folder]), fr32: engine })])
      const dagstore = await openDagstore(folder, { mounts: [lotusMount(loader)] })
      const { db, files } = dagstore
      pieces = await openPieceStore(db)
      const sealing = createUnsealedSealing({ db, files, pieces, miner: 1000n, engine })
      const provider = await openDealProvider({ db, files, dagstore, pieces, sealing, engine, localFiles: localFiles({ folder: join(folder, 'deal-staging'), root: folder }), clock: systemClock })
      const before = await bytesOfDb()
      for (let at = 0; at < DEALS; at++) {
        const one = makeCar(at, 8, 20_000)
        const deal = dealOf(`deal ${at}`, one.bytes, { dealId: BigInt(at), payloadCid: one.blocks[0]!.cid, clientSignature: { type: 1, data: new Uint8Array(65) } })
        await files.writeAtomic(`in/${at}.car`, [one.bytes])
        await provider.accept(deal)
        await provider.importData(deal.proposalCid, { path: join(folder, 'in', `${at}.car`), mode: (['copy', 'move', 'borrow'] as const)[at % 3] })
        await until(async () => isDone((await provider.deal(deal.proposalCid))!))
        expect(await dagstore.blockstore.bytes(one.blocks[5]!.cid)).toEqual(one.blocks[5]!.data)
      }
      const perDeal = (await bytesOfDb() - before) / DEALS
      expect(perDeal).toBeLessThan(4096)
      expect(perDeal).toBeGreaterThan(500)
      expect((await readdir(join(folder, 'deal-staging'))).filter((name) => name.endsWith('.car'))).toEqual([])
      expect((await readdir(join(folder, 'in'))).length).toBe(DEALS - DEALS / 3)
      // what was borrowed and copied is as it was
      const source = await openFileSource(join(folder, 'in', '0.car'))
      expect(Buffer.concat(await collect(readChunks(source, 0, source.sizeBytes)))).toEqual(Buffer.from(makeCar(0, 8, 20_000).bytes))
      await source.close()
      await provider.close()
      await dagstore.close()
      await loader.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
