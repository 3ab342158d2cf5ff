/** Which shards retrievals hold, and until when, whatever their clients do. */
import type { FakeClock } from '@dagstore-tooling/testkit'
import { decodeRetrievalAnswer, encodeRetrievalProposal, type RetrievalProposal } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { openRetrievalDeals, type RetrievalDeals, type RetrievalDealsOptions } from '../src/http.ts'
import { clean, codeOf, dealIs, inState, turn, until, withShard } from './harness.ts'
import { dataOf, hashes, nameOf, NO_TERMS, type Online, openOnline, type TestData, TOKEN } from './online-harness.ts'

const [data, other] = [await dataOf(1), await dataOf(2)]

const withData = async (all: readonly TestData[]): Promise<Online> => {
  const h = await openOnline()
  for (const one of all) {
    await h.propose(one)
    await h.push(nameOf(one), one)
    await dealIs(h, nameOf(one), inState('StorageDealActive'), withShard('registered'), clean)
  }
  return h
}
const pieceOf = async (h: Online, one: TestData): Promise<CID> => (await h.provider.deal(nameOf(one)))!.proposal.pieceCid
const leases = async (h: Online, one: TestData): Promise<number> => (await h.dagstore.shard((await pieceOf(h, one)).toString()))?.leases ?? -1
const propose = (h: Online, more: Partial<RetrievalProposal> = {}): Promise<Response> =>
  h.ask200('retrievals', { method: 'POST', headers: { 'x-transfer-token': TOKEN }, body: encodeRetrievalProposal({ id: 7n, payloadCid: data.root, terms: NO_TERMS, ...more }) })
const get = async (h: Online, dealId: bigint, root: CID): Promise<number> => {
  const answer = await h.ask200(`retrievals/${dealId}/ipfs/${root.toString()}?format=raw`, { headers: { 'x-transfer-token': TOKEN } })
  await answer.arrayBuffer()
  return answer.status
}
/** Over the same store, with another way to acquire shards. */
const openOver = (h: Online, acquire: RetrievalDealsOptions['dagstore']['acquire'], more: Partial<RetrievalDealsOptions> = {}): Promise<RetrievalDeals> => openRetrievalDeals({
  db: h.db.sublevel('other') as never, dagstore: { find: (...call) => h.dagstore.find(...call), shard: (...call) => h.dagstore.shard(...call), acquire },
  pieces: h.pieces, isUnsealed: async () => true, terms: NO_TERMS, paymentAddress: 'f01000', hashes, clock: h.clock, ...more,
})
const serve = (over: RetrievalDeals, dealId: bigint, cid: CID): Promise<Response> => over.serve(dealId, TOKEN, new Request(`http://x.test/ipfs/${cid.toString()}?format=raw`)) as Promise<Response>

it('a retrieval that is proposed again with another payload is refused, and holds no shard that nobody gives back', async () => {
  const h = await withData([data, other])
  const { dealId } = decodeRetrievalAnswer(await (await propose(h)).text())
  expect(await get(h, dealId, data.root)).toBe(200)
  expect((await propose(h, { payloadCid: other.root })).status).toBe(409)
  expect(decodeRetrievalAnswer(await (await propose(h, { pieceCid: await pieceOf(h, other) })).text())).toMatchObject({ accepted: false })
  expect(await get(h, dealId, data.root)).toBe(200)
  await (h.clock as FakeClock).advance(301_000)
  await until(async () => await leases(h, data) === 0)
  expect(await leases(h, other)).toBe(0)
  await h.end()
})

it('one that has ended since its shard was gone finds the shard that has the payload now', async () => {
  const h = await withData([data])
  const { dealId } = decodeRetrievalAnswer(await (await propose(h)).text())
  const piece = await pieceOf(h, data)
  for (const location of await h.pieces.get(piece)) await h.pieces.remove(piece, location)
  await h.dagstore.destroy(piece.toString())
  expect(await get(h, dealId, data.root)).toBe(404)
  // nothing here has it, and it is not said that it could be had
  expect(decodeRetrievalAnswer(await (await propose(h)).text())).toMatchObject({ accepted: false })
  await h.end()
})

it('the end of a retrieval, and of all, does not wait for a shard that takes for ever to come', async () => {
  const h = await withData([data])
  let asked = 0
  const never: RetrievalDealsOptions['dagstore']['acquire'] = (_, { signal } = {}) => new Promise((_resolve, reject) => {
    asked++
    signal?.addEventListener('abort', () => { reject(signal.reason as Error) })
  })
  const over = await openOver(h, never)
  for (const id of [1n, 2n]) {
    const { dealId } = await over.propose({ id, payloadCid: data.root, terms: NO_TERMS }, TOKEN)
    const answer = serve(over, dealId, data.root)
    for (let at = 0; at < 10; at++) await turn()
    await (h.clock as FakeClock).advance(21_000)
    expect((await answer).status).toBe(503)
    if (id === 1n) expect(await over.end(dealId, TOKEN)).toMatchObject({ state: 'DealStatusCancelled' })
  }
  expect(asked).toBe(2)
  await over.close()
  await h.end()
})

it('a request that comes while an idle retrieval gives its shard back gets a lease of its own', async () => {
  const h = await withData([data])
  let [open, closed] = [0, 0]
  let go = (): void => {}
  let writing: Promise<void> = Promise.resolve()
  const table = h.db.sublevel<Uint8Array, Uint8Array>('slow', {}).sublevel<Uint8Array, Uint8Array>('retrieval-deals', { keyEncoding: 'view', valueEncoding: 'view' })
  const put = table.put.bind(table) as (...call: unknown[]) => Promise<void>
  Object.assign(table, { put: async (...call: unknown[]) => { await writing; await put(...call) } })
  const over = await openOver(h, async (...call) => {
    open++
    const lease = await h.dagstore.acquire(...call)
    return { ...lease, blockstore: lease.blockstore, close: async () => { closed++; await lease.close() } } as typeof lease
  }, { db: { sublevel: () => table } as never })
  const { dealId } = await over.propose({ id: 1n, payloadCid: data.root, terms: NO_TERMS }, TOKEN)
  await (await serve(over, dealId, data.root)).arrayBuffer()
  // what was sent is being written down
  writing = new Promise((resolve) => { go = resolve })
  await (h.clock as FakeClock).advance(301_000)
  for (let at = 0; at < 10; at++) await turn()
  const answer = await serve(over, dealId, data.root)
  go()
  await until(async () => closed === 1)
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0)
  expect([answer.status, open]).toEqual([200, 2])
  await over.close()
  expect(closed).toBe(open)
  await h.end()
})

it('one that is cancelled while room is made for its shard holds none', async () => {
  const h = await withData([data, other])
  let [open, closed] = [0, 0]
  let go = (): void => {}
  let holding: Promise<void> = Promise.resolve()
  const over = await openOver(h, async (...call) => {
    open++
    const lease = await h.dagstore.acquire(...call)
    return { ...lease, blockstore: lease.blockstore, close: async () => { await holding; closed++; await lease.close() } } as typeof lease
  }, { limits: { maxShards: 1 } })
  const [first, second] = await Promise.all([data, other].map(({ root }, at) => over.propose({ id: BigInt(at), payloadCid: root, terms: NO_TERMS }, TOKEN)))
  await (await serve(over, first!.dealId, data.root)).arrayBuffer()
  holding = new Promise((resolve) => { go = resolve })
  const answer = serve(over, second!.dealId, other.root).then(({ status }) => status, () => 'failed')
  for (let at = 0; at < 20; at++) await turn()
  await over.cancel(second!.dealId)
  go()
  await answer
  expect(open).toBe(1)
  expect(await codeOf(over.cancel(second!.dealId))).toBe('DEAL_WRONG_STATE')
  await over.close()
  expect(closed).toBe(open)
  await h.end()
})

it('a request that learns late that its lease was closed does not take the next one away', async () => {
  const h = await withData([data])
  let [open, closed] = [0, 0]
  const waiting: (() => void)[] = []
  const over = await openOver(h, async (...call) => {
    open++
    const lease = await h.dagstore.acquire(...call)
    return { ...lease, blockstore: lease.blockstore, close: async () => { closed++; await lease.close() } } as typeof lease
  }, {
    // the store has closed what the first lease gave; two requests learn it, one after the other
    gatewayOf: () => {
      const isFirst = open === 1
      return Object.assign(async () => {
        if (!isFirst) return new Response('here')
        await new Promise<void>((resolve) => { waiting.push(resolve) })
        return new Response('closed', { status: 503, headers: { 'x-error-code': 'BLOCKSTORE_CLOSED' } })
      }) as never
    },
  })
  const { dealId } = await over.propose({ id: 1n, payloadCid: data.root, terms: NO_TERMS }, TOKEN)
  const late = [serve(over, dealId, data.root), serve(over, dealId, data.root)]
  await until(() => waiting.length === 2)
  waiting[0]!()
  await (await late[0]!).text()
  expect([open, closed]).toEqual([1, 1])
  expect(await (await serve(over, dealId, data.root)).text()).toBe('here')
  waiting[1]!()
  await (await late[1]!).text()
  expect([open, closed]).toEqual([2, 1])
  await over.close()
  expect(closed).toBe(open)
  await h.end()
})

it('a proposal whose shard nobody can name in time is told to come later', async () => {
  let asks = (): void => {}
  const asked = new Promise<void>((resolve) => { asks = resolve })
  const h = await openOnline({ retrieval: { pieces: { get: async () => [], pieces: () => { asks(); return new Promise(() => {}) } } } })
  const answer = propose(h)
  await asked
  await (h.clock as FakeClock).advance(5000)
  const { status, headers } = await answer
  expect([status, headers.get('retry-after'), headers.get('x-error-code')]).toEqual([503, '5', 'DEAL_BUSY'])
  expect(h.retrievals.retrievals()).toEqual([])
  await h.end()
})

/** Answers of so many bytes a part, for ever, that count who has been left. */
const endless = (bytes: number): { readonly gatewayOf: RetrievalDealsOptions['gatewayOf'], readonly left: () => number } => {
  let left = 0
  return {
    gatewayOf: () => Object.assign(async () => new Response(new ReadableStream<Uint8Array>({ pull: (controller) => { controller.enqueue(new Uint8Array(bytes)) }, cancel: () => { left++ } }, { highWaterMark: 0 }))) as never,
    left: () => left,
  }
}

it('a client that takes next to nothing is left, as one that takes nothing is, and gives the place to others', async () => {
  const h = await withData([data])
  const clock = h.clock as FakeClock
  const { gatewayOf, left } = endless(1000)
  const over = await openOver(h, (...call) => h.dagstore.acquire(...call), { gatewayOf, limits: { maxActive: 1 } })
  const { dealId } = await over.propose({ id: 1n, payloadCid: data.root, terms: NO_TERMS }, TOKEN)
  const dripping = (await serve(over, dealId, data.root)).body!.getReader()
  const drip = (async () => {
    for (let at = 0; at < 10; at++) {
      await dripping.read()
      await clock.advance(10_000)
    }
  })()
  await expect(drip).rejects.toMatchObject({ code: 'TRANSFER_STALLED' })
  expect(left()).toBe(1)
  // one that takes nothing, not even the first part
  const asleep = (await serve(over, dealId, data.root)).body!.getReader()
  expect((await serve(over, dealId, data.root)).status).toBe(503)
  await clock.advance(61_000)
  await expect(asleep.read()).rejects.toMatchObject({ code: 'TRANSFER_STALLED' })
  expect(left()).toBe(2)
  expect((await serve(over, dealId, data.root)).status).toBe(200)
  await over.close()
  expect(await leases(h, data)).toBe(0)
  await h.end()
})

it('a client that is slow and no slower than it may be is served, and time that the provider takes is not counted', async () => {
  const h = await withData([data])
  const clock = h.clock as FakeClock
  const { gatewayOf, left } = endless(11_000)
  let isHeld = false
  const over = await openOver(h, (...call) => h.dagstore.acquire(...call), { gatewayOf, flow: { pass: async () => { if (isHeld) await clock.advance(300_000) }, owedMs: 0 } })
  const { dealId } = await over.propose({ id: 1n, payloadCid: data.root, terms: NO_TERMS }, TOKEN)
  const reader = (await serve(over, dealId, data.root)).body!.getReader()
  for (let at = 0; at < 30; at++) {
    isHeld = at === 15
    expect((await reader.read()).value?.byteLength).toBe(11_000)
    await clock.advance(10_000)
  }
  expect(left()).toBe(0)
  await reader.cancel()
  expect(left()).toBe(1)
  await over.close()
  await h.end()
})
