/** Storage deals and transfers of a client over the RPC. */
import { STORAGE_DEAL_STATES, type StorageDealState, TRANSFER_CANCELLED, type TransferFacts } from '@dagstore/deal-protocol'
import { type DealInfo, PERMISSIONS, type StartDealParams } from '@dagstore/lotus-api'
import { pieceCidV1 } from '@dagstore/piece'
import { describe, expect, it } from 'vitest'
import type { ClientDealFacts, ClientDealParts, NewDeal, ProviderNames } from '../../src/handlers/index.ts'
import { type ClientKit, cidOf, openClient } from './client-kit.ts'
import { all } from './node-kit.ts'

const piece = pieceCidV1(new Uint8Array(32).fill(1))
const URL_OF = 'http://provider.example:2350'

const dealFacts = (more: Partial<ClientDealFacts> = {}): ClientDealFacts => ({
  proposalCid: cidOf('proposal'), provider: URL_OF, root: cidOf('root'), transferType: 'http-push', payloadBytes: 1000, fastRetrieval: true, transferId: 2n ** 63n, createdAt: 1000,
  proposal: {
    pieceCid: piece, pieceSize: 2048, verifiedDeal: false, client: 'f0100', provider: 'f01000', label: 'l', startEpoch: 100n, endEpoch: 518_500n, storagePricePerEpoch: 2n ** 70n,
    providerCollateral: 0n, clientCollateral: 0n,
  },
  state: 'StorageDealTransferring', message: '', updatedAt: 3000, sentBytes: 400, dealId: undefined, publishCid: undefined, failure: undefined,
  stages: [{ state: 'StorageDealFundsReserved', message: 'asked', at: 1000 }, { state: 'StorageDealTransferring', message: '', at: 2000 }],
  ...more,
})

const transferFacts = (more: Partial<TransferFacts> = {}): TransferFacts => ({
  transferId: 2n ** 63n, proposalCid: cidOf('proposal'), root: cidOf('root'), provider: URL_OF, transferType: 'http-push', status: 'ongoing', message: '', sentBytes: 400, totalBytes: 1000, updatedAt: 3000, ...more,
})

const params = (more: Partial<StartDealParams> = {}): StartDealParams => ({
  Data: { TransferType: 'graphsync', Root: cidOf('root'), PieceCid: null, PieceSize: 0, RawBlockSize: 0 }, Wallet: '', Miner: 'f01000', EpochPrice: '5', MinBlocksDuration: 518_400, ProviderCollateral: '0',
  DealStartEpoch: -1, FastRetrieval: true, VerifiedDeal: false, ...more,
})

const unasked = (): never => { throw new Error('not to be asked') }

const known: ProviderNames = { urlOf: async (address) => address === 'f01000' ? URL_OF : undefined, addressOf: async (url) => url === URL_OF ? 'f01000' : undefined }

const open = (given: Partial<ClientDealParts>): ClientKit => openClient({
  providers: known,
  deals: {
    ask: async () => unasked(), start: async () => unasked(), stateless: async () => unasked(), deals: () => unasked(), deal: async () => unasked(), settled: async () => unasked(),
    updates: () => unasked(), transfers: () => unasked(), transferUpdates: () => unasked(), restartTransfer: async () => unasked(), cancelTransfer: async () => unasked(), ...given,
  },
})

describe('deals of a client over the RPC', () => {
  it('are listed by age as Lotus writes them, with what ours knows besides', async () => {
    const { api, call } = open({ deals: async function * () { yield dealFacts({ createdAt: 2000 }); yield dealFacts() } })
    const [first, second] = await api.ClientListDeals()
    expect([first?.CreationTime, second?.CreationTime]).toEqual(['1970-01-01T00:00:01.000Z', '1970-01-01T00:00:02.000Z'])
    expect(first).toEqual({
      ProposalCid: cidOf('proposal'), State: 17, Message: '', Provider: 'f01000', PieceCID: piece, Size: 2032, PricePerEpoch: '1180591620717411303424', Duration: 518_400, DealID: 0n,
      DealStages: { Stages: [
        { Name: 'StorageDealFundsReserved', Description: '', ExpectedDuration: '', CreatedTime: '1970-01-01T00:00:01.000Z', UpdatedTime: '1970-01-01T00:00:02.000Z', Logs: [{ Log: 'asked', UpdatedTime: '1970-01-01T00:00:01.000Z' }] },
        { Name: 'StorageDealTransferring', Description: '', ExpectedDuration: '', CreatedTime: '1970-01-01T00:00:02.000Z', UpdatedTime: '1970-01-01T00:00:03.000Z', Logs: [] },
      ] },
      DataRef: { TransferType: 'http-push', Root: cidOf('root'), PieceCid: piece, PieceSize: 2032, RawBlockSize: 1000 },
      CreationTime: '1970-01-01T00:00:01.000Z', Verified: false, TransferChannelID: { Initiator: '11', Responder: '11', ID: 2n ** 63n },
      DataTransfer: {
        TransferID: 2n ** 63n, Status: 1, BaseCID: cidOf('root'), IsInitiator: true, IsSender: true, Voucher: `{"Proposal":{"/":"${cidOf('proposal').toString()}"}}`, Message: '', OtherPeer: '11',
        Transferred: 400, Stages: null, OtherURL: URL_OF, TotalBytes: 1000,
      },
      ProviderURL: URL_OF, PayloadBytes: 1000, SentBytes: 400, FastRetrieval: true,
    } satisfies DealInfo)
    // all digits, for whoever reads them
    expect((await call('ClientListDeals', [])).text).toContain('"ID":9223372036854775808')
  })

  it.each([
    ['StorageDealFundsReserved', 0, 0], ['StorageDealTransferring', 10, 1], ['StorageDealClientTransferRestart', 10, 1], ['StorageDealCheckForAcceptance', 1000, 6], ['StorageDealActive', 1000, 6],
    ['StorageDealError', 10, 8], ['StorageDealError', 1000, 6],
  ] as readonly (readonly [StorageDealState, number, number])[])('in %s with %i bytes sent have a transfer of status %i', async (state, sentBytes, status) => {
    const { api } = open({ deal: async () => dealFacts({ state, sentBytes }) })
    expect(await api.ClientGetDealInfo(cidOf('proposal'))).toMatchObject({ State: STORAGE_DEAL_STATES[state], DataTransfer: { Status: status } })
  })

  it('whose transfer was given up have one that was cancelled, as in the list of transfers', async () => {
    const { api } = open({ deal: async () => dealFacts({ state: 'StorageDealError', message: TRANSFER_CANCELLED }) })
    expect(await api.ClientGetDealInfo(cidOf('proposal'))).toMatchObject({ DataTransfer: { Status: 10 } })
  })

  it('without a transfer have none', async () => {
    const { api } = open({ deal: async () => dealFacts({ transferType: 'manual', payloadBytes: undefined }) })
    expect(await api.ClientGetDealInfo(cidOf('proposal'))).toMatchObject({ TransferChannelID: null, DataTransfer: null })
  })

  it('say why they failed, and when they are tried again', async () => {
    const { api } = open({ deal: async () => dealFacts({ failure: { code: 'DEAL_CLIENT_UNREACHABLE', message: 'nobody answers', at: 1, retry: 'later', attempts: 2, nextRetryAt: 60_000 } }) })
    expect(await api.ClientGetDealInfo(cidOf('proposal'))).toMatchObject({ Message: 'DEAL_CLIENT_UNREACHABLE: nobody answers', NextRetryAt: '1970-01-01T00:01:00.000Z' })
  })

  it('that nobody knows are an error', async () => {
    expect(await open({ deal: async () => undefined }).call('ClientGetDealInfo', [{ '/': 'bafkqaaa' }])).toMatchObject({ error: { data: { code: 'DEAL_CLIENT_UNKNOWN' } } })
  })

  it('begin with what Lotus says: graphsync is pushed, an address is looked up, sizes become padded', async () => {
    const started: NewDeal[] = []
    const { api } = open({ start: async (deal) => { started.push(deal); return { proposalCid: cidOf('new') } } })
    expect(await api.ClientStartDeal(params({ Data: { TransferType: 'graphsync', Root: cidOf('root'), PieceCid: piece, PieceSize: 2032, RawBlockSize: 0 }, DealStartEpoch: 77, ProviderCollateral: '9' }))).toEqual(cidOf('new'))
    expect(started).toEqual([{
      provider: URL_OF, root: cidOf('root'), transferType: 'http-push', pieceCid: piece, pieceBytes: 2048, wallet: undefined, miner: 'f01000', price: 5n, startEpoch: 77n, duration: 518_400n,
      providerCollateral: 9n, verified: false, fastRetrieval: true, label: undefined,
    }])
  })

  it('take the URL of a provider in place of its address, from whoever may do that, and leave to it what is not said', async () => {
    const started: NewDeal[] = []
    const { api } = open({ start: async (deal) => { started.push(deal); return { proposalCid: cidOf('new') } } })
    const bare = params({ Miner: 'https://other.example', EpochPrice: '', MinBlocksDuration: 0, Data: { ...params().Data, TransferType: '' } })
    await api.ClientStartDeal(bare, { permissions: PERMISSIONS })
    await api.ClientStartDeal(params({ Miner: 'f0999', ProviderURL: 'https://other.example' }), { permissions: PERMISSIONS })
    expect(started).toMatchObject([
      { provider: 'https://other.example', miner: undefined, price: undefined, duration: undefined, startEpoch: undefined, pieceBytes: undefined, transferType: 'http-push' },
      { provider: 'https://other.example', miner: 'f0999' },
    ])
  })

  it('take what clients in Go write where there is no address', async () => {
    const started: NewDeal[] = []
    const { api } = open({ start: async (deal) => { started.push(deal); return { proposalCid: cidOf('new') } } })
    await api.ClientStartDeal(params({ Wallet: '<empty>' }))
    await api.ClientStartDeal(params({ Wallet: '<empty>', Miner: '<empty>', ProviderURL: URL_OF }))
    expect(started).toMatchObject([{ wallet: undefined, miner: 'f01000' }, { wallet: undefined, miner: undefined, provider: URL_OF }])
  })

  it('are refused with the place of what is wrong, and what it is, but for what may be a password', async () => {
    const { api } = open({})
    const refusal = (more: Partial<StartDealParams>): Promise<unknown> => api.ClientStartDeal(params(more), { permissions: PERMISSIONS }).catch((error: unknown) => error instanceof Error ? error.message : error)
    expect(await refusal({ Wallet: 'f1xyz' })).toBe('params.Wallet; want=an address of Filecoin got="f1xyz"')
    expect(await refusal({ Miner: 'ftp://provider' })).toMatch(/^params\.Miner; want=.* got=ftp:\/\/provider$/)
    expect(await refusal({ ProviderURL: 'f0404', Miner: '' })).toMatch(/^params\.ProviderURL; want=.* got=f0404$/)
    expect(await refusal({ Miner: 'ftp://user:secret@provider' })).not.toContain('secret')
  })

  it('are kept for fast retrieval where nothing is said, as with Lotus', async () => {
    const started: NewDeal[] = []
    const { call } = open({ start: async (deal) => { started.push(deal); return { proposalCid: cidOf('new') } } })
    await call('ClientStartDeal', [{ Data: { TransferType: 'manual', Root: { '/': 'bafkqaaa' } }, Miner: 'f01000', EpochPrice: '0' }])
    expect(started).toMatchObject([{ fastRetrieval: true, transferType: 'manual', price: 0n }])
  })

  it.each([
    ['no root', { Data: { ...params().Data, Root: null } }],
    ['a transfer that nobody knows', { Data: { ...params().Data, TransferType: 'bittorrent' } }],
    ['a transfer called as a member of every object', { Data: { ...params().Data, TransferType: 'constructor' } }],
    ['a size that no piece has', { Data: { ...params().Data, PieceSize: 100 } }],
    ['a size below 0', { Data: { ...params().Data, PieceSize: -127 } }],
    ['a price that is none', { EpochPrice: '1.5' }],
    ['a price of too many digits', { EpochPrice: '1'.repeat(40) }],
    ['a collateral below 0', { ProviderCollateral: '-1' }],
    ['a duration below 0', { MinBlocksDuration: -1 }],
    ['a provider that nobody knows', { Miner: 'f0404' }],
    ['no provider', { Miner: '' }],
    ['a provider at no URL of HTTP', { Miner: 'http://user:secret@provider' }],
    ['a provider at a file', { ProviderURL: 'https:' }],
    ['a wallet that is no address', { Wallet: 'f1xyz' }],
    ['a provider whose address is none', { Miner: 'f1xyz', ProviderURL: URL_OF }],
  ] as readonly (readonly [string, Partial<StartDealParams>])[])('are refused with %s', async (_what, more) => {
    const { api } = open({})
    await expect(api.ClientStartDeal(params(more), { permissions: PERMISSIONS })).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })

  it('without being remembered are offline ones for nothing, in the words of Lotus', async () => {
    const stateless: NewDeal[] = []
    const { api } = open({ stateless: async (deal) => { stateless.push(deal); return cidOf('stateless') } })
    const manual = { ...params().Data, TransferType: 'manual' }
    await expect(api.ClientStatelessDeal(params({ EpochPrice: '0' }))).rejects.toThrow('invalid transfer type "graphsync" for stateless storage deal')
    await expect(api.ClientStatelessDeal(params({ Data: manual }))).rejects.toThrow('stateless storage deals can only be initiated with storage price of 0')
    expect(await api.ClientStatelessDeal(params({ Data: manual, EpochPrice: '0' }))).toEqual(cidOf('stateless'))
    expect(stateless).toMatchObject([{ transferType: 'manual', price: 0n }])
  })

  it('are waited for, and updates come from the call on', async () => {
    const waited: unknown[] = []
    const { api, notices } = open({
      settled: async (cid, { until }) => { waited.push([cid.toString(), until]); return dealFacts({ state: 'StorageDealActive' }) },
      updates: async function * () { yield { type: 'deal', deal: dealFacts() }; yield { type: 'dropped', count: 3 }; yield { type: 'deal', deal: dealFacts({ state: 'StorageDealActive' }) } },
    })
    expect((await api.ClientWaitDeal(cidOf('proposal'), 'active')).State).toBe(7)
    expect(waited).toEqual([[cidOf('proposal').toString(), 'active']])
    expect((await all(api.ClientGetDealUpdates())).map(({ State }) => State)).toEqual([17, 7])
    expect(notices).toEqual(['a caller does not keep up with updates of the client\'s deals; missed=3'])
  })

  it('have states with the names of Lotus', async () => {
    const { api } = open({})
    expect(await api.ClientGetDealStatus(7n)).toBe('StorageDealActive')
    for (const none of [31n, 2n ** 32n + 7n, 2n ** 64n - 1n]) await expect(api.ClientGetDealStatus(none)).rejects.toThrow(`no such deal state ${none}`)
  })
})

describe('providers over the RPC', () => {
  const ask = { provider: 'f01000', pricePerEpochPerGiB: 2n ** 60n, verifiedPricePerEpochPerGiB: 1n, minPieceBytes: 256, maxPieceBytes: 1 << 30, expiryEpoch: 5n, transferTypes: ['http-push'], retrieval: { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n } }

  it('are asked by address or URL', async () => {
    const asked: string[] = []
    const { api } = open({ ask: async (url) => { asked.push(url); return ask } })
    expect(await api.ClientQueryAsk('', 'f01000')).toEqual({ Price: '1152921504606846976', VerifiedPrice: '1', MinPieceSize: 256, MaxPieceSize: 1 << 30, Miner: 'f01000', Timestamp: 0, Expiry: 5, SeqNo: 0n, TransferTypes: ['http-push'] })
    await api.ClientQueryAsk('https://elsewhere.example', '', { permissions: PERMISSIONS })
    await api.ClientQueryAsk('11', URL_OF)
    expect(asked).toEqual([URL_OF, 'https://elsewhere.example', URL_OF])
  })

  it('are URLs without a query or a fragment', async () => {
    const { call } = open({ ask: async () => ask })
    for (const url of ['https://elsewhere.example/?token=1', 'https://elsewhere.example/#a', 'https://elsewhere.example?']) expect(await call('ClientQueryAsk', ['', url], [...PERMISSIONS])).toMatchObject({ error: { message: expect.stringContaining('want=the URL of a provider') } })
  })

  it('of which nobody has told are not asked for one who may only read: he sends nobody into a network of his choice', async () => {
    const { call } = open({})
    expect(await call('ClientQueryAsk', ['', 'http://169.254.169.254/'], ['read'])).toMatchObject({ error: { data: { code: 'RPC_FORBIDDEN' } } })
  })
})

describe('transfers of a client over the RPC', () => {
  it('are listed, and told as they change', async () => {
    const { api, notices } = open({
      transfers: async function * () { yield transferFacts(); yield transferFacts({ transferType: 'http-pull', status: 'cut', message: 'cut off', totalBytes: 0 }) },
      transferUpdates: async function * () { yield { type: 'dropped', count: 1 }; yield { type: 'transfer', transfer: transferFacts({ status: 'cancelled' }) } },
    })
    expect(await api.ClientListDataTransfers()).toMatchObject([{ Status: 1, IsInitiator: true, OtherURL: URL_OF, TotalBytes: 1000 }, { Status: 1, IsInitiator: false, Message: 'cut off' }])
    expect(await all(api.ClientDataTransferUpdates())).toMatchObject([{ Status: 10 }])
    expect(notices).toHaveLength(1)
  })

  it('go on, and are given up, by their id', async () => {
    const done: string[] = []
    const { api, call } = open({
      transfers: async function * () { yield transferFacts() },
      restartTransfer: async (cid) => { done.push(`restart ${cid.toString()}`) },
      cancelTransfer: async (cid) => { done.push(`cancel ${cid.toString()}`) },
    })
    await api.ClientRestartDataTransfer(2n ** 63n, '', true)
    await api.ClientCancelDataTransfer(2n ** 63n, '11', true)
    expect(done).toEqual([`restart ${cidOf('proposal').toString()}`, `cancel ${cidOf('proposal').toString()}`])
    expect(await call('ClientRestartDataTransfer', [5, '', true])).toMatchObject({ error: { data: { code: 'RPC_UNKNOWN_TRANSFER' } } })
  })
})
