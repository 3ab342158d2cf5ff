/** Deals from import to their end, with the real DAG store and the sealing that proves nothing. */
import type { AddPieceRequest, SealingSubsystem } from '@dagstore/deal-protocol'
import { describe, expect, it } from 'vitest'
import { clean, collect, dealIs, dealOf, inState, makeCar, openHarness, staged, withShard } from './harness.ts'

const car = makeCar(1)

describe('a deal', () => {
  it('is handed to sealing with all that a miner is asked for: its proposal, its number and its message of publishing', async () => {
    const given = dealOf('a', car.bytes, { dealId: 2n ** 64n - 1n, publishCid: car.blocks[1]!.cid, fastRetrieval: false })
    const asked: AddPieceRequest[] = []
    const sealing: SealingSubsystem = {
      addPiece: async (request) => {
        asked.push(request)
        return { miner: 1000n, sector: 7n, offsetPadded: 0, lengthPadded: request.pieceBytes }
      },
      status: async () => ({ status: 'waiting' }),
    }
    const h = await openHarness({ sealing })
    h.fs.plant('in/a.car', car.bytes)
    await h.provider.accept(given)
    await h.provider.importData(given.proposalCid, { path: 'in/a.car' })
    await dealIs(h, given.proposalCid, inState('StorageDealAwaitingPreCommit'))
    const { proposalCid, proposal, dealId, publishCid, fastRetrieval } = asked[0]!.deal
    expect({ proposalCid, proposal, dealId, publishCid, fastRetrieval }).toEqual(given)
    await h.close()
  })

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
