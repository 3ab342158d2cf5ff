/** Retrievals and exports of a client over the RPC. */
import { RETRIEVAL_DEAL_STATES, type RetrievalDealState, type RetrievalOffer } from '@dagstore/deal-protocol'
import { PERMISSIONS, type RetrievalOrder } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import type { ClientRetrievalParts, ExportRequest, NewRetrieval, ProviderNames, RetrievalFacts } from '../../src/handlers/index.ts'
import { type ClientKit, cidOf, openClient } from './client-kit.ts'
import { all, gate } from './node-kit.ts'

const root = cidOf('root')
const [NEAR, FAR] = ['http://near.example', 'http://far.example']

const facts = (more: Partial<RetrievalFacts> = {}): RetrievalFacts => ({
  id: 2n ** 60n, root, pieceCid: undefined, selector: undefined, state: 'DealStatusOngoing', message: '', from: NEAR, receivedBytes: 10, totalBytes: undefined, pricePerByte: 0n, unsealPrice: 0n,
  filePath: '/store/retrievals/1.car', createdAt: 1000, ...more,
})

const order = (more: Partial<RetrievalOrder> = {}): RetrievalOrder => ({
  Root: root, Piece: null, Size: 0, FromLocalCAR: '', Total: '0', UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Client: '', Miner: '', MinerPeer: null, ...more,
})

const offer = (more: Partial<RetrievalOffer> = {}): RetrievalOffer => ({
  status: 'available', message: '', pieceCid: undefined, pieceFound: true, sizeBytes: 1000, paymentAddress: 'f01000', terms: { pricePerByte: 2n, unsealPrice: 7n, paymentInterval: 1n, paymentIntervalIncrease: 2n ** 60n }, ...more,
} as RetrievalOffer)

const unasked = (): never => { throw new Error('not to be asked') }

const known: ProviderNames = { urlOf: async (address) => address === 'f01000' ? NEAR : undefined, addressOf: async (url) => url === NEAR ? 'f01000' : undefined }

const open = (given: Partial<ClientRetrievalParts>): ClientKit => openClient({
  providers: known,
  retrievals: {
    query: async () => unasked(), providersOf: async () => [], start: async () => unasked(), settled: async () => unasked(), retrievals: () => unasked(), retrieval: async () => unasked(),
    updates: async function * () { yield * [] }, cancel: async () => unasked(), remove: async () => unasked(), prune: async () => unasked(), export: async () => unasked(), openExport: async () => unasked(), ...given,
  },
})

/** A retrieval that goes through states, each told when the one before was taken. */
const through = (states: readonly RetrievalDealState[], more: Partial<RetrievalFacts> = {}): Partial<ClientRetrievalParts> & { readonly orders: NewRetrieval[] } => {
  const { passed, open: end } = gate()
  const last = states.at(-1)!
  const orders: NewRetrieval[] = []
  return {
    orders,
    start: async (given) => { orders.push(given); return facts({ state: states[0]!, ...more }) },
    updates: async function * () {
      // another one's, which is none of this caller's business
      yield { type: 'retrieval', retrieval: facts({ id: 1n, state: 'DealStatusErrored', message: 'of somebody else' }) }
      for (const state of states) yield { type: 'retrieval', retrieval: facts({ state, ...more }) }
      end()
    },
    settled: async () => { await passed; return facts({ state: last, ...more }) },
  }
}

describe('retrievals over the RPC', () => {
  it('are told as they go, success last, when what was to be exported has been', async () => {
    const exported: ExportRequest[] = []
    const parts = through(['DealStatusWaitForAcceptance', 'DealStatusAccepted', 'DealStatusOngoing', 'DealStatusCompleted'])
    const { api } = open({ ...parts, export: async (request) => { exported.push(request) } })
    const events = await all(api.ClientRetrieveWithEvents(order({ Miner: 'f01000', DataSelector: 'a/b', LocalFirst: true, Into: 'file', Piece: cidOf('piece') }), { Path: '/out/file', IsCAR: false }))
    expect(events.map(({ Event, Status, Err, DealID, From }) => [Event, Status, Err, DealID, From])).toEqual([
      [2, 3, '', 2n ** 60n, NEAR], [5, 6, '', 2n ** 60n, NEAR], [18, 13, '', 2n ** 60n, NEAR], [25, 15, '', 2n ** 60n, NEAR],
    ])
    expect(exported).toEqual([{ root, source: { type: 'retrieval', id: 2n ** 60n }, selector: 'a/b', target: '/out/file', form: 'unixfs', force: true }])
    expect(parts.orders).toEqual([{ root, pieceCid: cidOf('piece'), selector: 'a/b', providers: [NEAR], localFirst: true, maxPrice: 0n, into: 'file', id: undefined }])
  })

  it('L16: of what an import has are told as completed, not as new', async () => {
    const { api } = open(through(['DealStatusCompleted'], { from: 'import' }))
    const events = await all(api.ClientRetrieveWithEvents(order({ LocalFirst: true }), null))
    expect(events).toMatchObject([{ Status: RETRIEVAL_DEAL_STATES.DealStatusCompleted, From: 'import', Err: '' }])
  })

  it.each([
    ['DealStatusRejected', 'Retrieval Proposal Rejected: no', 'RETRIEVAL_REJECTED'], ['DealStatusErrored', 'Retrieval Error: no', 'RETRIEVAL_FAILED'],
    ['DealStatusDealNotFound', 'Retrieval Error: no', 'RETRIEVAL_NOT_FOUND'], ['DealStatusCancelled', 'Retrieval was cancelled: no', 'RETRIEVAL_CANCELLED'],
  ] as readonly (readonly [RetrievalDealState, string, string])[])('that end in %s say so in the words of Lotus, and nothing is exported', async (state, Err, code) => {
    const { api } = open(through(['DealStatusOngoing', state], { message: 'no' }))
    const events = await all(api.ClientRetrieveWithEvents(order(), { Path: '/out/file', IsCAR: false }))
    expect(events.at(-1)).toMatchObject({ Status: RETRIEVAL_DEAL_STATES[state], Err })
    const waited = open(through([state], { message: 'no' }))
    for await (const _ of (waited.api.ClientRetrieveWithEvents(order(), null))) { /* to its end */ }
    await expect(waited.api.ClientRetrieve(order(), { Path: '/out/file', IsCAR: false })).rejects.toMatchObject({ data: { code } })
    await expect(waited.api.ClientRetrieveWait(2n ** 60n)).rejects.toMatchObject({ data: { code } })
  })

  it('that cannot begin, or cannot be exported, fail as an event, as with Lotus', async () => {
    const refused = open({ start: async () => { throw Object.assign(new Error('nobody to ask'), { code: 'DEAL_CLIENT_NO_DATA' }) } })
    expect(await all(refused.api.ClientRetrieveWithEvents(order(), null))).toMatchObject([{ Status: 17, Err: 'DEAL_CLIENT_NO_DATA: nobody to ask' }])
    const full = open({ ...through(['DealStatusCompleted']), export: async () => { throw Object.assign(new Error('the disk is full'), { code: 'IO_FULL' }) } })
    expect(await all(full.api.ClientRetrieveWithEvents(order(), { Path: '/out', IsCAR: true }))).toMatchObject([{ Status: 17, Err: 'IO_FULL: the disk is full', DealID: 2n ** 60n }])
    const broken = open({ start: async () => { throw new Error('secret') } })
    expect(await all(broken.api.ClientRetrieveWithEvents(order(), null))).toMatchObject([{ Err: 'internal error' }])
    expect(broken.notices).toHaveLength(1)
  })

  it('go on when whoever hears of them leaves, who is then not listened for', async () => {
    let listening = 0
    const { api } = open({
      start: async () => facts(),
      settled: (_id, { signal }) => new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason as Error) }) }),
      updates: async function * ({ signal }) {
        listening++
        try {
          for (;;) {
            yield { type: 'retrieval', retrieval: facts() }
            signal?.throwIfAborted()
          }
        } finally {
          listening--
        }
      },
    })
    for await (const event of api.ClientRetrieveWithEvents(order(), null)) {
      expect([event.Status, listening]).toEqual([13, 1])
      break
    }
    expect(listening).toBe(0)
  })

  it('L16: are refused with a relative path before anybody is asked', async () => {
    const { api, call } = open({})
    for (const Path of ['out', './out', '']) {
      expect(() => api.ClientRetrieveWithEvents(order(), { Path, IsCAR: false })).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
      await expect(api.ClientRetrieve(order(), { Path, IsCAR: false })).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
      await expect(api.ClientExport({ Root: root, DAGs: [], FromLocalCAR: '', DealID: 1n }, { Path, IsCAR: false })).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
    }
    expect(await call('ClientExport', [{ Root: { '/': 'bafkqaaa' }, FromLocalCAR: 'relative.car' }, { Path: '/out' }])).toMatchObject({ error: { code: -32602 } })
  })

  it('are waited for, with the number of the deal as later Lotus gives it, with a place to export to or without', async () => {
    const exported: ExportRequest[] = []
    const { api, call } = open({ start: async () => facts(), settled: async () => facts({ state: 'DealStatusCompleted' }), export: async (request) => { exported.push(request) } })
    expect((await call('ClientRetrieve', [{ Root: { '/': root.toString() } }])).text).toBe('{"jsonrpc":"2.0","id":1,"result":{"DealID":1152921504606846976}}')
    expect(exported).toEqual([])
    await api.ClientRetrieve(order(), { Path: '/out.car', IsCAR: true })
    expect(exported).toMatchObject([{ form: 'carv1', target: '/out.car' }])
    await api.ClientRetrieveWait(2n ** 60n)
    expect(await api.ClientStartRetrieval(order())).toEqual({ DealID: 2n ** 60n })
  })

  it('out of a CAR that is here ask nobody', async () => {
    const exported: ExportRequest[] = []
    const { api } = open({ export: async (request) => { exported.push(request) } })
    await api.ClientRetrieve(order({ FromLocalCAR: '/a.car' }), { Path: '/out', IsCAR: false })
    expect(await all(api.ClientRetrieveWithEvents(order({ FromLocalCAR: '/a.car' }), { Path: '/out', IsCAR: false }))).toMatchObject([{ Status: 15 }])
    expect(exported).toMatchObject([{ source: { type: 'car', path: '/a.car' } }, { source: { type: 'car', path: '/a.car' } }])
  })

  it('ask those that may have it where nobody is named; else those that are, each once', async () => {
    const orders: NewRetrieval[] = []
    const { api } = open({ start: async (given) => { orders.push(given); return facts() }, providersOf: async () => [FAR] })
    await api.ClientStartRetrieval(order())
    await api.ClientStartRetrieval(order({ Miner: 'f01000', Providers: [FAR, NEAR] }))
    await api.ClientStartRetrieval(order({ MinerPeer: { Address: 'f01000', ID: '11', PieceCID: null } }))
    await api.ClientStartRetrieval(order({ MinerPeer: { Address: '', ID: '11', PieceCID: null, URL: FAR }, Total: '', ID: 5n }), { permissions: PERMISSIONS })
    expect(orders.map(({ providers }) => providers)).toEqual([[FAR], [NEAR, FAR], [NEAR], [FAR]])
    expect(orders[3]).toMatchObject({ maxPrice: undefined, id: 5n })
  })

  it.each([
    ['too many providers', { Providers: Array.from({ length: 65 }, () => NEAR) }], ['a provider at a file', { Providers: ['file:///etc/passwd'] }], ['a price below 0', { Total: '-1' }],
    ['a provider that nobody knows', { Miner: 'f0404' }],
  ] as readonly (readonly [string, Partial<RetrievalOrder>])[])('are refused with %s', async (_what, more) => {
    await expect(open({}).api.ClientStartRetrieval(order(more), { permissions: PERMISSIONS })).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })

  it('are listed by age; paths of this machine are for those who may do everything', async () => {
    const { api } = open({ retrievals: async function * () { yield facts({ id: 2n, createdAt: 2000, selector: 'a', into: 'ipfs' }); yield facts({ id: 1n, totalBytes: 20 }) }, retrieval: async (id) => id === 1n ? facts() : undefined })
    const listed = await api.ClientListRetrievals({ permissions: ['write'] })
    expect(listed).toMatchObject([{ ID: 1n, Status: 13, From: NEAR, Provider: '11', TotalBytes: 20, FileName: '1.car' }, { ID: 2n, DataSelector: 'a', Into: 'ipfs' }])
    expect(await api.ClientGetRetrieval(1n, { permissions: PERMISSIONS })).toMatchObject({ FileName: '/store/retrievals/1.car' })
    expect(await api.ClientGetRetrieval(2n)).toBeNull()
  })

  it('are told of as they change, are given up, removed and pruned', async () => {
    const done: unknown[] = []
    const { api, call, notices } = open({
      updates: async function * () { yield { type: 'dropped', count: 2 }; yield { type: 'retrieval', retrieval: facts({ state: 'DealStatusCompleted' }) } },
      cancel: async (id) => { done.push(['cancel', id]) },
      remove: async (id) => { done.push(['remove', id]) },
      prune: async (how) => { done.push(how); return { removed: [2n ** 60n], removedBytes: 5 } },
    })
    expect(await all(api.ClientGetRetrievalUpdates())).toMatchObject([{ Event: 25, Status: 15 }])
    await api.ClientCancelRetrievalDeal(7n)
    await api.ClientRemoveRetrieval(8n)
    expect(await api.ClientPruneRetrievals({ OlderThanMs: 5 })).toEqual({ Removed: [2n ** 60n], RemovedBytes: 5 })
    expect(done).toEqual([['cancel', 7n], ['remove', 8n], { olderThanMs: 5, maxBytes: undefined }])
    expect(notices).toHaveLength(1)
    expect(await call('ClientPruneRetrievals', [{ MaxBytes: -1 }])).toMatchObject({ error: { code: -32602 } })
  })
})

describe('offers over the RPC', () => {
  it('are priced for all of it, those who do not have it or do not answer are told with why', async () => {
    const { api } = open({
      providersOf: async () => [NEAR, FAR, 'http://gone.example'],
      query: async (url) => {
        if (url === NEAR) return offer()
        if (url === FAR) return offer({ status: 'unavailable', message: 'no such payload' })
        throw Object.assign(new Error('nobody answers'), { code: 'DEAL_CLIENT_UNREACHABLE' })
      },
    })
    expect(await api.ClientFindData(root, null)).toMatchObject([
      { Err: '', MinPrice: '2007', UnsealPrice: '7', Size: 1000, Miner: 'f01000', PaymentIntervalIncrease: Number.MAX_SAFE_INTEGER, MinerPeer: { URL: NEAR, ID: '11', Address: 'f01000' } },
      { Err: 'retrieval query offer was unavailable: no such payload', Miner: '' },
      { Err: 'DEAL_CLIENT_UNREACHABLE: nobody answers', MinPrice: '0', MinerPeer: { URL: 'http://gone.example' } },
    ])
    expect(await api.ClientMinerQueryOffer('f01000', root, cidOf('piece'))).toMatchObject({ Err: '' })
  })

  it('out of another piece than the one that was asked for are no offers, and say which one that is', async () => {
    const { api } = open({
      providersOf: async () => [NEAR, FAR],
      query: async (url) => offer({ pieceFound: false, pieceCid: url === NEAR ? cidOf('other') : undefined }),
    })
    expect(await api.ClientFindData(root, cidOf('piece'))).toMatchObject([
      { Err: `retrieval query offer was unavailable: the piece does not have it, but ${cidOf('other').toString()} does` },
      { Err: 'retrieval query offer was unavailable: nobody says that the piece has it' },
    ])
    expect(await api.ClientFindData(root, null)).toMatchObject([{ Err: '' }, { Err: '' }])
  })

  it('are ordered with what clients in Go write where there is no address', async () => {
    const orders: NewRetrieval[] = []
    const { api } = open({ start: async (given) => { orders.push(given); return facts() }, providersOf: async () => [FAR] })
    await api.ClientStartRetrieval(order({ Miner: '<empty>', Client: '<empty>' }))
    await api.ClientStartRetrieval(order({ Miner: '<empty>', MinerPeer: { Address: 'f01000', ID: '11', PieceCID: null } }))
    expect(orders).toMatchObject([{ providers: [FAR] }, { providers: [NEAR] }])
  })

  it('of places that nobody has told of are not fetched for one who may only read', async () => {
    expect(await open({}).call('ClientMinerQueryOffer', ['http://169.254.169.254', { '/': 'bafkqaaa' }, null], ['read'])).toMatchObject({ error: { data: { code: 'RPC_FORBIDDEN' } } })
  })

  it('are asked for a few at a time, and of no more than 64', async () => {
    let [now, most, asked] = [0, 0, 0]
    const { api } = open({
      providersOf: async () => Array.from({ length: 100 }, (_, at) => `http://p${at}`),
      query: async () => {
        asked++
        most = Math.max(most, ++now)
        await Promise.resolve()
        now--
        return offer()
      },
    })
    expect(await api.ClientFindData(root, null)).toHaveLength(64)
    expect([most, asked]).toEqual([8, 64])
  })
})

describe('exports over the RPC', () => {
  it('are of a retrieval, a CAR, or what is here, as a file, CARv1 or CARv2', async () => {
    const exported: ExportRequest[] = []
    const { api } = open({ export: async (request, { onProgress }) => { exported.push(request); onProgress?.({ doneBytes: 5, totalBytes: undefined }) } })
    const ref = { Root: root, DAGs: [], FromLocalCAR: '', DealID: 0n }
    await api.ClientExport({ ...ref, DealID: 9n }, { Path: '/out', IsCAR: true })
    await api.ClientExport({ ...ref, FromLocalCAR: '/a.car', DAGs: [{ DataSelector: 'x', ExportMerkleProof: true }] }, { Path: '/out', IsCAR: false })
    expect((await all(api.ClientExportWithEvents(ref, { Path: '/out', IsCAR: true }, { CARVersion: 2 }))).at(-1)).toEqual({ DoneBytes: 5, TotalBytes: null, Done: true })
    expect(exported).toEqual([
      { root, source: { type: 'retrieval', id: 9n }, selector: undefined, target: '/out', form: 'carv1', force: true },
      { root, source: { type: 'car', path: '/a.car' }, selector: 'x', target: '/out', form: 'unixfs', force: true },
      { root, source: { type: 'local' }, selector: undefined, target: '/out', form: 'carv2', force: false },
    ])
  })

  it('are refused as another version of CARs, and of several DAGs', async () => {
    const ref = { Root: root, DAGs: [], FromLocalCAR: '', DealID: 0n }
    const { api } = open({})
    expect(() => api.ClientExportWithEvents(ref, { Path: '/o', IsCAR: true }, { CARVersion: 3 as 2 })).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
    await expect(api.ClientExport({ ...ref, DAGs: [{ ExportMerkleProof: false }, { ExportMerkleProof: false }] }, { Path: '/o', IsCAR: true })).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })
})
