/** Deals whose data are pushed, cut off after each write: the client goes on where the next process stands. */
import { type CrashWorld, everyCrash, type FakeClock } from '@dagstore-tooling/testkit'
import { servePayloads } from '@dagstore/transfer'
import { describe, expect, it } from 'vitest'
import { openDealTable } from '../src/deal-table.ts'
import { awaitsData } from '../src/wants.ts'
import { clean, dealIs, inState, staged, until, withShard } from './harness.ts'
import { dataOf, nameOf, type Online, openOnline, TOKEN, tokenOf } from './online-harness.ts'

const data = await dataOf(1, 3, 300)
const name = nameOf(data)
const open = (world: CrashWorld): Promise<Online> => openOnline({ world })
const isDone = [inState('StorageDealActive'), withShard('registered'), clean]

describe('a deal whose data are fetched', () => {
  it('keeps the token of its client\'s server as long as its data are awaited, after a cut at any write', async () => {
    const pull = { type: 'http-pull', url: 'http://client.test/payloads/one', token: tokenOf('p') } as const
    const payloads = servePayloads({ prefix: '/payloads/', find: async () => ({ payload: await data.source(), close: () => {} }) })
    const fetches: typeof fetch = async (input, init) => await payloads(new Request(input as URL, init)) ?? new Response(null, { status: 404 })
    const openPulling = (world: CrashWorld): Promise<Online> => openOnline({ world, pulls: { fetch: fetches } })
    const [kept, dropped] = [new Set<string>(), new Set<string>()]
    await everyCrash({
      seed: 'pull',
      prepare: async () => {},
      run: async (world) => {
        const h = await openPulling(world)
        try {
          await h.propose(data, { transfer: pull })
          await until(async () => {
            if (world.faults.crashed) throw new Error('the process is gone')
            const deal = await h.provider.deal(name)
            return deal !== undefined && isDone.every((is) => is(deal))
          })
        } finally {
          await h.end()
        }
      },
      check: async (world) => {
        const table = await openDealTable(world.db as never, false)
        const [deal, record] = [await table.get(name), await table.transfer(name)]
        if (deal !== undefined) {
          expect(record?.from !== undefined).toBe(awaitsData(deal));
          (record?.from === undefined ? dropped : kept).add(deal.state)
        }
        const h = await openPulling(world)
        await h.propose(data, { transfer: pull })
        await dealIs(h, name, (is) => is.state !== 'StorageDealTransferring')
        if ((await h.provider.deal(name))?.state === 'StorageDealProviderTransferAwaitRestart') await (h.clock as FakeClock).advance(61_000)
        await dealIs(h, name, ...isDone)
        await h.end()
      },
    })
    expect([...kept]).toEqual(expect.arrayContaining(['StorageDealWaitingForData', 'StorageDealTransferring']))
    expect([...dropped]).toEqual(expect.arrayContaining(['StorageDealStaged', 'StorageDealActive']))
  })
})

describe('a deal whose data are pushed', () => {
  it('is gone on with after a cut at any write, and comes to the same bytes', async () => {
    let accepted = false
    let whole = false
    const cuts = await everyCrash({
      seed: 'push',
      prepare: async () => {
        accepted = false
        whole = false
      },
      run: async (world) => {
        const h = await open(world)
        try {
          accepted = (await h.propose(data)).accepted
          await h.push(name, data)
          whole = true
          await until(async () => {
            if (world.faults.crashed) throw new Error('the process is gone')
            const deal = await h.provider.deal(name)
            return deal !== undefined && isDone.every((is) => is(deal))
          })
        } finally {
          await h.end()
        }
      },
      check: async (world) => {
        const h = await open(world)
        // what was told to the client holds: the deal, its token, and that all of the data are here
        if (accepted) expect((await h.status(name)).proposalCid.equals(name)).toBe(true)
        if (whole) await dealIs(h, name, ...isDone)
        expect(await h.propose(data)).toMatchObject({ accepted: true })
        await h.push(name, data)
        await dealIs(h, name, ...isDone)
        const lease = await h.dagstore.acquire((await h.provider.deal(name))!.proposal.pieceCid.toString())
        const parts: Uint8Array[] = []
        for await (const chunk of lease.carStream()) parts.push(chunk.slice())
        expect(Buffer.compare(Buffer.concat(parts), data.payload)).toBe(0)
        await lease.close()
        expect(staged(h)).toEqual([])
        await h.end()
      },
    })
    expect(cuts).toBeGreaterThan(30)
  })

  it('keeps the retrieval that a client was told of, at any cut', async () => {
    let told: bigint | undefined
    await everyCrash({
      seed: 'retrieval',
      prepare: async (world) => {
        told = undefined
        const h = await open(world)
        await h.propose(data)
        await h.push(name, data)
        await dealIs(h, name, ...isDone)
        await h.end()
      },
      run: async (world) => {
        const h = await open(world)
        try {
          const { encodeRetrievalProposal, decodeRetrievalAnswer } = await import('@dagstore/deal-protocol')
          const body = encodeRetrievalProposal({ id: 1n, payloadCid: data.root, terms: h.ask.retrieval })
          const answer = await h.ask200('retrievals', { method: 'POST', headers: { 'x-transfer-token': TOKEN }, body })
          if (answer.status === 200) told = decodeRetrievalAnswer(await answer.text()).dealId
        } finally {
          await h.end()
        }
      },
      check: async (world) => {
        const h = await open(world)
        if (told !== undefined) {
          const answer = await h.ask200(`retrievals/${told}/ipfs/${data.root.toString()}?format=raw`, { headers: { 'x-transfer-token': TOKEN } })
          expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), data.blocks.get(data.root.toString())!)).toBe(0)
        }
        await h.end()
      },
    })
  })
})
