/** Deals whose data are pushed, cut off after each write: the client goes on where the next process stands. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { clean, dealIs, inState, staged, until, withShard } from './harness.ts'
import { dataOf, nameOf, type Online, openOnline, TOKEN } from './online-harness.ts'

const data = await dataOf(1, 3, 300)
const name = nameOf(data)
const open = (world: CrashWorld): Promise<Online> => openOnline({ world })
const isDone = [inState('StorageDealActive'), withShard('registered'), clean]

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
