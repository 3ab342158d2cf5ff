/** Asking a provider that answers as it should, wrongly, too much, too late, or not at all. */
import { createFakeClock } from '@dagstore-tooling/testkit'
import { type DealStatus, encodeDealStatus, encodeProviderAsk, encodeRefusal, type ProviderAsk } from '@dagstore/deal-protocol'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createProviderApi, type ProviderApi } from '../src/index.ts'

const cid = CID.parse('bafyreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm')
const other = CID.parse('bafyreigduup4jkhntfq2cxejbiritls6fcezctbqastzcz7fr4npzsixtq')
const piece = CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
const ask: ProviderAsk = {
  provider: 'f01000', pricePerEpochPerGiB: 0n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 128, maxPieceBytes: 2 ** 36, expiryEpoch: 1n, transferTypes: ['http-push'],
  retrieval: { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 1n, paymentIntervalIncrease: 1n },
}
const status: DealStatus = { proposalCid: cid, state: 'StorageDealActive', message: '', pieceCid: piece, fastRetrieval: true }

const apiOf = (answer: (request: Request) => Response | Promise<Response>, clock = createFakeClock()): ProviderApi =>
  createProviderApi('http://provider.example:2350/here', { clock, fetch: async (url, init) => answer(new Request(url as URL, init)) })

describe('a provider', () => {
  it('is asked below its URL, with the token in a header of its own, and without following anybody', async () => {
    const seen: Request[] = []
    const api = apiOf((request) => {
      seen.push(request)
      return new Response(request.url.endsWith('ask') ? encodeProviderAsk(ask) : encodeDealStatus(status))
    })
    expect(await api.ask()).toEqual(ask)
    expect(await api.status(cid, 'secret')).toMatchObject(status)
    expect(seen.map(({ url, method, redirect, headers }) => [method, url, redirect, headers.get('x-transfer-token')])).toEqual([
      ['GET', 'http://provider.example:2350/here/deals/v1/ask', 'manual', null],
      ['GET', `http://provider.example:2350/here/deals/v1/deals/${cid.toString()}`, 'manual', 'secret'],
    ])
  })

  it('that knows nothing of a deal says so', async () => {
    expect(await apiOf(() => new Response(null, { status: 404 })).status(cid, 'x')).toBeUndefined()
  })

  it.each<[string, string, () => Response | Promise<Response>, object?]>([
    ['DEAL_CLIENT_UNREACHABLE', 'cannot be reached', () => Promise.reject(new TypeError('fetch failed')), { retry: 'later' }],
    ['DEAL_CLIENT_UNREACHABLE', 'fails', () => new Response('oops', { status: 502 }), { retry: 'later' }],
    ['DEAL_CLIENT_BUSY', 'says later', () => new Response(null, { status: 503, headers: { 'retry-after': '7' } }), { retry: 'later', retryAfterMs: 7000 }],
    ['DEAL_CLIENT_BUSY', 'says later without saying when', () => new Response(null, { status: 429, headers: { 'retry-after': 'never' } }), { retryAfterMs: undefined }],
    ['DEAL_CLIENT_UNAUTHORIZED', 'does not take the token', () => new Response(null, { status: 403 }), { retry: 'never' }],
    ['DEAL_CLIENT_REFUSED', 'refuses', () => new Response(encodeRefusal({ code: 'DEAL_BAD_PROPOSAL', message: 'no piece' }), { status: 400 }), { retry: 'never' }],
    ['DEAL_CLIENT_REFUSED', 'makes no deals', () => new Response(null, { status: 404 })],
    ['DEAL_CLIENT_BAD_ANSWER', 'sends on', () => new Response(null, { status: 302, headers: { location: 'http://elsewhere.example/' } })],
    ['DEAL_CLIENT_BAD_ANSWER', 'answers with a page', () => new Response('<html>')],
    ['DEAL_CLIENT_BAD_ANSWER', 'answers without end', () => new Response(new ReadableStream({ pull: (c) => { c.enqueue(new Uint8Array(1 << 14)) } }))],
  ])('gives %s where it %s', async (code, _, answer, more = {}) => {
    await expect(apiOf(answer).ask()).rejects.toMatchObject({ code, source: 'http://provider.example:2350', ...more })
  })

  it('that answers about another deal is not believed', async () => {
    await expect(apiOf(() => new Response(encodeDealStatus({ ...status, proposalCid: other }))).status(cid, 'x')).rejects.toMatchObject({ code: 'DEAL_CLIENT_BAD_ANSWER' })
  })

  it.each<[string, () => Response | Promise<Response>]>([
    ['does not answer', () => new Promise(() => {})],
    ['does not end its answer', () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))],
  ])('that %s is left after half a minute, though it listens to nothing', async (_, answer) => {
    const clock = createFakeClock()
    const asked = apiOf(answer, clock).ask()
    const failed = expect(asked).rejects.toMatchObject({ code: 'DEAL_CLIENT_UNREACHABLE', retry: 'later' })
    await new Promise((resolve) => { setImmediate(resolve) })
    await clock.advance(30_000)
    await failed
    expect(clock.sleeping).toBe(0)
  })

  it('is not waited for after an abort, and the reason is given', async () => {
    const leaving = new AbortController()
    const reason = new Error('enough')
    const asked = apiOf(() => new Promise(() => {})).ask({ signal: leaving.signal })
    leaving.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  it.each(['ftp://x/', 'http://me@x/', 'http://x/?a', 'http://x/#a', 'x'])('has no such URL: %s', (url) => {
    expect(() => createProviderApi(url, { fetch, clock: createFakeClock() })).toThrow(TypeError)
  })
})
