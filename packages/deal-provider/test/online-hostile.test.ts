/** What callers of the network may leave behind, and races with those who end a deal. */
import type { FakeClock } from '@dagstore-tooling/testkit'
import { type PayloadHandler, servePayloads } from '@dagstore/transfer'
import { describe, expect, it } from 'vitest'
import { openDealTable } from '../src/deal-table.ts'
import { codeOf, collect, dealIs, inState, proposalOf, staged, turn, until } from './harness.ts'
import { dataOf, hashes, nameOf, type Online, openOnline, proposalText, TOKEN, tokenOf } from './online-harness.ts'

const data = await dataOf(1)
const name = nameOf(data)
const advance = async ({ clock }: Pick<Online, 'clock'>, ms: number): Promise<void> => {
  await (clock as FakeClock).advance(ms)
  for (let at = 0; at < 30; at++) await turn()
}
const statusOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => 200, (error: { status: number }) => error.status)
const pull = { type: 'http-pull', url: 'http://client.test/payloads/one', token: tokenOf('p') } as const

describe('proposals', () => {
  it('whose data come as files have places of their own, which those leave whose time is over when others want them', async () => {
    const h = await openOnline({ handler: { limits: { maxWaiting: 2, tokenMs: 3_600_000 } } })
    const manual = { transfer: { type: 'manual' } } as const
    const first = await dataOf(11)
    for (const one of [first, await dataOf(12)]) expect(await h.propose(one, manual)).toMatchObject({ accepted: true })
    expect(await statusOf(h.propose(data, manual))).toBe(503)
    // others are not kept out by them
    expect(await h.propose(await dataOf(13))).toMatchObject({ accepted: true })
    await advance(h, 3_000_000)
    await h.propose(first, manual)
    await advance(h, 1_000_000)
    // nobody wanted their places so far
    expect((await h.provider.deal(nameOf(await dataOf(12))))?.state).toBe('StorageDealWaitingForData')
    expect(await h.propose(data, manual)).toMatchObject({ accepted: true })
    await dealIs(h, nameOf(await dataOf(12)), inState('StorageDealError'))
    expect((await h.provider.deal(nameOf(first)))?.state).toBe('StorageDealWaitingForData')
    expect(await statusOf(h.propose(await dataOf(14), manual))).toBe(503)
    await h.end()
  })

  it('that an operator has agreed to take no place of those', async () => {
    const h = await openOnline({ handler: { limits: { maxWaiting: 1 } } })
    const own = await dataOf(15)
    await h.provider.accept({ proposalCid: nameOf(own), proposal: proposalOf(own.payload) })
    expect(await h.propose(data, { transfer: { type: 'manual' } })).toMatchObject({ accepted: true })
    await h.end()
  })

  it('that come to nothing are forgotten, but for the newest', async () => {
    const h = await openOnline()
    const table = await openDealTable(h.db)
    const ended = {
      proposal: proposalOf(data.payload), clientSignature: undefined, dealId: undefined, publishCid: undefined, payloadCid: data.root, transferType: 'http-push', fastRetrieval: true, clientPeer: undefined,
      state: 'StorageDealError', message: '', staged: undefined, payloadBytes: undefined, place: undefined, shard: { state: 'retired' }, failure: undefined, slashEpoch: undefined,
    } as const
    const names = Array.from({ length: 1003 }, (_, at) => nameOf(data, { label: `deal ${at}` }))
    for (const [at, proposalCid] of names.entries()) {
      await table.add({ ...ended, proposalCid, createdAt: at, updatedAt: at }, { totalBytes: 1, tokenDigest: hashes.digest(0x12, Uint8Array.of()), expiresAt: 1, from: undefined, client: undefined })
    }
    expect(await h.propose(data)).toMatchObject({ accepted: true })
    expect(await h.provider.deal(names[2]!)).toBeUndefined()
    expect(await h.provider.deal(names[3]!)).toBeDefined()
    expect(await table.transfer(names[0]!)).toBeUndefined()
    expect((await collect(table.nothings())).length).toBe(1000)
    // what its client gives up is one of them
    await h.ask200(`transfers/${name.toString()}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })
    await dealIs(h, name, inState('StorageDealError'))
    expect((await collect(table.nothings())).at(-1)?.equals(name)).toBe(true)
    await h.end()
  })

  it('are not told to be bad where a record of the provider is damaged', async () => {
    const h = await openOnline()
    await h.propose(data)
    const rows = h.db.sublevel<Uint8Array, Uint8Array>('deals', { keyEncoding: 'view', valueEncoding: 'view' })
    await rows.put(new Uint8Array([0x73, ...name.bytes]), Uint8Array.of(1, 2, 3))
    expect(await statusOf(h.propose(data))).toBe(500)
    expect(await statusOf(h.status(name))).toBe(500)
    await h.end()
  })

  it('that come again name no server that is not asked, and change nothing where their terms are others', async () => {
    const asked: string[] = []
    const send: typeof fetch = async (input) => {
      asked.push(String(input))
      throw new TypeError('fetch failed')
    }
    const h = await openOnline({ pulls: { fetch: send }, handler: { checkUrl: (url) => { if (url.includes('inside')) throw new Error('inside') } } })
    await h.propose(data, { transfer: pull })
    expect(await statusOf(h.propose(data, { transfer: { ...pull, url: 'http://inside.test/' } }))).toBe(400)
    const before = await openDealTable(h.db).then((table) => table.transfer(name))
    expect(await statusOf(h.propose(data, { transfer: { type: 'http-push' } }))).toBe(409)
    expect((await openDealTable(h.db).then((table) => table.transfer(name)))?.from).toEqual(before?.from)
    expect(before?.from?.url).toBe(pull.url)
    expect(asked.filter((url) => url.includes('inside'))).toEqual([])
    await h.end()
  })

  it('take no more places than there are, however many come at once', async () => {
    const h = await openOnline({ handler: { limits: { maxWaiting: 3, clientRequests: 64 } } })
    const texts = await Promise.all(Array.from({ length: 10 }, async (_, at) => proposalText(await dataOf(40 + at))))
    const answers = await Promise.all(texts.map((body, at) => h.ask200('proposals', { method: 'POST', headers: { 'x-transfer-token': TOKEN, 'x-test-client': `client ${at}` }, body })))
    expect(answers.filter(({ status }) => status === 200).length).toBe(3)
    expect((await collect(h.provider.deals())).length).toBe(3)
    await h.end()
  })
})

describe('the end of a deal', () => {
  it('that comes while its file is being opened leaves none, and nothing is fetched', async () => {
    const asked: string[] = []
    const client: PayloadHandler = servePayloads({ prefix: '/payloads/', find: async (_, token) => { asked.push(token ?? ''); return { payload: await data.source(), close: () => {} } } })
    const h = await openOnline({ pulls: { fetch: async (input, init) => await client(new Request(input as URL, init)) ?? new Response(null, { status: 404 }) } })
    let go = (): void => {}
    const held = new Promise<void>((resolve) => { go = resolve })
    const { directory } = h.fs
    const openWritable = directory.openWritable.bind(directory)
    let opening = 0
    Object.assign(directory, { openWritable: async (...call: Parameters<typeof openWritable>) => { opening++; await held; return openWritable(...call) } })
    await h.propose(data, { transfer: pull })
    await until(async () => opening === 1)
    await h.provider.online.cancel(name)
    await dealIs(h, name, inState('StorageDealError'))
    go()
    for (let at = 0; at < 50; at++) await turn()
    expect(staged(h)).toEqual([])
    expect(asked).toEqual([])
    await h.end()
    expect(staged(h)).toEqual([])
  })

  it('closes the file of whoever pushes meanwhile', async () => {
    const h = await openOnline()
    await h.propose(data)
    const target = await h.provider.online.receiveTarget(name, TOKEN)
    if (typeof target !== 'object') throw new Error('no target')
    const giving = target.cancelled()
    const opened = await target.open({}).catch(() => undefined)
    await giving.catch(() => {})
    await dealIs(h, name, inState('StorageDealError'))
    if (opened !== undefined) expect(await codeOf(opened.write((async function * () { yield data.payload })(), { from: 0 }))).toBe('TRANSFER_REFUSED')
    expect(staged(h)).toEqual([])
    await h.end()
  })
})

it('a payload that is whole is checked, though it was taken for one that was left in the middle', async () => {
  const h = await openOnline()
  await h.propose(data)
  const target = await h.provider.online.receiveTarget(name, TOKEN)
  if (typeof target !== 'object') throw new Error('no target')
  const receiver = await target.open({})
  await receiver.write((async function * () { yield data.payload })(), { from: 0 })
  const facts = await receiver.finish()
  await receiver.close()
  await until(async () => {
    await advance(h, 600_000)
    return (await h.provider.deal(name))?.state === 'StorageDealProviderTransferAwaitRestart'
  })
  await target.completed(facts)
  await dealIs(h, name, inState('StorageDealActive'))
  await h.end()
})
