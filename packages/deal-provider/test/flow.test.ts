/** Deals from import to their end, with the real DAG store and the sealing that proves nothing. */
import { describe, expect, it } from 'vitest'
import { clean, collect, dealIs, dealOf, inState, makeCar, openHarness, staged, withShard } from './harness.ts'

const car = makeCar(1)

describe('a deal', () => {
  it('goes from its data to an active deal with a shard, and nothing stays in the staging folder', async () => {
    const h = await openHarness()
    h.fs.plant('in/a.car', car.bytes)
    const given = dealOf('a', car.bytes, { dealId: 7n, payloadCid: car.blocks[0]!.cid })
    expect(await h.provider.accept(given)).toMatchObject({ state: 'StorageDealWaitingForData', shard: { state: 'pending' } })
    expect(await h.provider.importData(given.proposalCid, { path: 'in/a.car' })).toMatchObject({ state: 'StorageDealStaged', payloadBytes: car.bytes.byteLength })
    const deal = await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('registered'), clean)
    expect(deal).toMatchObject({ dealId: 7n, place: { miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: given.proposal.pieceSize }, failure: undefined, message: '' })
    expect(staged(h)).toEqual([])
    expect(h.fs.content('in/a.car')).toEqual(car.bytes)
    expect(await h.pieces.pieces(car.blocks[0]!.cid)).toEqual([given.proposal.pieceCid])
    for (const { cid, data } of car.blocks) expect(await h.dagstore.blockstore.bytes(cid)).toEqual(data)
    expect(await h.provider.deal(7n)).toEqual(deal)
    expect(await collect(h.provider.deals())).toEqual([deal])
    expect(await collect(h.provider.unregistered())).toEqual([])
    expect(h.problems).toEqual([])
    await h.close()
  })
})
