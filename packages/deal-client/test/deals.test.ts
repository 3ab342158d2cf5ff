/** Deals from the proposal to their end, with a provider that does as it should. */
import { seededRandom } from '@dagstore-tooling/testkit'
import { base64 } from 'multiformats/bases/base64'
import { describe, expect, it } from 'vitest'
import { createLocalLedger, type ClientDealUpdate, type TransferUpdate } from '../src/index.ts'
import { makeDag } from './dags.ts'
import { PROVIDER } from './fake-provider.ts'
import { collect, inState, openHarness, PUBLIC } from './harness.ts'

describe('a deal whose data the client sends', () => {
  it('comes to be active, in the states of Lotus, and is told of on the way', async () => {
    const h = await openHarness()
    const updates: ClientDealUpdate[] = []
    const listening = (async () => { for await (const update of h.client.updates()) updates.push(update) })()
    const deal = await h.client.start({ provider: PROVIDER, root: h.dag.root })
    expect(deal).toMatchObject({
      state: 'StorageDealReserveClientFunds', provider: PROVIDER, transferType: 'http-push', payloadBytes: h.dag.piece.payloadBytes, sentBytes: 0, fastRetrieval: true,
      proposal: { pieceSize: h.dag.piece.paddedBytes, provider: 'f01000', verifiedDeal: false, label: h.dag.root.toString(base64), storagePricePerEpoch: 0n },
    })
    expect(deal.proposal.pieceCid.toString()).toBe(h.dag.piece.pieceCid.toString())
    const active = await h.dealIs(deal.proposalCid, inState('StorageDealActive'))
    expect(active).toMatchObject({ dealId: 7n, sentBytes: h.dag.piece.payloadBytes, failure: undefined, repeats: 0 })
    expect(active.stages.map(({ state }) => state.replace('StorageDeal', ''))).toEqual([
      'ReserveClientFunds', 'FundsReserved', 'StartDataTransfer', 'TransferQueued', 'Transferring', 'CheckForAcceptance', 'ProposalAccepted', 'AwaitingPreCommit', 'Sealing', 'Active',
    ])
    await h.client.close()
    await listening
    expect(updates.map((update) => update.type === 'deal' ? update.from : update).slice(0, 2)).toEqual([undefined, 'StorageDealReserveClientFunds'])
    expect(h.sources.open_()).toBe(0)
    expect(h.problems).toEqual([])
    expect(h.clock.sleeping).toBe(0)
    await h.close()
  })

  it('has its commitment computed once, and taken from where it was remembered from then on', async () => {
    const h = await openHarness()
    expect(await Promise.all([h.client.commP(h.dag.root), h.client.commP(h.dag.root)])).toEqual([h.dag.piece, h.dag.piece])
    const reads = h.sources.reads()
    expect(reads).toBeLessThanOrEqual(2 * h.dag.blocks.size)
    expect(await h.client.commP(h.dag.root)).toEqual(h.dag.piece)
    expect(h.sources.reads()).toBe(reads)
    expect(h.sources.open_()).toBe(0)
    await h.close()
  })

  it('L12: has a piece with the identity CIDs of its data, which is what the provider computes of what has arrived', async () => {
    const h = await openHarness()
    const { proposalCid, payloadBytes } = await h.client.start({ provider: PROVIDER, root: h.dag.root })
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    const blocks = [...h.dag.blocks].reduce((sum, [, bytes]) => sum + bytes.byteLength, 0)
    // a section of its own: length, CID of 5 bytes, one byte
    expect(payloadBytes! - blocks).toBeGreaterThan(36 * h.dag.blocks.size + 1 + 5 + 1)
    await h.close()
  })

  it('L9: gives each opening of its data back, also where the proposal, the commitment or the transfer fails', async () => {
    const h = await openHarness()
    const leaf = h.dag.leaves[0]!.toString()
    const was = h.dag.blocks.get(leaf)!
    h.dag.blocks.delete(leaf)
    await expect(h.client.start({ provider: PROVIDER, root: h.dag.root })).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    expect(h.sources.open_()).toBe(0)
    h.dag.blocks.set(leaf, was)
    await expect(h.client.start({ provider: PROVIDER, root: h.dag.root, wallet: 'me' })).rejects.toMatchObject({ code: 'DEAL_BAD_PROPOSAL' })
    h.provider.instead = (_, name) => name === 'HEAD transfers' ? new Response(null, { status: 500 }) : undefined
    const { proposalCid } = await h.client.start({ provider: PROVIDER, root: h.dag.root })
    await h.dealIs(proposalCid, inState('StorageDealTransferring'))
    expect(h.sources.open_()).toBe(1)
    await h.client.cancelTransfer(proposalCid)
    await h.until(() => h.sources.open_() === 0)
    await h.close()
  })

  it('leaves the computation to who still waits for it, and ends it when nobody does', async () => {
    const h = await openHarness()
    const leaving = new AbortController()
    const [gone, stays] = [h.client.commP(h.dag.root, { signal: leaving.signal }), h.client.commP(h.dag.root)]
    leaving.abort(new Error('enough'))
    await expect(gone).rejects.toThrow('enough')
    expect(await stays).toEqual(h.dag.piece)
    h.sources.pieces.clear()
    const last = new AbortController()
    const alone = h.client.commP(h.dag.root, { signal: last.signal })
    last.abort(new Error('enough'))
    await expect(alone).rejects.toThrow('enough')
    await h.until(() => h.sources.open_() === 0)
    expect(h.sources.pieces.size).toBe(0)
    await h.close()
  })

  it('may be for more bytes than the data have', async () => {
    const h = await openHarness()
    const deal = await h.client.start({ provider: PROVIDER, root: h.dag.root, pieceBytes: 4 * h.dag.piece.paddedBytes })
    expect(deal.proposal.pieceSize).toBe(4 * h.dag.piece.paddedBytes)
    await h.dealIs(deal.proposalCid, inState('StorageDealActive'))
    await h.close()
  })

  it('is made as large as the provider takes it', async () => {
    const small = await makeDag(3, 1, 10)
    const h = await openHarness({ dags: [small] })
    h.provider.ask = { ...h.provider.ask, minPieceBytes: 1 << 20 }
    const deal = await h.client.start({ provider: PROVIDER, root: small.root })
    expect(deal.proposal.pieceSize).toBe(1 << 20)
    await h.dealIs(deal.proposalCid, inState('StorageDealActive'))
    await h.close()
  })

  it('with two deals of one piece, one after another and at once, is two deals', async () => {
    const h = await openHarness()
    const first = await h.client.start({ provider: PROVIDER, root: h.dag.root })
    const second = await h.client.start({ provider: PROVIDER, root: h.dag.root })
    expect(second.proposalCid.equals(first.proposalCid)).toBe(false)
    expect(second.transferId).not.toBe(first.transferId)
    for (const deal of [first, second]) await h.dealIs(deal.proposalCid, inState('StorageDealActive'))
    const third = await h.client.start({ provider: PROVIDER, root: h.dag.root })
    await h.dealIs(third.proposalCid, inState('StorageDealActive'))
    expect(await collect(h.client.deals())).toHaveLength(3)
    expect((await h.client.dealOfTransfer(second.transferId))?.proposalCid.toString()).toBe(second.proposalCid.toString())
    expect(await h.client.dealOfTransfer(1n)).toBeUndefined()
    await h.close()
  })

  it('is refused where the very same was proposed for the same start', async () => {
    const h = await openHarness()
    await h.client.start({ provider: PROVIDER, root: h.dag.root, startEpoch: 5_000_000n })
    await expect(h.client.start({ provider: PROVIDER, root: h.dag.root, startEpoch: 5_000_000n })).rejects.toMatchObject({ code: 'DEAL_CLIENT_EXISTS' })
    await h.close()
  })

  it('goes on beside fifteen others, four at a time', async () => {
    const dags = await Promise.all(Array.from({ length: 16 }, (_, i) => makeDag(20 + i, 3, 2000)))
    const h = await openHarness({ dags })
    let [most, under] = [0, 0]
    h.provider.instead = (_, name) => { if (name === 'HEAD transfers') most = Math.max(most, ++under); return undefined }
    const states = new Map<string, string>()
    const listening = (async () => {
      for await (const update of h.client.updates()) {
        if (update.type !== 'deal') continue
        if (states.get(update.deal.proposalCid.toString()) === 'StorageDealTransferring' && update.deal.state !== 'StorageDealTransferring') under--
        states.set(update.deal.proposalCid.toString(), update.deal.state)
      }
    })()
    const deals = await Promise.all(dags.map((dag) => h.client.start({ provider: PROVIDER, root: dag.root })))
    for (const { proposalCid } of deals) await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(5)
    expect(new Set(deals.map(({ transferId }) => transferId)).size).toBe(16)
    await h.close()
    await listening
  })
})

describe('a deal whose data the provider fetches', () => {
  it('comes to be active, and shows how much was fetched', async () => {
    const h = await openHarness()
    const transfers: TransferUpdate[] = []
    const listening = (async () => { for await (const update of h.client.transferUpdates()) transfers.push(update) })()
    const { proposalCid } = await h.client.start({ provider: PROVIDER, root: h.dag.root, transferType: 'http-pull' })
    await h.dealIs(proposalCid, inState('StorageDealTransferring'))
    const theirs = h.provider.deals.get(proposalCid.toString())!
    expect(theirs.message.transfer).toMatchObject({ type: 'http-pull', url: `${PUBLIC}deals/v1/payloads/${proposalCid.toString()}` })
    await h.provider.pull(theirs)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(h.sources.open_()).toBe(0)
    await h.close()
    await listening
    expect(transfers.map((update) => update.type === 'transfer' ? [update.transfer.status, update.transfer.sentBytes] : update)).toContainEqual(['ongoing', h.dag.piece.payloadBytes])
  })

  it('gives them to nobody else, and to nobody any more once they are there', async () => {
    const h = await openHarness()
    const { proposalCid } = await h.client.start({ provider: PROVIDER, root: h.dag.root, transferType: 'http-pull' })
    await h.dealIs(proposalCid, inState('StorageDealTransferring'))
    const { message, token: dealToken } = h.provider.deals.get(proposalCid.toString())!
    const { url, token } = message.transfer as { url: string, token: string }
    const status = async (path: string, given?: string): Promise<number | undefined> =>
      (await h.client.payloadHandler(new Request(path, { headers: given === undefined ? {} : { 'x-transfer-token': given } })))?.status
    expect(await status(url)).toBe(401)
    expect(await status(url, dealToken)).toBe(401)
    expect(await status(url, `${token.slice(1)}A`)).toBe(401)
    expect(await status(url.replace(proposalCid.toString(), h.dag.root.toString()), token)).toBe(404)
    expect(await status(url.replace(proposalCid.toString(), 'x'), token)).toBe(404)
    expect(await status(`${PUBLIC}elsewhere`, token)).toBeUndefined()
    await h.provider.pull(h.provider.deals.get(proposalCid.toString())!)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(await status(url, token)).toBe(403)
    expect(h.sources.open_()).toBe(0)
    await h.close()
  })

  it('is refused where nobody knows at which URL', async () => {
    const h = await openHarness({ publicUrl: undefined })
    await expect(h.client.start({ provider: PROVIDER, root: h.dag.root, transferType: 'http-pull' })).rejects.toMatchObject({ code: 'DEAL_CLIENT_NO_URL' })
    expect(await collect(h.client.deals())).toEqual([])
    await h.close()
  })
})

describe('an offline deal', () => {
  it('waits until the provider was given its file, and needs no data here where the piece is named', async () => {
    const h = await openHarness({ dags: [] })
    const other = await makeDag(9)
    const { pieceCid, paddedBytes } = other.piece
    const deal = await h.client.start({ provider: PROVIDER, root: other.root, transferType: 'manual', pieceCid, pieceBytes: paddedBytes })
    const waits = await h.client.settled(deal.proposalCid, { until: 'transferred' })
    expect(waits).toMatchObject({ state: 'StorageDealCheckForAcceptance', payloadBytes: undefined })
    expect(await collect(h.client.transfers())).toEqual([])
    h.provider.deals.get(deal.proposalCid.toString())!.state = 'StorageDealVerifyData'
    await h.dealIs(deal.proposalCid, inState('StorageDealActive'))
    await h.close()
  })

  it('may be about a CAR without roots, where its piece and size are named', async () => {
    const h = await openHarness({ dags: [] })
    const { piece: { pieceCid, paddedBytes } } = await makeDag(9)
    const { proposalCid } = await h.client.start({ provider: PROVIDER, transferType: 'manual', pieceCid, pieceBytes: paddedBytes })
    await h.client.settled(proposalCid, { until: 'transferred' })
    expect(h.provider.deals.get(proposalCid.toString())?.message.payloadCid).toBeUndefined()
    const next = await h.reopen()
    expect(await next.client.deal(proposalCid)).toMatchObject({ root: undefined, proposal: { label: '' } })
    for (const wrong of [{ transferType: 'http-push' as const, pieceCid, pieceBytes: paddedBytes }, { transferType: 'manual' as const, pieceCid }, { pieceBytes: paddedBytes }]) {
      await expect(next.client.start({ provider: PROVIDER, ...wrong })).rejects.toMatchObject({ code: 'DEAL_CLIENT_TERMS' })
    }
    await next.close()
  })

  it('that nobody remembers costs nothing and is proposed once', async () => {
    const h = await openHarness()
    const proposalCid = await h.client.stateless({ provider: PROVIDER, root: h.dag.root })
    expect(h.provider.deals.get(proposalCid.toString())?.message).toMatchObject({ transfer: { type: 'manual' } })
    expect(await collect(h.client.deals())).toEqual([])
    for (const wrong of [{ transferType: 'http-push' as const }, { price: 1n }]) await expect(h.client.stateless({ provider: PROVIDER, root: h.dag.root, ...wrong })).rejects.toMatchObject({ code: 'DEAL_CLIENT_TERMS' })
    await h.close()
  })

  it('that nobody remembers starts later than the same one that was proposed before, remembered or not', async () => {
    const h = await openHarness()
    const params = { provider: PROVIDER, root: h.dag.root, transferType: 'manual' } as const
    const { proposalCid } = await h.client.start(params)
    await h.client.settled(proposalCid, { until: 'transferred' })
    const names = [proposalCid, await h.client.stateless(params), await h.client.stateless(params)].map(String)
    const starts = names.map((name) => h.provider.deals.get(name)!.of.proposal.startEpoch)
    expect(starts).toEqual([starts[0], starts[0]! + 1n, starts[0]! + 2n])
    // of one that is remembered the provider is not asked
    expect(names.map((name) => h.provider.deals.get(name)?.proposed)).toEqual([1, 1, 1])
    // where a start was named there is no other
    const startEpoch = starts[2]! + 1n
    await h.client.stateless({ ...params, startEpoch })
    await expect(h.client.stateless({ ...params, startEpoch })).rejects.toMatchObject({ code: 'DEAL_CLIENT_EXISTS' })
    await h.close()
  })
})

describe('what a deal costs', () => {
  it('is what the provider asks where nobody says more, is set aside while the deal goes on, and no longer', async () => {
    const clock = (await openHarness()).clock
    const h = await openHarness({ world: { clock } })
    h.provider.ask = { ...h.provider.ask, pricePerEpochPerGiB: 1n << 30n }
    const ledger = createLocalLedger({ db: h.db, clock, random: seededRandom('x') })
    const deal = await h.client.start({ provider: PROVIDER, root: h.dag.root, duration: 1000n, clientCollateral: 5n })
    const cost = BigInt(h.dag.piece.paddedBytes) * 1000n + 5n
    expect(deal.proposal.storagePricePerEpoch).toBe(BigInt(h.dag.piece.paddedBytes))
    expect(await h.dealIs(deal.proposalCid, inState('StorageDealActive'))).toMatchObject({ reservedFunds: cost })
    expect(await ledger.reserved()).toBe(cost)
    h.provider.deals.get(deal.proposalCid.toString())!.state = 'StorageDealSlashed'
    expect(await h.client.refresh(deal.proposalCid)).toMatchObject({ state: 'StorageDealSlashed' })
    await h.dealIs(deal.proposalCid, ({ reservedFunds }) => reservedFunds === 0n)
    expect(await ledger.reserved()).toBe(0n)
    await h.close()
  })

  it('is refused before anything is read where the provider asks for more than was offered', async () => {
    const h = await openHarness()
    h.provider.ask = { ...h.provider.ask, pricePerEpochPerGiB: 1n << 40n }
    h.sources.pieces.set(h.dag.root.toString(), h.dag.piece)
    await expect(h.client.start({ provider: PROVIDER, root: h.dag.root, price: 3n })).rejects.toMatchObject({ code: 'DEAL_CLIENT_TOO_DEAR' })
    expect(h.provider.asked).toEqual(['GET ask'])
    expect(await collect(h.client.deals())).toEqual([])
    await h.close()
  })

  it('is what was offered, where that is enough', async () => {
    const h = await openHarness()
    expect(await h.client.start({ provider: PROVIDER, root: h.dag.root, price: 3n })).toMatchObject({ proposal: { storagePricePerEpoch: 3n } })
    await h.close()
  })
})

it.each<[string, string, Parameters<Awaited<ReturnType<typeof openHarness>>['client']['start']>[0] extends infer P ? Partial<P> : never, object?]>([
  ['DEAL_CLIENT_TERMS', 'the provider takes no data so', { transferType: 'manual' }, { transferTypes: ['http-push'] }],
  ['DEAL_CLIENT_TERMS', 'it is another provider', { miner: 'f01001' }],
  ['DEAL_CLIENT_TERMS', 'its ask has expired', {}, { expiryEpoch: 1n }],
  ['DEAL_CLIENT_TERMS', 'the piece is too large for it', {}, { maxPieceBytes: 256 }],
  ['DEAL_CLIENT_TERMS', 'the piece is too small for it', { pieceBytes: 128 }],
  ['DEAL_CLIENT_TERMS', 'the data do not fit', { pieceBytes: 1024 }],
  ['DEAL_CLIENT_TERMS', 'the size is none', { pieceBytes: 100_000 }],
  ['DEAL_BAD_PROPOSAL', 'the client is no address', { wallet: 'me' }],
  ['DEAL_BAD_PROPOSAL', 'it ends when it starts', { duration: 0n }],
  ['DEAL_BAD_PROPOSAL', 'its label is too long', { label: 'x'.repeat(257) }],
])('is refused with %s when %s', async (code, _, params, ask = {}) => {
  const h = await openHarness()
  h.provider.ask = { ...h.provider.ask, ...ask }
  await expect(h.client.start({ provider: PROVIDER, root: h.dag.root, ...params })).rejects.toMatchObject({ code })
  expect(h.provider.asked).toEqual(['GET ask'])
  expect(await collect(h.client.deals())).toEqual([])
  expect(h.sources.open_()).toBe(0)
  await h.close()
})

it('is refused where nobody has the data, or they are another piece', async () => {
  const h = await openHarness()
  const other = await makeDag(8)
  await expect(h.client.start({ provider: PROVIDER, root: other.root })).rejects.toMatchObject({ code: 'DEAL_CLIENT_NO_DATA' })
  await expect(h.client.start({ provider: PROVIDER, root: h.dag.root, pieceCid: other.piece.pieceCid })).rejects.toMatchObject({ code: 'DEAL_CLIENT_PIECE_MISMATCH' })
  await h.close()
})
