/** A provider's asks, retrievals and transfers, as callers of Lotus's methods see them. */
import type { LotusApi } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createHandlers, type MarketParts, type MarketRetrievalFacts, type MarketTransferFacts, type MarketTransferNews } from '../../src/handlers.ts'
import { createTokens } from '../../src/index.ts'
import { SECRET } from '../server.ts'

const cidOf = (byte: number): CID => CID.createV1(0x71, create(0x12, new Uint8Array(32).fill(byte)))
const transfer: MarketTransferFacts = { proposalCid: cidOf(1), transferType: 'http-push', payloadCid: cidOf(2), clientPeer: undefined, status: 'ongoing', bytes: 10, totalBytes: 100, message: '' }
const pulled: MarketTransferFacts = { ...transfer, proposalCid: cidOf(3), transferType: 'http-pull', status: 'paused', clientPeer: '12D3KooW', message: 'cut' }
const retrieval: MarketRetrievalFacts = {
  dealId: 2n ** 62n + 1n, id: 1_786_000_000_000_000_001n, payloadCid: cidOf(4), pieceCid: cidOf(5), selector: { path: 'a/b' }, clientPeer: undefined, state: 'DealStatusOngoing', sentBytes: 7, message: '',
}

const open = (more: Partial<MarketParts> = {}): { readonly api: LotusApi, readonly calls: string[] } => {
  const calls: string[] = []
  const market: MarketParts = {
    ask: () => ({
      provider: 'f01000', pricePerEpochPerGiB: 3n, verifiedPricePerEpochPerGiB: 2n, minPieceBytes: 256, maxPieceBytes: 1 << 30, expiryEpoch: 9n, transferTypes: ['http-push'],
      retrieval: { pricePerByte: 1n, unsealPrice: 10n ** 19n, paymentInterval: 1n << 20n, paymentIntervalIncrease: 5n },
    }),
    transfers: async function * () { yield * [transfer, pulled] },
    transferUpdates: async function * () { yield { type: 'transfer', transfer } satisfies MarketTransferNews },
    restartTransfer: async (cid) => { calls.push(`restart ${cid.toString()}`) },
    cancelTransfer: async (cid) => { calls.push(`cancel ${cid.toString()}`) },
    retrievals: () => [retrieval],
    retrievalUpdates: async function * () { yield { type: 'retrieval', retrieval } as const },
    cancelRetrieval: async (dealId) => { calls.push(`cancel retrieval ${dealId}`) },
    ...more,
  }
  const notices: string[] = calls
  const api = createHandlers({
    node: { version: '1', session: 'x', tokens: createTokens(SECRET), logs: { list: () => [], setLevel: () => {} }, shutdown: () => {} }, market, onNotice: (text) => { notices.push(text) },
  })
  return { api, calls }
}

describe('what a provider asks', () => {
  it('is told as Lotus tells it, signed by nobody', async () => {
    const { api } = open()
    expect(await api.MarketGetAsk()).toMatchObject({ Ask: { Price: '3', VerifiedPrice: '2', MinPieceSize: 256, MaxPieceSize: 1 << 30, Miner: 'f01000', Expiry: 9 }, Signature: { Type: 0 } })
    expect(await api.MarketGetRetrievalAsk()).toEqual({ PricePerByte: '1', UnsealPrice: '10000000000000000000', PaymentInterval: 1 << 20, PaymentIntervalIncrease: 5 })
  })
})

describe('transfers of a provider', () => {
  it('are those that come and those that go, with ids beyond 2^53', async () => {
    const { api } = open()
    const [first, second, third] = await api.MarketListDataTransfers()
    expect(first).toMatchObject({ Status: 1, IsSender: false, IsInitiator: false, Transferred: 10, TotalBytes: 100, OtherPeer: '11', Voucher: JSON.stringify({ Proposal: { '/': cidOf(1).toString() } }) })
    expect(second).toMatchObject({ Status: 11, IsInitiator: true, OtherPeer: '12D3KooW', Message: 'cut' })
    expect(third).toMatchObject({ TransferID: retrieval.dealId, IsSender: true, Transferred: 7 })
    expect(first?.TransferID).toBeGreaterThan(2n ** 53n)
    // the same in every process
    expect((await open().api.MarketListDataTransfers())[0]?.TransferID).toBe(first?.TransferID)
  })

  it('are restarted and cancelled by what they are listed with', async () => {
    const { api, calls } = open()
    const [first, second, third] = await api.MarketListDataTransfers()
    await api.MarketRestartDataTransfer(second!.TransferID, '12D3KooW', true)
    await api.MarketCancelDataTransfer(first!.TransferID, '11', false)
    await api.MarketCancelDataTransfer(third!.TransferID, '11', false)
    expect(calls).toEqual([`restart ${cidOf(3).toString()}`, `cancel ${cidOf(1).toString()}`, `cancel retrieval ${retrieval.dealId}`])
    const refused = { code: 'RPC_BAD_PARAMS' }
    await expect(api.MarketCancelDataTransfer(first!.TransferID, '11', true)).rejects.toMatchObject(refused)
    await expect(api.MarketCancelDataTransfer(1n, '11', false)).rejects.toMatchObject(refused)
    await expect(api.MarketRestartDataTransfer(third!.TransferID, '11', false)).rejects.toMatchObject(refused)
  })

  it('are told as they change, both kinds in one stream, which says in the log what was missed', async () => {
    const { api, calls } = open({ transferUpdates: async function * () { yield { type: 'dropped', count: 3 } as const; yield { type: 'transfer', transfer: pulled } as const } })
    const seen: boolean[] = []
    for await (const channel of api.MarketDataTransferUpdates()) seen.push(channel.IsSender)
    expect(seen.sort()).toEqual([false, true])
    expect(calls).toEqual(['a caller does not keep up with updates of transfers; missed=3'])
  })

  it('whose stream fails fail it, and the other one is left', async () => {
    let left = false
    const { api } = open({
      transferUpdates: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => { throw new Error('database') } }) }),
      retrievalUpdates: async function * () { try { yield { type: 'retrieval', retrieval } as const; yield { type: 'retrieval', retrieval } as const } finally { left = true } },
    })
    await expect((async () => { for await (const _ of api.MarketDataTransferUpdates()); })()).rejects.toThrow()
    await new Promise((resolve) => { setImmediate(resolve) })
    expect(left).toBe(true)
  })
})

describe('retrievals of a provider', () => {
  it('are told as Lotus tells them', async () => {
    expect(await open().api.MarketListRetrievalDeals()).toMatchObject([{
      ID: retrieval.id, PayloadCID: retrieval.payloadCid, PieceCID: retrieval.pieceCid, Selector: { path: 'a/b' }, Status: 13, TotalSent: 7, ChannelID: { ID: retrieval.dealId }, Receiver: '11', UnsealPrice: '10000000000000000000',
    }])
  })
})
