/** Giving back what is stored: what is offered, and sessions on the shard that has it. */
import type { FakeClock } from '@dagstore-tooling/testkit'
import { decodeRetrievalAnswer, decodeRetrievalOffer, decodeRetrievalStatus, encodeRetrievalProposal, type RetrievalAnswer, type RetrievalOffer, type RetrievalProposal, type RetrievalStatus } from '@dagstore/deal-protocol'
import { IDENTITY } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { clean, codeOf, collect, dealIs, inState, turn, until, withShard } from './harness.ts'
import { dataOf, nameOf, NO_TERMS, type Online, type OnlineOptions, openOnline, type TestData, TOKEN, tokenOf } from './online-harness.ts'

const data = await dataOf(1)

/** With deals that are active. */
const withData = async (all: readonly TestData[], options: OnlineOptions = {}): Promise<Online> => {
  const h = await openOnline(options)
  for (const one of all) {
    await h.propose(one)
    await h.push(nameOf(one), one)
    await dealIs(h, nameOf(one), inState('StorageDealActive'), withShard('registered'), clean)
  }
  return h
}
const pieceOf = async (h: Online, one: TestData): Promise<CID> => (await h.provider.deal(nameOf(one)))!.proposal.pieceCid
const query = async (h: Online, payload: CID, piece?: CID): Promise<RetrievalOffer> =>
  decodeRetrievalOffer(await (await h.ask200(`query?payload=${payload.toString()}${piece === undefined ? '' : `&piece=${piece.toString()}`}`)).text())
const begin = async (h: Online, more: Partial<RetrievalProposal> = {}, token = TOKEN): Promise<RetrievalAnswer> => {
  const body = encodeRetrievalProposal({ id: 7n, payloadCid: data.root, terms: NO_TERMS, ...more })
  return decodeRetrievalAnswer(await (await h.ask200('retrievals', { method: 'POST', headers: { 'x-transfer-token': token }, body })).text())
}
const get = (h: Online, dealId: bigint, path: string, token = TOKEN): Promise<Response> => h.ask200(`retrievals/${dealId}${path}`, { headers: { 'x-transfer-token': token } })
const status = async (h: Online, dealId: bigint, token = TOKEN): Promise<RetrievalStatus> => decodeRetrievalStatus(await (await get(h, dealId, '', token)).text())
const car = (root: CID): string => `/ipfs/${root.toString()}?format=car`
const block = (cid: CID): string => `/ipfs/${cid.toString()}?format=raw`
const leases = async (h: Online, one: TestData): Promise<number> => (await h.dagstore.shard((await pieceOf(h, one)).toString()))?.leases ?? -1

describe('an offer', () => {
  it('names the piece that has the payload, its size, and terms; for nothing that is unsealed, an unsealing is to be paid (L13)', async () => {
    const h = await withData([data], { ask: { retrieval: { ...NO_TERMS, pricePerByte: 2n, unsealPrice: 500n } } })
    const piece = await pieceOf(h, data)
    expect(await query(h, data.root)).toMatchObject({ status: 'available', pieceFound: false, sizeBytes: data.payload.byteLength, paymentAddress: 'f01000', terms: { pricePerByte: 2n, unsealPrice: 0n } })
    expect((await query(h, data.root, piece)).pieceCid?.toString()).toBe(piece.toString())
    expect(await query(h, data.root, piece)).toMatchObject({ status: 'available', pieceFound: true })
    // any block, not the root alone
    expect(await query(h, data.leaves[2]!)).toMatchObject({ status: 'available' })
    await h.end()
  })

  it('is unavailable for what is not here, and says where else the payload is when it is not in the piece', async () => {
    const other = await dataOf(2)
    const h = await withData([data, other])
    expect(await query(h, (await dataOf(9)).root)).toMatchObject({ status: 'unavailable' })
    const elsewhere = await query(h, data.root, await pieceOf(h, other))
    expect(elsewhere).toMatchObject({ status: 'available', pieceFound: false })
    expect(elsewhere.pieceCid?.toString()).toBe((await pieceOf(h, data)).toString())
    // what is no piece has nothing
    expect(await query(h, data.root, data.root)).toMatchObject({ status: 'available', pieceFound: false })
    expect(await begin(h, { pieceCid: data.root })).toMatchObject({ accepted: false, message: 'the piece does not have it' })
    await h.end()
  })

  it('is made for a CID that holds its block itself', async () => {
    const h = await withData([data])
    const identity = CID.createV1(0x55, create(IDENTITY, Uint8Array.of(9, 9)))
    expect(await query(h, identity)).toMatchObject({ status: 'available', sizeBytes: 2 })
    const { dealId } = await begin(h, { payloadCid: identity })
    const answer = await get(h, dealId, block(identity))
    expect([answer.status, [...new Uint8Array(await answer.arrayBuffer())]]).toEqual([200, [9, 9]])
    await h.end()
  })

  it('says that nobody knows when the storage does not answer in time', async () => {
    const h = await withData([data], { retrieval: { isUnsealed: () => new Promise(() => {}) } })
    const offer = query(h, data.root)
    for (let at = 0; at < 20; at++) await turn()
    await (h.clock as FakeClock).advance(6000)
    expect(await offer).toMatchObject({ status: 'error', message: 'nobody could say in time' })
    await h.end()
  })

  it('does not say how the provider has failed, but tells it', async () => {
    const problems: unknown[] = []
    const failure = new Error('/secret/disk')
    const h = await withData([data], { retrieval: { pieces: { pieces: async () => { throw failure }, get: async () => [] }, onProblem: (error) => { problems.push(error) } } })
    expect(await query(h, data.root)).toMatchObject({ status: 'error', message: 'the provider has failed' })
    expect(problems).toEqual([failure])
    await h.end()
  })

  it('prefers what is unsealed', async () => {
    const sealed: string[] = []
    const h = await withData([data], { retrieval: { isUnsealed: async (piece) => { sealed.push(piece.toString()); return false } }, ask: { retrieval: { ...NO_TERMS, unsealPrice: 5n } } })
    expect(await query(h, data.root)).toMatchObject({ status: 'available', terms: { unsealPrice: 5n } })
    expect(sealed.length).toBe(1)
    await h.end()
  })
})

describe('a retrieval', () => {
  it('is answered as by a trustless gateway, by the CAR and by blocks, and is over when its client says so', async () => {
    const h = await withData([data])
    const { accepted, dealId } = await begin(h)
    expect(accepted).toBe(true)
    expect(await status(h, dealId)).toMatchObject({ state: 'DealStatusAccepted', sentBytes: 0 })
    const whole = new Uint8Array(await (await get(h, dealId, car(data.root))).arrayBuffer())
    for (const bytes of data.blocks.values()) expect(Buffer.from(whole).includes(Buffer.from(bytes))).toBe(true)
    const one = await get(h, dealId, block(data.leaves[1]!))
    expect(new Uint8Array(await one.arrayBuffer())).toEqual(data.blocks.get(data.leaves[1]!.toString()))
    expect(await status(h, dealId)).toMatchObject({ state: 'DealStatusOngoing', sentBytes: whole.byteLength + 700 })
    expect((await h.ask200(`retrievals/${dealId}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })).status).toBe(204)
    expect(await status(h, dealId)).toMatchObject({ state: 'DealStatusCompleted', sentBytes: whole.byteLength + 700 })
    expect((await get(h, dealId, car(data.root))).status).toBe(409)
    expect(await leases(h, data)).toBe(0)
    await h.end()
  })

  it('L8: is one client\'s alone, though others have the same id, and none closes what another reads', async () => {
    const h = await withData([data])
    const [first, second] = [await begin(h), await begin(h, {}, tokenOf('b'))]
    expect(first.dealId).not.toBe(second.dealId)
    for (const [dealId, token] of [[first.dealId, TOKEN], [second.dealId, tokenOf('b')]] as const) await (await get(h, dealId, block(data.root), token)).arrayBuffer()
    // one lease for both
    expect(await leases(h, data)).toBe(1)
    expect((await get(h, second.dealId, block(data.root))).status).toBe(403)
    expect((await h.ask200(`retrievals/${second.dealId}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })).status).toBe(403)
    await h.ask200(`retrievals/${first.dealId}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })
    expect(await leases(h, data)).toBe(1)
    const still = await get(h, second.dealId, block(data.leaves[0]!), tokenOf('b'))
    expect(new Uint8Array(await still.arrayBuffer())).toEqual(data.blocks.get(data.leaves[0]!.toString()))
    await h.ask200(`retrievals/${second.dealId}`, { method: 'DELETE', headers: { 'x-transfer-token': tokenOf('b') } })
    expect(await leases(h, data)).toBe(0)
    await h.end()
  })

  it('L8: goes on in another process, under the same number', async () => {
    let h = await withData([data])
    const { dealId } = await begin(h)
    await (await get(h, dealId, block(data.root))).arrayBuffer()
    h = await h.again()
    const answer = await get(h, dealId, block(data.leaves[0]!))
    expect(answer.status).toBe(200)
    await answer.arrayBuffer()
    expect(await begin(h)).toMatchObject({ accepted: true, dealId })
    expect((await status(h, dealId)).sentBytes).toBe((data.blocks.get(data.root.toString())?.byteLength ?? 0) + 700)
    await h.end()
  })

  it('L14: of a block that is asked for under another codec comes to an end', async () => {
    const h = await withData([data])
    const { dealId } = await begin(h)
    const other = CID.createV1(0x70, data.leaves[0]!.multihash)
    const answer = await get(h, dealId, block(other))
    await answer.arrayBuffer()
    expect([200, 404]).toContain(answer.status)
    await h.end()
  })

  it('gives its shard back when it asks for nothing, and gets it again when it does', async () => {
    const h = await withData([data])
    const { dealId } = await begin(h)
    await (await get(h, dealId, block(data.root))).arrayBuffer()
    expect(await leases(h, data)).toBe(1)
    await (h.clock as FakeClock).advance(301_000)
    await until(async () => await leases(h, data) === 0)
    expect((await status(h, dealId)).state).toBe('DealStatusOngoing')
    expect((await get(h, dealId, block(data.root))).status).toBe(200)
    await h.end()
  })

  it('is given up where the client leaves in the middle, and the shard is not held by an answer that nobody takes', async () => {
    const large = await dataOf(5, 8, 60_000)
    const h = await withData([large])
    const { dealId } = await begin(h, { payloadCid: large.root })
    const answer = await get(h, dealId, car(large.root))
    const reader = answer.body!.getReader()
    await reader.read()
    await reader.cancel()
    expect((await h.ask200(`retrievals/${dealId}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })).status).toBe(204)
    expect((await status(h, dealId)).state).toBe('DealStatusCancelled')
    await until(async () => await leases(h, large) === 0)
    await h.end()
  })

  it('ends when the operator says so, in the midst of an answer', async () => {
    const large = await dataOf(5, 8, 60_000)
    const h = await withData([large])
    const { dealId } = await begin(h, { payloadCid: large.root })
    const reader = (await get(h, dealId, car(large.root))).body!.getReader()
    await reader.read()
    await h.retrievals.cancel(dealId)
    await expect((async () => { while (!(await reader.read()).done); })()).rejects.toThrow()
    expect((await status(h, dealId)).state).toBe('DealStatusCancelled')
    expect(await codeOf(h.retrievals.cancel(dealId))).toBe('DEAL_WRONG_STATE')
    expect(await codeOf(h.retrievals.cancel(1n))).toBe('DEAL_UNKNOWN')
    await until(async () => await leases(h, large) === 0)
    await h.end()
  })

  it('is not accepted for less than was asked, nor for what is not here or not in the piece', async () => {
    const other = await dataOf(2)
    const h = await withData([data, other], { ask: { retrieval: { ...NO_TERMS, pricePerByte: 2n } } })
    expect(await begin(h)).toMatchObject({ accepted: false, message: expect.stringContaining('price') })
    const terms = { ...NO_TERMS, pricePerByte: 2n }
    expect(await begin(h, { terms, payloadCid: (await dataOf(9)).root })).toMatchObject({ accepted: false })
    expect(await begin(h, { terms, pieceCid: await pieceOf(h, other) })).toMatchObject({ accepted: false })
    expect(h.retrievals.retrievals()).toEqual([])
    expect(await begin(h, { terms, pieceCid: await pieceOf(h, data) })).toMatchObject({ accepted: true })
    await h.end()
  })

  it('ends where the shard is gone', async () => {
    const h = await withData([data])
    const { dealId } = await begin(h)
    const key = (await pieceOf(h, data)).toString()
    for (const location of await h.pieces.get(await pieceOf(h, data))) await h.pieces.remove(await pieceOf(h, data), location)
    await h.dagstore.destroy(key)
    const answer = await get(h, dealId, block(data.root))
    expect(answer.status).toBe(404)
    expect(await status(h, dealId)).toMatchObject({ state: 'DealStatusErrored' })
    expect(await h.dagstore.shard(key)).toBeUndefined()
    await h.end()
  })

  it('waits for its shard no longer than a request may, and is told to come later', async () => {
    let go = (): void => {}
    const held = new Promise<void>((resolve) => { go = resolve })
    const h = await withData([data])
    const { dagstore } = h
    const slow = await (await import('../src/http.ts')).openRetrievalDeals({
      db: h.db.sublevel('other') as never, dagstore: { find: (...call) => dagstore.find(...call), shard: (...call) => dagstore.shard(...call), acquire: async (...call) => { await held; return dagstore.acquire(...call) } },
      pieces: h.pieces, isUnsealed: async () => true, terms: NO_TERMS, paymentAddress: 'f01000', hashes: (await import('./online-harness.ts')).hashes, clock: h.clock,
    })
    const { dealId } = await slow.propose({ id: 1n, payloadCid: data.root, terms: NO_TERMS }, TOKEN)
    const ask = (): Promise<Response> => slow.serve(dealId, TOKEN, new Request(`http://x.test${block(data.root)}`)) as Promise<Response>
    const first = ask()
    for (let at = 0; at < 10; at++) await turn()
    await (h.clock as FakeClock).advance(21_000)
    expect((await first).status).toBe(503)
    expect(slow.retrievals()[0]?.state).toBe('DealStatusUnsealing')
    go()
    const second = await ask()
    expect(second.status).toBe(200)
    await second.arrayBuffer()
    await slow.close()
    expect(await leases(h, data)).toBe(0)
    await h.end()
  })
})

describe('many retrievals', () => {
  it('share one shard, and more than may be remembered are forgotten, the ended ones first', async () => {
    const h = await withData([data], { retrieval: { limits: { maxKept: 3 } } })
    const ids: bigint[] = []
    for (let id = 0n; id < 4n; id++) ids.push((await begin(h, { id })).dealId)
    expect(h.retrievals.retrievals().length).toBe(3)
    expect(h.retrievals.retrievals().some(({ dealId }) => dealId === ids[0])).toBe(false)
    await h.ask200(`retrievals/${ids[2]}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })
    await begin(h, { id: 9n })
    expect(h.retrievals.retrievals().map(({ id }) => id)).toEqual([1n, 3n, 9n])
    await h.end()
  })

  it('of one client push out its own, whatever tokens it has, and not those of others', async () => {
    const h = await withData([data], { retrieval: { limits: { maxKept: 3 } } })
    const { dealId } = await begin(h, { id: 1n })
    for (const letter of 'bcdefg') {
      const body = encodeRetrievalProposal({ id: 2n, payloadCid: data.root, terms: NO_TERMS })
      await h.ask200('retrievals', { method: 'POST', headers: { 'x-transfer-token': tokenOf(letter), 'x-test-client': 'there' }, body })
    }
    expect(h.retrievals.retrievals().map(({ client }) => client)).toEqual(['here', 'there', 'there'])
    // who it is is known in another process too
    const next = await h.again()
    for (const letter of 'hijk') {
      const body = encodeRetrievalProposal({ id: 2n, payloadCid: data.root, terms: NO_TERMS })
      await next.ask200('retrievals', { method: 'POST', headers: { 'x-transfer-token': tokenOf(letter), 'x-test-client': 'there' }, body })
    }
    expect((await get(next, dealId, block(data.root))).status).toBe(200)
    await next.end()
  })

  it('take so many requests at a time, of one client and in all, and no more shards than may be open', async () => {
    const large = await dataOf(5, 8, 60_000)
    const h = await withData([data, large], { retrieval: { limits: { maxActivePerClient: 1, maxShards: 1 } } })
    const { dealId } = await begin(h, { payloadCid: large.root })
    const reader = (await get(h, dealId, car(large.root))).body!.getReader()
    await reader.read()
    const busy = await get(h, dealId, block(large.root))
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '2'])
    const other = await begin(h, { id: 8n })
    const there = await h.ask200(`retrievals/${other.dealId}${block(data.root)}`, { headers: { 'x-transfer-token': TOKEN, 'x-test-client': 'there' } })
    expect(there.status).toBe(503)
    await reader.cancel()
    // the one that is idle gives its shard to the other
    expect((await get(h, other.dealId, block(data.root))).status).toBe(200)
    expect([await leases(h, large), await leases(h, data)]).toEqual([0, 1])
    await h.end()
  })

  it('are told as they go', async () => {
    const h = await withData([data])
    const states: string[] = []
    const listening = (async () => { for await (const update of h.retrievals.updates()) if (update.type === 'retrieval') states.push(update.retrieval.state) })()
    await turn()
    const { dealId } = await begin(h)
    await (await get(h, dealId, block(data.root))).arrayBuffer()
    await h.ask200(`retrievals/${dealId}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })
    await h.end()
    await listening
    expect([...new Set(states)]).toEqual(['DealStatusAccepted', 'DealStatusOngoing', 'DealStatusCompleted'])
  })

  it('whose records are damaged are told of, and the others are there', async () => {
    const problems: unknown[] = []
    let h = await withData([data])
    await begin(h)
    const rows = h.db.sublevel('retrieval-deals', { keyEncoding: 'view', valueEncoding: 'view' })
    await rows.put<Uint8Array, Uint8Array>(new Uint8Array(8), Uint8Array.of(1, 2), { keyEncoding: 'view', valueEncoding: 'view' })
    h = await h.again({ retrieval: { onProblem: (problem) => { problems.push(problem) } } })
    expect(h.retrievals.retrievals().length).toBe(1)
    expect(problems).toMatchObject([{ code: 'DEAL_BAD_RECORD' }])
    expect(await collect(rows.keys())).toHaveLength(2)
    await h.end()
  })
})
