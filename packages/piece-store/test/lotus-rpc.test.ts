import { onAbort } from '@dagstore/io'
import { createRpcClient, createRpcServer, type RpcMethods, RpcError } from '@dagstore/json-rpc'
import { afterEach, describe, expect, it } from 'vitest'
import { asPieceStore } from '../src/index.ts'
import { createLotusReader, createLotusSectorFinder, type RpcCallFunction } from '../src/lotus.ts'
import { cid, collect, expectedDeals, linesOf, lotusLines, readAnswers } from './market-vectors.ts'

const answers = readAnswers('lotus-answers.json')
const infos = answers['PiecesGetPieceInfo'] as Record<string, unknown>
const cidInfos = answers['PiecesGetCIDInfo'] as Record<string, unknown>
const piece = (at: number): string => expectedDeals[at]!.piece

const lookup = (table: Record<string, unknown>) => ([link]: readonly unknown[]): unknown => {
  const found = table[(link as { '/': string })['/']]
  if (found === undefined) throw new RpcError('RPC_FAILED', String(answers['absent']))
  return found
}

const methods: RpcMethods<undefined> = {
  'Filecoin.ActorAddress': { required: 0, handle: () => answers['ActorAddress'] },
  'Filecoin.PiecesListPieces': { required: 0, handle: () => answers['PiecesListPieces'] },
  'Filecoin.PiecesGetPieceInfo': { required: 1, handle: lookup(infos) },
  'Filecoin.PiecesGetCIDInfo': { required: 1, handle: lookup(cidInfos) },
  'Filecoin.MarketListIncompleteDeals': { required: 0, handle: () => answers['MarketListIncompleteDeals'] },
  'Filecoin.StorageFindSector': { required: 4, handle: ([id, type, size, fetch]) => JSON.stringify([id, type, size, fetch], (_key, value: unknown) => typeof value === 'bigint' ? String(value) : value) === '[{"Miner":1000,"Number":7},1,0,false]' ? answers['StorageFindSector'] : null },
}

const clients: { close (): Promise<void> }[] = []
afterEach(async () => { for (const client of clients.splice(0)) await client.close() })

/** Everything goes over the wire: text out, text in. */
const serve = (changes: RpcMethods<undefined> = {}): RpcCallFunction => {
  const server = createRpcServer<undefined>({ methods: { ...methods, ...changes } })
  const client = createRpcClient({
    url: 'http://lotus.test/rpc/v0',
    fetch: async (_url, init) => {
      const { status, body } = await server.answer(String(init?.body), { context: undefined })
      return new Response(body, { status, headers: { 'content-type': 'application/json' } })
    },
  })
  clients.push(client)
  return (method, params, options) => client.call(method, params, options)
}

describe('createLotusReader', () => {
  it('tells of a piece that is listed and then not found, whose deals may be somewhere', async () => {
    const absent = String(answers['absent'])
    const { found, problems } = await collect(createLotusReader({ call: serve({ 'Filecoin.PiecesGetPieceInfo': { required: 1, handle: ([link]) => {
      if ((link as { '/': string })['/'] === piece(0)) throw new RpcError('RPC_FAILED', absent)
      return lookup(infos)([link])
    } } }) }))
    expect(problems.map(({ place, error }) => [place, error.code])).toEqual([[`PiecesGetPieceInfo ${piece(0)}`, 'PIECE_STORE_BAD_ROW']])
    expect(found.length).toBeGreaterThan(0)
  })

  it('reads every deal that the piece store and the provider tell of, ids exact', async () => {
    const reader = createLotusReader({ call: serve() })
    const { found, problems } = await collect(reader)
    expect(problems).toEqual([])
    expect(linesOf(found)).toEqual(lotusLines())
  })

  it('gives deals in the same order, however the answers are ordered', async () => {
    const reversed = (name: string): RpcMethods<undefined>[string] => ({ required: 0, handle: () => (answers[name] as unknown[]).toReversed() })
    const first = await collect(createLotusReader({ call: serve() }))
    const second = await collect(createLotusReader({ call: serve({ 'Filecoin.PiecesListPieces': reversed('PiecesListPieces'), 'Filecoin.MarketListIncompleteDeals': reversed('MarketListIncompleteDeals') }) }))
    expect(second.found.map(({ pieceCid }) => String(pieceCid))).toEqual(first.found.map(({ pieceCid }) => String(pieceCid)))
    expect(linesOf(second.found)).toEqual(linesOf(first.found))
  })

  it('asks for the places of one piece only', async () => {
    const asked: string[] = []
    const call = serve()
    const reader = createLotusReader({ call: (method, params, options) => { asked.push(method); return call(method, params, options) } })
    expect((await reader.get(cid(piece(0))))?.deals.map(({ dealId, miner, sector }) => [dealId, miner, sector])).toEqual([['101', 1000n, 7n], ['103', 1000n, 9n]])
    expect(await reader.get(cid(piece(5)))).toBeUndefined()
    expect(asked).toEqual(['Filecoin.PiecesGetPieceInfo', 'Filecoin.ActorAddress', 'Filecoin.PiecesGetPieceInfo'])
    expect((await asPieceStore(reader).get(cid(piece(0)))).map(({ miner, sector, offsetPadded, lengthPadded }) => [miner, sector, offsetPadded, lengthPadded])).toEqual([[1000n, 7n, 0, 2048], [1000n, 9n, 4096, 2048]])
    expect((await asPieceStore(reader).pieces(cid(expectedDeals[0]!.payload))).map(String)).toEqual([piece(0)])
    expect(await asPieceStore(reader).pieces(cid('bafkqaaa'))).toEqual([])
  })

  it('tells of damaged answers by method and piece, and reads on', async () => {
    const { found, problems } = await collect(createLotusReader({
      call: serve({
        'Filecoin.PiecesListPieces': { required: 0, handle: () => [...answers['PiecesListPieces'] as unknown[], { '/': 'bafkqaaa' }, 7, null] },
        'Filecoin.MarketListIncompleteDeals': { required: 0, handle: () => [{ Proposal: null }, ...answers['MarketListIncompleteDeals'] as unknown[], { Proposal: { PieceCID: { '/': piece(0) }, Provider: 't01000', PieceSize: 100 }, DealID: 1, State: 7 }] },
        'Filecoin.PiecesGetPieceInfo': {
          required: 1, handle: (params) => {
            const info = lookup(infos)(params) as { Deals: object[] }
            if (JSON.stringify(params).includes(piece(3))) return { ...info, Deals: [{ ...info.Deals[0], Offset: 5 }, ...info.Deals] }
            return JSON.stringify(params).includes(piece(4)) ? lookup(infos)([{ '/': piece(0) }]) : info
          },
        },
      }),
    }))
    expect(problems.map(({ place, error }) => [place, error.field])).toEqual([
      ['PiecesListPieces[5]', 'pieceCid'], ['PiecesListPieces[6]', undefined], ['PiecesListPieces[7]', undefined],
      ['MarketListIncompleteDeals[0]', undefined], ['MarketListIncompleteDeals[10]', undefined],
      ...[[`PiecesGetPieceInfo ${piece(3)} Deals[0]`, 'offsetPadded'] as const, [`PiecesGetPieceInfo ${piece(4)}`, undefined] as const].sort((a, b) => (cid(a[0].split(' ')[1]!).multihash.digest.toString() < cid(b[0].split(' ')[1]!).multihash.digest.toString() ? -1 : 1)),
    ].map((row) => [...row]))
    expect(linesOf(found)).toEqual(lotusLines(expectedDeals.map((deal) => deal.piece === piece(4) ? { ...deal, sector: undefined, offset: undefined } as never : deal)))
  })

  it.each([
    ['a method is missing', new RpcError('RPC_UNKNOWN_METHOD', "method 'Filecoin.PiecesGetPieceInfo' not found")],
    ['nobody answers', new RpcError('RPC_UNREACHABLE', 'nobody answers')],
  ])('fails when %s: what could not be asked is not absent', async (_why, error) => {
    const call = serve()
    const reader = createLotusReader({ call: (method, params, options) => method === 'Filecoin.PiecesGetPieceInfo' ? Promise.reject(error) : call(method, params, options) })
    await expect(reader.get(cid(piece(0)))).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED', cause: error })
    await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  })

  it('asks for a few pieces at a time, withdraws the questions when it is left, and rejects with the reason of an abort', async () => {
    const call = serve()
    let most = 0
    let under = 0
    let withdrawn = 0
    const many = Array.from({ length: 100 }, (_, at) => ({ '/': `baga6ea4seaq${cid(piece(0)).toString().slice(12, -4)}${'abcdefghijklmnopqrstuvwxyz234567'[at % 32]}${'abcdefgh'[Math.floor(at / 32)]}aa` }))
    const slow: RpcCallFunction = async (method, params, { signal }) => {
      if (method === 'Filecoin.PiecesListPieces') return many
      if (method !== 'Filecoin.PiecesGetPieceInfo') return call(method, params, { signal })
      most = Math.max(most, ++under)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, 1)
        onAbort(signal!, () => { withdrawn++; clearTimeout(timer); reject(signal!.reason) })
      }).finally(() => { under-- })
      return { PieceCID: params[0], Deals: [{ DealID: 1, SectorID: 1, Offset: 0, Length: 128 }] }
    }
    const reader = createLotusReader({ call: slow })
    let count = 0
    for await (const deals of reader.list()) if (deals.deals.length === 1 && ++count === 20) break
    expect(most).toBeLessThanOrEqual(16)
    expect(withdrawn).toBeGreaterThan(0)
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect((async () => { for await (const deals of reader.list({ signal: stop.signal })) if (deals.deals.length > 0) stop.abort(reason) })()).rejects.toBe(reason)
  })

  it('takes no deal from Lotus that its own migration leaves out', async () => {
    const reader = createLotusReader({ call: serve() })
    const { found } = await collect(reader)
    const states = found.flatMap(({ deals }) => deals.filter((deal) => deal.state !== undefined && reader.isWithSealing(deal)).map(({ state }) => state!.slice('StorageDeal'.length)))
    expect(states.sort()).toEqual(['Active', 'AwaitingPreCommit', 'Finalizing', 'Sealing', 'Staged'])
  })
})

describe('createLotusSectorFinder', () => {
  it('gives the URLs of unsealed files', async () => {
    const find = createLotusSectorFinder(serve())
    expect(await find(1000n, 7n)).toEqual([{ urls: ['http://10.0.0.7:2345/remote/unsealed/s-t01000-7'], weight: 10 }])
    expect(await find(1000n, 8n)).toEqual([])
  })
})
