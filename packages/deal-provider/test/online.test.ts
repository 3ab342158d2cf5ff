/** Deals that are proposed over the network, and whose data come that way. */
import type { FakeClock } from '@dagstore-tooling/testkit'
import { readBlock } from '@dagstore/read-blockstore'
import { type PayloadHandler, servePayloads } from '@dagstore/transfer'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { clean, codeOf, collect, dealIs, inState, staged, turn, until, withShard } from './harness.ts'
import { AT, dataOf, nameOf, type Online, openOnline, proposalText, TOKEN, tokenOf } from './online-harness.ts'

const data = await dataOf(1)
const name = nameOf(data)
const isDone = async (h: Online, proposalCid = name): Promise<void> => { await dealIs(h, proposalCid, inState('StorageDealActive'), withShard('registered'), clean) }
const advance = async ({ clock }: Pick<Online, 'clock'>, ms: number): Promise<void> => {
  await (clock as FakeClock).advance(ms)
  for (let at = 0; at < 30; at++) await turn()
}
const put = (h: Online, from: number, bytes: Uint8Array, total = data.payload.byteLength, token = TOKEN): Promise<Response> => h.ask200(`transfers/${name.toString()}`, {
  method: 'PUT', headers: { 'x-transfer-token': token, 'content-range': `bytes ${from}-${from + bytes.byteLength - 1}/${total}` }, body: bytes as Uint8Array<ArrayBuffer>,
})

describe('a deal whose data are pushed', () => {
  it('goes from its proposal to a shard that is read, and says how far it is', async () => {
    const h = await openOnline()
    expect(await h.propose(data)).toMatchObject({ accepted: true, state: 'StorageDealWaitingForData', proposalCid: name })
    expect(await h.status(name)).toMatchObject({ state: 'StorageDealWaitingForData', pieceCid: (await h.provider.deal(name))?.proposal.pieceCid })
    await h.push(name, data)
    await isDone(h)
    expect(await h.status(name)).toMatchObject({ state: 'StorageDealActive', payloadBytes: data.payload.byteLength, receivedBytes: data.payload.byteLength })
    const lease = await h.dagstore.acquire((await h.provider.deal(name))!.proposal.pieceCid.toString())
    for (const [text, bytes] of data.blocks) expect(await readBlock(lease.blockstore, CID.parse(text))).toEqual(bytes)
    await lease.close()
    expect(staged(h)).toEqual([])
    expect(h.problems).toEqual([])
    await h.end()
  })

  it('L12: has the commitment that the client has computed, identity CIDs being sections on both sides', async () => {
    const h = await openOnline()
    await h.propose(data)
    await h.push(name, data)
    await isDone(h)
    const piece = (await h.provider.deal(name))!.proposal.pieceCid
    const lease = await h.dagstore.acquire(piece.toString())
    const stored = Buffer.concat(await collect(lease.carStream()))
    expect(Buffer.compare(stored, data.payload)).toBe(0)
    await lease.close()
    await h.end()
  })

  it('goes on in another process behind the last whole section, and a torn one is not kept (L19)', async () => {
    let h = await openOnline()
    await h.propose(data)
    const half = Math.floor(data.payload.byteLength / 2)
    const first = await put(h, 0, data.payload.subarray(0, half))
    expect(first.status).toBe(204)
    const has = Number(first.headers.get('upload-offset'))
    expect(has).toBeGreaterThan(0)
    expect(has).toBeLessThan(half)
    await dealIs(h, name, inState('StorageDealTransferring'))
    h = await h.again()
    await dealIs(h, name, inState('StorageDealProviderTransferAwaitRestart'))
    const head = await h.ask200(`transfers/${name.toString()}`, { method: 'HEAD', headers: { 'x-transfer-token': TOKEN } })
    expect([head.status, Number(head.headers.get('upload-offset'))]).toEqual([200, has])
    await h.push(name, data)
    await isDone(h)
    await h.end()
  })

  it('L7: a file that was whole when the process ended is not written again, nor cut', async () => {
    let h = await openOnline()
    await h.propose(data)
    // all of it, and the process ends before anybody has said so
    const target = await h.provider.online.receiveTarget(name, TOKEN)
    if (typeof target !== 'object') throw new Error('no target')
    const receiver = await target.open({})
    await receiver.write((async function * () { yield data.payload })(), { from: 0 })
    await receiver.finish()
    await receiver.close()
    expect((await h.provider.deal(name))?.state).toBe('StorageDealTransferring')
    const before = h.fs.content(`deal-staging/${name.toString()}.car`)
    h = await h.again()
    await dealIs(h, name, inState('StorageDealProviderTransferAwaitRestart'))
    const head = await h.ask200(`transfers/${name.toString()}`, { method: 'HEAD', headers: { 'x-transfer-token': TOKEN } })
    expect([head.status, head.headers.get('upload-offset')]).toEqual([200, String(data.payload.byteLength)])
    expect(before?.byteLength).toBeGreaterThan(data.payload.byteLength)
    await isDone(h)
    await h.end()
  })

  it('is told as whole to whoever asks once more, also when its file is gone', async () => {
    const h = await openOnline()
    await h.propose(data)
    await h.push(name, data)
    await isDone(h)
    await h.push(name, data)
    expect((await put(h, 0, data.payload)).status).toBe(201)
    // nobody can give up any more what is sealed
    expect((await h.ask200(`transfers/${name.toString()}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })).status).toBe(400)
    expect((await h.provider.deal(name))?.state).toBe('StorageDealActive')
    await h.end()
  })

  it('ends when its client gives it up, and nothing of it stays', async () => {
    const h = await openOnline()
    await h.propose(data)
    await put(h, 0, data.payload.subarray(0, 2000))
    expect((await h.ask200(`transfers/${name.toString()}`, { method: 'DELETE', headers: { 'x-transfer-token': TOKEN } })).status).toBe(204)
    await dealIs(h, name, inState('StorageDealError'))
    expect(staged(h)).toEqual([])
    expect((await h.ask200(`transfers/${name.toString()}`, { method: 'HEAD', headers: { 'x-transfer-token': TOKEN } })).status).toBe(404)
    expect(await h.propose(data)).toMatchObject({ accepted: false, state: 'StorageDealError' })
    await h.end()
  })

  it('waits again when the client stops, and ends when the data do not come in time', async () => {
    const h = await openOnline({ handler: { limits: { tokenMs: 3_600_000 } } })
    await h.propose(data)
    await put(h, 0, data.payload.subarray(0, 2000))
    await dealIs(h, name, inState('StorageDealTransferring'))
    await advance(h, 31_000)
    await dealIs(h, name, inState('StorageDealProviderTransferAwaitRestart'))
    await until(async () => {
      await advance(h, 600_000)
      return (await h.provider.deal(name))?.state === 'StorageDealError'
    })
    expect(staged(h)).toEqual([])
    await h.end()
  })

  it('does not take the places of deals that are handed off', async () => {
    const h = await openOnline({ maxConcurrentHandOffs: 1, handler: { limits: { transfers: { sessionMs: 1e9 } } } })
    const other = await dataOf(2)
    for (const one of [data, other]) await h.propose(one)
    expect((await put(h, 0, data.payload.subarray(0, 2000))).status).toBe(204)
    await h.push(nameOf(other), other)
    await isDone(h, nameOf(other))
    expect((await h.provider.deal(name))?.state).toBe('StorageDealTransferring')
    await h.end()
  })

  it('that are another piece than was proposed fails, and they are not kept', async () => {
    const other = await dataOf(3)
    const h = await openOnline()
    // the right DAG under the commitment of another
    const { pieceCid, pieceSize } = (await import('./harness.ts')).proposalOf(other.payload)
    const lie = { pieceCid, pieceSize }
    await h.propose(data, { proposal: lie })
    await h.push(nameOf(data, lie), data)
    const deal = await dealIs(h, nameOf(data, lie), inState('StorageDealError'))
    expect(deal.message).toContain('not the bytes of the piece')
    expect(staged(h)).toEqual([])
    await h.end()
  })
})

describe('a deal whose data are fetched', () => {
  const url = 'http://client.test/payloads/one'
  const pull = { type: 'http-pull', url, token: tokenOf('p') } as const
  const clientOf = (): { handler: PayloadHandler, asked: string[], down: boolean } => {
    const it: { handler: PayloadHandler, asked: string[], down: boolean } = {
      asked: [], down: false,
      handler: servePayloads({
        prefix: '/payloads/',
        find: async (_, token) => {
          it.asked.push(token ?? '')
          return token === pull.token ? { payload: await data.source(), close: () => {} } : 'unauthorized'
        },
      }),
    }
    return it
  }
  const keepsToken = async (h: Online): Promise<boolean> =>
    (await collect(h.db.sublevel('deals', { valueEncoding: 'view' }).values()) as unknown as Uint8Array[]).some((row) => Buffer.from(row).includes(pull.token))
  const fetchFrom = (client: ReturnType<typeof clientOf>): typeof fetch => async (input, init) => {
    if (client.down) throw new TypeError('fetch failed')
    return await client.handler(new Request(input as URL, init)) ?? new Response(null, { status: 404 })
  }

  it('is fetched with the token that the client has given for it, which is not kept longer than needed', async () => {
    const client = clientOf()
    const h = await openOnline({ pulls: { fetch: fetchFrom(client) } })
    expect(await h.propose(data, { transfer: pull })).toMatchObject({ accepted: true })
    await isDone(h)
    expect(new Set(client.asked)).toEqual(new Set([pull.token]))
    expect(await keepsToken(h)).toBe(false)
    // nor is it taken up again where nothing is fetched any more
    await h.propose(data, { transfer: { ...pull, url: 'http://client.test/payloads/two' } })
    expect(await keepsToken(h)).toBe(false)
    await h.end()
  })

  it('is fetched still where a file that the operator has given for it is refused', async () => {
    const client = clientOf()
    client.down = true
    const h = await openOnline({ pulls: { fetch: fetchFrom(client) } })
    await h.propose(data, { transfer: pull })
    await until(async () => {
      await advance(h, 10_000)
      return (await h.provider.deal(name))?.state === 'StorageDealProviderTransferAwaitRestart'
    })
    h.fs.plant('in/other.car', (await dataOf(2)).payload)
    expect(await codeOf(h.provider.importData(name, { path: 'in/other.car' }))).toBe('DEAL_PIECE_MISMATCH')
    client.down = false
    await until(async () => {
      await advance(h, 61_000)
      return (await h.provider.deal(name))?.state === 'StorageDealActive'
    })
    expect(await keepsToken(h)).toBe(false)
    await h.end()
  })

  it('is tried again while the client is away, and when it is proposed again with another server, at once', async () => {
    const client = clientOf()
    client.down = true
    const h = await openOnline({ pulls: { fetch: fetchFrom(client) } })
    await h.propose(data, { transfer: pull })
    await until(async () => {
      await advance(h, 10_000)
      return (await h.provider.deal(name))?.state === 'StorageDealProviderTransferAwaitRestart'
    })
    expect(await keepsToken(h)).toBe(true)
    client.down = false
    await h.propose(data, { transfer: { ...pull, url: 'http://client.test/payloads/two' } })
    await isDone(h)
    await h.end()
  })

  it('gives its place to others when it brings next to nothing, and is tried the later the more often', async () => {
    const other = await dataOf(2)
    let asked = 0
    // a byte every 10 seconds
    const drips = (at = 0): Response => new Response(new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await h.clock.sleep(10_000)
        controller.enqueue(data.payload.slice(at, ++at))
      },
    }, { highWaterMark: 0 }), { status: 206, headers: { 'content-range': `bytes 0-${data.payload.byteLength - 1}/${data.payload.byteLength}` } })
    const payloads = servePayloads({ prefix: '/payloads/', find: async () => ({ payload: await other.source(), close: () => {} }) })
    const h: Online = await openOnline({
      maxConcurrentPulls: 1,
      pulls: {
        fetch: async (input, init) => {
          if (!String(input).endsWith('/slow')) return await payloads(new Request(input as URL, init)) ?? new Response(null, { status: 404 })
          asked++
          return drips()
        },
      },
    })
    await h.propose(data, { transfer: { ...pull, url: 'http://client.test/payloads/slow' } })
    await dealIs(h, name, inState('StorageDealTransferring'))
    await h.propose(other, { transfer: pull })
    await until(async () => {
      await advance(h, 10_000)
      return (await h.provider.deal(nameOf(other)))?.state === 'StorageDealActive'
    })
    const tries: number[] = []
    for (let minute = 0; minute < 240; minute++) {
      const before = asked
      await advance(h, 60_000)
      if (asked > before) tries.push(minute)
    }
    expect((await h.provider.deal(name))?.state).toBe('StorageDealProviderTransferAwaitRestart')
    expect((await h.provider.deal(name))?.failure).toMatchObject({ code: 'TRANSFER_STALLED' })
    expect((await h.provider.deal(name))?.failure?.attempts).toBeGreaterThan(3)
    expect(tries.length).toBeLessThan(20)
    await h.end()
  })

  it('leaves half of the places to others, and those of hand-offs, however many slow sources a client has; in another process too', async () => {
    const slow = await Promise.all([31, 32, 33, 34, 35].map((seed) => dataOf(seed)))
    const hanging = new Set<string>()
    const payloads = servePayloads({ prefix: '/payloads/', find: async () => ({ payload: await data.source(), close: () => {} }) })
    const fetches: typeof fetch = async (input, init) => {
      const asked = String(input)
      if (!asked.includes('/slow/')) return await payloads(new Request(input as URL, init)) ?? new Response(null, { status: 404 })
      hanging.add(asked)
      return new Promise((_resolve, reject) => { init?.signal?.addEventListener('abort', () => { hanging.delete(asked); reject(init.signal?.reason as Error) }) })
    }
    let h: Online = await openOnline({ maxConcurrentPulls: 4, maxConcurrentHandOffs: 2, pulls: { fetch: fetches } })
    for (const [at, one] of slow.entries()) await h.propose(one, { transfer: { ...pull, url: `http://client.test/slow/${at}` }, client: 'there' })
    await until(() => hanging.size === 2)
    h = await h.again()
    await until(async () => {
      await advance(h, 1000)
      return hanging.size === 2
    })
    await h.propose(data, { transfer: pull })
    await isDone(h)
    expect(hanging.size).toBe(2)
    await h.end()
  })

  it('ends, though something is under way, when the data do not come in time; a proposal that comes again puts that off', async () => {
    let isLeft = false
    const fetches: typeof fetch = (_, init) => new Promise((_resolve, reject) => { init?.signal?.addEventListener('abort', () => { isLeft = true; reject(init.signal?.reason as Error) }) })
    // each answer is waited for a little less long than the data
    const h = await openOnline({ pulls: { fetch: fetches }, handler: { limits: { tokenMs: 20_000 } } })
    await h.propose(data, { transfer: pull })
    await dealIs(h, name, inState('StorageDealTransferring'))
    await advance(h, 15_000)
    await h.propose(data, { transfer: pull })
    await advance(h, 10_000)
    expect([(await h.provider.deal(name))?.state, isLeft]).toEqual(['StorageDealTransferring', false])
    await advance(h, 10_000)
    const deal = await dealIs(h, name, inState('StorageDealError'))
    expect([deal.message, isLeft]).toEqual(['the data have not come in time', true])
    expect(staged(h)).toEqual([])
    expect(await keepsToken(h)).toBe(false)
    await h.end()
  })

  it('goes on in another process', async () => {
    const client = clientOf()
    client.down = true
    let h = await openOnline({ pulls: { fetch: fetchFrom(client) } })
    await h.propose(data, { transfer: pull })
    await dealIs(h, name, (deal) => deal.state !== 'StorageDealWaitingForData')
    client.down = false
    h = await h.again()
    await until(async () => {
      await advance(h, 61_000)
      return (await h.provider.deal(name))?.state === 'StorageDealActive'
    })
    await h.end()
  })

  it('fails where the server sends something else', async () => {
    const h = await openOnline({ pulls: { fetch: async () => new Response(new Uint8Array(data.payload.byteLength), { status: 200, headers: { 'content-length': String(data.payload.byteLength) } }) } })
    await h.propose(data, { transfer: pull })
    const deal = await dealIs(h, name, inState('StorageDealError'))
    expect(deal.message).toMatch(/receiving the data/)
    expect(staged(h)).toEqual([])
    expect(await keepsToken(h)).toBe(false)
    await h.end()
  })

  it('is refused where nothing is fetched, or not from there', async () => {
    const h = await openOnline({ pulls: { fetch }, handler: { checkUrl: () => { throw new Error('inside') } } })
    expect(await h.propose(data, { transfer: pull })).toMatchObject({ accepted: false, state: 'StorageDealProposalRejected' })
    expect(await collect(h.provider.deals())).toEqual([])
    await h.end()
    const without = await openOnline()
    expect(await without.propose(data, { transfer: pull }).catch((error: { status: number }) => error.status)).toBe(400)
    await without.end()
  })
})

describe('a proposal', () => {
  const deals = async (h: Online): Promise<number> => (await collect(h.provider.deals())).length

  it.each([
    ['of a piece that is too small', { ask: { minPieceBytes: 1 << 18 } }, {}, /too small/],
    ['of a piece that is too large', { ask: { maxPieceBytes: 512 } }, {}, /too large/],
    ['that pays too little', { ask: { verifiedPricePerEpochPerGiB: 10n ** 30n } }, {}, /price/],
    ['that starts too early', {}, { proposal: { startEpoch: 0n } }, /early/],
    ['for another provider', {}, { proposal: { provider: 'f01001' } }, /another provider/],
    ['with a payload that the piece has no room for', {}, { payloadBytes: 1 << 20 }, /does not fit/],
    ['with a payload that is none', {}, { payloadBytes: 3 }, /no length/],
    ['with a transfer that is not offered', { ask: { transferTypes: ['manual'] } }, {}, /moves data/],
  ] as const)('%s is refused, and nothing is kept of it', async (_, options, given, why) => {
    const h = await openOnline(options)
    expect(await h.propose(data, given)).toMatchObject({ accepted: false, state: 'StorageDealProposalRejected', message: expect.stringMatching(why) })
    expect(await deals(h)).toBe(0)
    await h.end()
  })

  it('of a file that comes otherwise waits for it', async () => {
    const h = await openOnline()
    expect(await h.propose(data, { transfer: { type: 'manual' } })).toMatchObject({ accepted: true, state: 'StorageDealWaitingForData' })
    expect((await h.ask200(`transfers/${name.toString()}`, { method: 'HEAD', headers: { 'x-transfer-token': TOKEN } })).status).toBe(404)
    h.fs.plant('in/a.car', data.payload)
    await h.provider.importData(name, { path: 'in/a.car' })
    await isDone(h)
    await h.end()
  })

  it('that comes again is the same deal, with its token alone; one that has expired is good again', async () => {
    const h = await openOnline({ handler: { limits: { tokenMs: 3_600_000 } } })
    await h.propose(data)
    expect(await h.propose(data, { token: tokenOf('b') }).catch((error: { status: number, code: string }) => [error.status, error.code])).toEqual([403, 'DEAL_UNAUTHORIZED'])
    expect((await put(h, 0, data.payload, data.payload.byteLength, tokenOf('b'))).status).toBe(401)
    expect(await h.status(name, tokenOf('b')).catch((error: { status: number }) => error.status)).toBe(403)
    await h.push(name, data)
    await isDone(h)
    await advance(h, 4_000_000)
    expect(await h.status(name).catch((error: { status: number }) => error.status)).toBe(403)
    expect(await h.propose(data)).toMatchObject({ accepted: true, state: 'StorageDealActive' })
    expect((await h.status(name)).state).toBe('StorageDealActive')
    expect(await deals(h)).toBe(1)
    await h.end()
  })

  it('finds no place where too many deals wait for their data, or where there is no room on the disk', async () => {
    const h = await openOnline({ handler: { limits: { maxWaiting: 2 } } })
    await h.propose(await dataOf(11))
    // half of the places are for others
    expect(await h.propose(data).catch((error: { status: number }) => error.status)).toBe(503)
    await h.propose(await dataOf(12), { client: 'there' })
    expect(await h.propose(data, { client: 'elsewhere' }).catch((error: { status: number }) => error.status)).toBe(503)
    expect(await deals(h)).toBe(2)
    await h.end()
    const told: unknown[] = []
    const full = await openOnline({ handler: { freeBytes: async () => 100, onNoRoom: (room) => { told.push(room) } } })
    expect(await full.propose(data).catch((error: { status: number }) => error.status)).toBe(503)
    expect(await deals(full)).toBe(0)
    // whoever has the disk hears of it
    expect(told).toEqual([{ neededBytes: data.payload.byteLength, freeBytes: 100 }])
    await full.end()
  })

  it('finds no room that other deals wait to take, of which one client keeps half at the most from others', async () => {
    const size = data.payload.byteLength
    const all = await Promise.all([19, 20, 21, 22, 23].map((seed) => dataOf(seed)))
    expect(new Set(all.map(({ payload }) => payload.byteLength))).toEqual(new Set([size]))
    const h = await openOnline({ handler: { freeBytes: async () => 2.5 * size } })
    const propose = (at: number, client: string): Promise<unknown> => h.propose(all[at]!, { client }).then(({ accepted }) => accepted, ({ status }: { status: number }) => status)
    expect([await propose(0, 'here'), await propose(1, 'here'), await propose(2, 'here')]).toEqual([true, true, 503])
    expect([await propose(3, 'there'), await propose(4, 'there')]).toEqual([true, 503])
    // data that are here are part of what is taken
    await h.push(nameOf(all[0]!), all[0]!)
    await h.push(nameOf(all[1]!), all[1]!)
    expect([await propose(2, 'here'), await propose(4, 'there')]).toEqual([true, 503])
    await h.end()
  })
})

describe('what the operator does', () => {
  it('lists transfers, and is told of them as they go', async () => {
    const h = await openOnline()
    const seen: string[] = []
    const listening = (async () => { for await (const update of h.provider.online.updates()) if (update.type === 'transfer') seen.push(update.transfer.status) })()
    await turn()
    await h.propose(data)
    expect(await collect(h.provider.online.transfers())).toMatchObject([{ status: 'requested', transferType: 'http-push', bytes: 0 }])
    await put(h, 0, data.payload.subarray(0, 2000))
    const [ongoing] = await collect(h.provider.online.transfers())
    expect(ongoing).toMatchObject({ status: 'ongoing', totalBytes: data.payload.byteLength })
    await h.push(name, data)
    await isDone(h)
    expect(await collect(h.provider.online.transfers())).toMatchObject([{ status: 'completed', bytes: data.payload.byteLength }])
    await h.end()
    await listening
    expect(seen[0]).toBe('requested')
    expect(seen.at(-1)).toBe('completed')
  })

  it('cancels one, whose deal ends then, though its file is open', async () => {
    const h = await openOnline()
    await h.propose(data)
    await put(h, 0, data.payload.subarray(0, 2000))
    await h.provider.online.cancel(name)
    const deal = await dealIs(h, name, inState('StorageDealError'))
    expect(deal.message).toContain('cancelled')
    expect(staged(h)).toEqual([])
    expect(await codeOf(h.provider.online.cancel(name))).toBe('DEAL_WRONG_STATE')
    expect((await put(h, 0, data.payload)).status).toBe(404)
    await h.end()
  })

  it('imports the data of one, which is no transfer any more then', async () => {
    const h = await openOnline()
    await h.propose(data)
    await put(h, 0, data.payload.subarray(0, 2000))
    await advance(h, 31_000)
    await dealIs(h, name, inState('StorageDealProviderTransferAwaitRestart'))
    expect(await collect(h.provider.online.transfers())).toMatchObject([{ status: 'paused' }])
    h.fs.plant('in/a.car', data.payload)
    await h.provider.importData(name, { path: 'in/a.car' })
    await isDone(h)
    expect(await collect(h.provider.online.transfers())).toEqual([])
    // nothing that came before is counted for it
    expect(h.provider.online.receivedBytes({ ...(await h.provider.deal(name))!, payloadBytes: undefined })).toBeUndefined()
    await h.end()
  })

  it('restarts what the provider fetches, and nothing else', async () => {
    const h = await openOnline()
    await h.propose(data)
    expect(await codeOf(h.provider.online.restart(name))).toBe('DEAL_WRONG_STATE')
    expect(await codeOf(h.provider.online.restart(data.root))).toBe('DEAL_UNKNOWN')
    await h.end()
  })
})

describe('hostile callers', () => {
  it('get an answer to anything at any path, and leave nothing behind', async () => {
    const h = await openOnline()
    const paths = ['', 'ask/', 'deals', 'deals/', `deals/${'x'.repeat(3000)}`, 'deals/%00', 'transfers/', 'transfers/..%2f..', `transfers/${data.root.toString()}`, 'query', 'query?payload=x', `query?payload=${data.root.toString()}&piece=x`, 'retrievals/1', 'retrievals/99999999999999999999999', 'retrievals/1/ipfs/x', 'retrievals/-1', 'proposals/x', '__proto__', 'constructor']
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await h.ask200(path, { method, headers: { 'x-transfer-token': TOKEN }, ...method === 'POST' || method === 'PUT' ? { body: '{}' } : {} })
        expect(answer.status).toBeLessThan(500)
        await answer.body?.cancel()
      }
    }
    expect(await h.front.handler(new Request('http://provider.test/other'))).toBeUndefined()
    expect(await collect(h.provider.deals())).toEqual([])
    await h.end()
  })

  it('send messages that are none, or too long, or never come to an end', async () => {
    const h = await openOnline()
    const status = async (body: NonNullable<RequestInit['body']>, headers: Record<string, string> = { 'x-transfer-token': TOKEN }): Promise<number> => (await h.ask200('proposals', { method: 'POST', headers, body })).status
    expect(await status('{')).toBe(400)
    expect(await status(JSON.stringify({ ...JSON.parse(proposalText(data)) as object, clientProposal: 'AAAA' }))).toBe(400)
    expect(await status(Uint8Array.of(0xff, 0xfe))).toBe(400)
    expect(await status('x'.repeat(1 << 17))).toBe(413)
    expect(await status(proposalText(data), {})).toBe(403)
    expect(await status(proposalText(data), { 'x-transfer-token': 'short' })).toBe(403)
    let sent = 0
    expect(await status(new ReadableStream<Uint8Array>({ pull: (controller) => { sent += 1024; controller.enqueue(new Uint8Array(1024).fill(32)) } }, { highWaterMark: 0 }))).toBe(413)
    expect(sent).toBeLessThan(1 << 17)
    let cancelled = false
    const slow = status(new ReadableStream<Uint8Array>({ cancel: () => { cancelled = true } }))
    for (let at = 0; at < 10; at++) await turn()
    await advance(h, 16_000)
    expect(await slow).toBe(408)
    expect(cancelled).toBe(true)
    await h.end()
  })

  it('push other bytes, more bytes, or none, and only what was right before them stays', async () => {
    const h = await openOnline()
    await h.propose(data)
    const wrong = data.payload.slice()
    wrong[wrong.byteLength - 100] = wrong[wrong.byteLength - 100]! ^ 1
    const refused = await put(h, 0, wrong)
    expect([refused.status, refused.headers.get('x-error-code')]).toEqual([422, 'TRANSFER_HASH_MISMATCH'])
    const deal = await dealIs(h, name, inState('StorageDealProviderTransferAwaitRestart'))
    expect(deal.message).not.toBe('')
    expect((await put(h, 0, new Uint8Array(data.payload.byteLength + 1), data.payload.byteLength + 1)).status).toBe(413)
    const stalled = h.ask200(`transfers/${name.toString()}`, {
      method: 'PUT', headers: { 'x-transfer-token': TOKEN, 'content-range': `bytes 0-${data.payload.byteLength - 1}/${data.payload.byteLength}` }, body: new ReadableStream<Uint8Array>({}),
    })
    for (let at = 0; at < 20; at++) await turn()
    await advance(h, 31_000)
    expect((await stalled).status).toBe(408)
    await h.push(name, data)
    await isDone(h)
    await h.end()
  })

  it('are slowed down one by one, not all together', async () => {
    const h = await openOnline({ handler: { limits: { clientProposals: 3 } } })
    const outcomes: unknown[] = []
    for (let at = 0; at < 5; at++) outcomes.push(await h.propose(await dataOf(20 + at)).then(({ accepted }) => accepted, (error: { status: number }) => error.status))
    expect(outcomes).toEqual([true, true, true, 503, 503])
    expect(await h.propose(data, { client: 'there' })).toMatchObject({ accepted: true })
    await (h.clock as FakeClock).advance(20_000)
    expect(await h.propose(await dataOf(30))).toMatchObject({ accepted: true })
    await h.end()
  })

  it('find one address for a deal, however its name is written', async () => {
    const h = await openOnline()
    await h.propose(data)
    await put(h, 0, data.payload.subarray(0, 2000))
    const { base58btc } = await import('multiformats/bases/base58')
    const again = await h.fetch(`${AT}/transfers/${name.toString(base58btc)}`, { method: 'HEAD', headers: { 'x-transfer-token': TOKEN } })
    expect(again.status).toBe(429)
    await h.end()
  })
})
