/** What a node says of itself, of pieces, and of deals. */
import type { ProviderDeal } from '@dagstore/deal-protocol'
import { openRpcDocument } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createHandlers } from '../../src/handlers/index.ts'
import { ADMIN, openNode, until, type TestPiece } from './node-kit.ts'

const PROPOSAL = CID.parse('bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
const OTHER = CID.parse('bafyreie5cvv4h45feadgeuwhbcutmh6t2ceseocckahdoe6uat64zmz454')

export const dealOf = (piece: TestPiece, more: Partial<ProviderDeal> = {}): ProviderDeal => ({
  proposalCid: PROPOSAL,
  proposal: {
    pieceCid: piece.cid, pieceSize: 1 << 20, verifiedDeal: true, client: 'f01234', provider: 'f01000', label: 'a label', startEpoch: 10n, endEpoch: 1_000_000n,
    storagePricePerEpoch: 2n ** 70n, providerCollateral: 0n, clientCollateral: 0n,
  },
  clientSignature: { type: 1, data: Uint8Array.of(1, 2, 3) }, dealId: 18446744073709551615n, publishCid: OTHER, payloadCid: piece.blocks[0], transferType: 'manual', fastRetrieval: true,
  clientPeer: undefined, createdAt: Date.UTC(2024, 0, 2), state: 'StorageDealActive', message: '', updatedAt: 0, staged: { mode: 'borrow', path: '/data/in.car', window: undefined },
  payloadBytes: 5, place: { miner: 1000n, sector: 9007199254740993n, offsetPadded: 0, lengthPadded: 1 << 20 }, shard: { state: 'registered' }, failure: undefined, slashEpoch: undefined, ...more,
})

describe('a node', () => {
  it('says its version, session, methods and log', async () => {
    await using node = await openNode()
    expect(await node.api.Version()).toEqual({ Version: '1.2.3', APIVersion: 0x10500, BlockDelay: 30 })
    expect(await node.api.Session()).toMatch(/^[0-9a-f-]{36}$/)
    expect(await node.api.Discover()).toEqual(openRpcDocument())
    expect(await node.api.LogList()).toEqual(['rpc', 'shards'])
    await node.api.LogSetLevel('*', 'debug')
    expect([...node.levels.values()]).toEqual(['debug', 'debug'])
    for (const [name, level] of [['rpc', 'loud'], ['x'.repeat(101), 'debug'], ['rpc', 'x'.repeat(101)]] as const) {
      await expect(node.api.LogSetLevel(name, level)).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
    }
  })
  it('signs tokens and says what they allow', async () => {
    await using node = await openNode()
    const token = new TextDecoder().decode(await node.api.AuthNew(['write', 'read', 'write']))
    expect(await node.api.AuthVerify(token)).toEqual(['read', 'write'])
    const { error } = await node.call('Filecoin.AuthVerify', ['a secret that is none'])
    expect(error).toEqual({ code: 1, message: 'JWT Verification failed', data: { code: 'RPC_FORBIDDEN' } })
    expect((await node.call('Filecoin.AuthNew', [['read', 'everything']])).error?.code).toBe(-32602)
    expect((await node.call('Filecoin.AuthNew', [[]])).error?.code).toBe(-32602)
    expect((await node.call('Filecoin.AuthVerify', ['x'.repeat(8193)])).error?.code).toBe(-32602)
  })
  it('answers whoever shuts it down, and then ends', async () => {
    await using node = await openNode()
    expect(await node.call('Filecoin.Shutdown')).toEqual({ jsonrpc: '2.0', id: 1, result: null })
    await until(() => node.shutdowns === 1)
  })
  it('without parts says what it lacks, as Lotus does, and is asked for nothing else', async () => {
    const api = createHandlers({ node: {
      version: '1', session: '', shutdown: () => {}, tokens: { sign: () => '', verify: () => undefined }, logs: { list: () => [], setLevel: () => {} },
    } })
    await expect(api.DagstoreListShards()).rejects.toMatchObject({ number: 1, message: 'dagstore not available on this node', data: { code: 'RPC_UNAVAILABLE' } })
    expect(() => api.DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false })).toThrow(expect.objectContaining({ message: 'dagstore not available on this node' }))
    await expect(api.PiecesListPieces()).rejects.toMatchObject({ message: 'piece store not available on this node' })
    expect(() => api.MarketGetDealUpdates()).toThrow(expect.objectContaining({ message: 'storage provider not available on this node' }))
  })
  it.each(['Filecoin.SectorsStatus', 'Filecoin.IndexerAnnounceDeal', 'Filecoin.toString', 'Filecoin.__proto__', 'DagstoreListShards', '__proto__', ''])('knows no method %j', async (method) => {
    await using node = await openNode()
    expect((await node.call(method)).error).toMatchObject({ code: -32601, message: `method '${method}' not found` })
  })
})

describe('pieces', () => {
  it('are listed once each, with their deals and ids of any size', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    node.piece(2)
    expect((await node.api.PiecesListPieces()).map(String).sort()).toEqual([piece.key, node.piece(2).key].sort())
    expect(await node.api.PiecesGetPieceInfo(piece.cid)).toEqual({ PieceCID: piece.cid, Deals: [
      { DealID: 18446744073709551615n, SectorID: 9007199254740993n, Offset: 0, Length: 1 << 20 },
      { DealID: 0n, SectorID: 2n, Offset: 1 << 20, Length: 1 << 20 },
    ] })
    const raw = (await node.server.answer(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'Filecoin.PiecesGetPieceInfo', params: [{ '/': piece.key }] }), { context: { permissions: ['read'] } })).body
    expect(raw).toContain('"DealID":18446744073709551615,"SectorID":9007199254740993')
  })
  it('are found by what they hold', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    expect((await node.api.PiecesListCidInfos()).map(String)).toEqual([piece.blocks[0]!.toString()])
    expect(await node.api.PiecesGetCIDInfo(piece.blocks[0]!)).toEqual({ CID: piece.blocks[0], PieceBlockLocations: [{ RelOffset: 0, BlockSize: 0, PieceCID: piece.cid }] })
  })
  it('that nobody knows are refused in the words of Lotus', async () => {
    await using node = await openNode()
    expect((await node.call('Filecoin.PiecesGetPieceInfo', [{ '/': PROPOSAL.toString() }])).error).toEqual({ code: 1, message: `piece with CID ${PROPOSAL.toString()}: not found`, data: { code: 'PIECE_UNKNOWN' } })
    expect((await node.call('Filecoin.PiecesGetCIDInfo', [{ '/': PROPOSAL.toString() }])).error).toEqual({ code: 1, message: `payload CID ${PROPOSAL.toString()}: not found`, data: { code: 'PIECE_UNKNOWN' } })
  })
})

describe('deals', () => {
  it('are listed as Lotus writes them, paths to administrators alone', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    node.deals.push(dealOf(piece), dealOf(piece, { proposalCid: OTHER, dealId: undefined, state: 'StorageDealStaged', transferType: 'graphsync', place: undefined, shard: { state: 'pending' }, clientSignature: undefined }))
    const [one, two] = await node.api.MarketListIncompleteDeals(ADMIN)
    expect(one).toMatchObject({
      Proposal: { PieceCID: piece.cid, PieceSize: 1 << 20, Client: 'f01234', Provider: 'f01000', Label: 'a label', StartEpoch: 10, StoragePricePerEpoch: '1180591620717411303424' },
      ClientSignature: { Type: 1 }, ProposalCid: PROPOSAL, State: 7, DealID: 18446744073709551615n, SectorNumber: 9007199254740993n, CreationTime: '2024-01-02T00:00:00.000Z',
      PiecePath: '/data/in.car', InboundCAR: '', AvailableForRetrieval: true, SlashEpoch: 0, Ref: { TransferType: 'manual', Root: piece.blocks[0], PieceSize: (1 << 20) / 128 * 127 },
    })
    expect(two).toMatchObject({ State: 4, DealID: 0n, SectorNumber: 0n, PublishCid: OTHER, PiecePath: '', InboundCAR: '/data/in.car', AvailableForRetrieval: false })
    expect((await node.api.MarketListIncompleteDeals({ permissions: ['read'] })).map(({ PiecePath, InboundCAR }) => PiecePath + InboundCAR)).toEqual(['', ''])
  })
  it('are told of as they change, from the call on; what a slow caller misses is told to the log', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    const news = node.api.MarketGetDealUpdates()[Symbol.asyncIterator]()
    node.news.push({ type: 'dropped', count: 7 })
    node.news.push({ type: 'deal', deal: dealOf(piece) })
    expect((await news.next()).value).toMatchObject({ ProposalCid: PROPOSAL, State: 7 })
    expect(node.notices).toEqual([expect.stringContaining('missed=7')])
    await news.return?.()
    expect(node.news.listeners).toBe(0)
  })
  it('take their data from a file of this machine, by its absolute path', async () => {
    await using node = await openNode()
    node.deals.push(dealOf(node.piece(1)))
    await node.api.MarketImportDealData(PROPOSAL, '/data/in.car')
    await node.api.DealsImportData(PROPOSAL, '/data/in.car')
    expect(node.imported).toEqual([{ deal: PROPOSAL.toString(), path: '/data/in.car' }, { deal: PROPOSAL.toString(), path: '/data/in.car' }])
    await expect(node.api.DealsImportData(OTHER, '/data/in.car')).rejects.toMatchObject({ number: 1, message: 'no such deal', data: { code: 'DEAL_UNKNOWN' } })
    expect((await node.call('Filecoin.DealsImportData', [{ '/': PROPOSAL.toString() }, '/x'], ['read', 'write'])).error?.message).toBe("missing permission to invoke 'DealsImportData' (need 'admin')")
    expect((await node.call('Filecoin.MarketImportDealData', [{ '/': PROPOSAL.toString() }, '/x'], ['read', 'write'])).error).toBeUndefined()
  })
  it('are taken on as Lotus or we list them, or with no more than what is agreed on, by an admin', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    const deal = dealOf(piece, { dealId: 7n })
    node.deals.push(deal)
    const { result: [listed] } = await node.call('Filecoin.MarketListIncompleteDeals') as { readonly result: Record<string, unknown>[] }
    expect((await node.call('Filecoin.DagstoreAcceptDeal', [listed])).error).toBeUndefined()
    const { proposalCid, proposal, clientSignature, dealId, publishCid, payloadCid, fastRetrieval } = deal
    expect(node.accepted).toEqual([{ proposalCid, proposal, clientSignature, dealId, publishCid, payloadCid, transferType: 'manual', fastRetrieval }])
    const { ProposalCid, Proposal } = listed!
    expect((await node.call('Filecoin.DagstoreAcceptDeal', [{ ProposalCid, Proposal, DealID: 0, ClientSignature: null, Ref: null, PublishCid: null }])).error).toBeUndefined()
    expect(node.accepted[1]).toEqual({
      proposalCid, proposal, clientSignature: undefined, dealId: undefined, publishCid: undefined, payloadCid: undefined, transferType: 'manual', fastRetrieval: true,
    })
    for (const bad of [
      { Proposal }, { ProposalCid }, { ProposalCid, Proposal: {} }, { ProposalCid, Proposal: { ...Proposal as object, StoragePricePerEpoch: '0x10' } },
      { ProposalCid, Proposal: { ...Proposal as object, ClientCollateral: '1'.repeat(40) } }, { ProposalCid, Proposal: { ...Proposal as object, StartEpoch: 1.5 } }, { ProposalCid, Proposal, DealID: -1 },
    ]) expect((await node.call('Filecoin.DagstoreAcceptDeal', [bad])).error?.code, JSON.stringify(bad)).toBe(-32602)
    expect(node.accepted).toHaveLength(2)
    expect((await node.call('Filecoin.DagstoreAcceptDeal', [{ ProposalCid, Proposal }], ['read', 'write', 'sign'])).error?.message).toBe("missing permission to invoke 'DagstoreAcceptDeal' (need 'admin')")
  })
  it('without a shard are listed in pages by their proposal', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    const failure = { code: 'CARV2_BAD_HEADER', message: 'no CAR', at: 0, retry: 'never', attempts: 2, nextRetryAt: undefined } as const
    const cids = node.piece(3).blocks.slice(0, 5)
    for (const proposalCid of cids) node.deals.push(dealOf(piece, { proposalCid, shard: { state: 'failed', failure } }))
    node.deals.push(dealOf(piece))
    const found: string[] = []
    for (let After: string | undefined, rounds = 1; ; rounds++) {
      const page = await node.api.DagstoreListUnregistered({ Limit: 2, ...(After === undefined ? {} : { After }) })
      found.push(...page.Deals.map(({ ProposalCid }) => ProposalCid))
      expect(page.Deals[0]).toMatchObject({ Key: piece.key, DealID: 18446744073709551615n, Failure: { Code: 'CARV2_BAD_HEADER', At: '1970-01-01T00:00:00.000Z', NextRetryAt: null } })
      if (page.Next === null) { expect(rounds).toBe(3); break }
      After = page.Next
    }
    expect(found).toEqual(cids.map(String).sort())
  })
})
