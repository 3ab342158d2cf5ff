/** Deals with a network, a provider, a disk or data that fail. */
import { encodeDealStatus, encodeProposalAnswer, type StorageDealState } from '@dagstore/deal-protocol'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { ClientDeal } from '../src/index.ts'
import { makeDag } from './dags.ts'
import { createFakeProvider, PROVIDER } from './fake-provider.ts'
import { collect, type Harness, inState, openHarness } from './harness.ts'

const other = CID.parse('bafyreigduup4jkhntfq2cxejbiritls6fcezctbqastzcz7fr4npzsixtq')

/** The first so many times. */
const times = (count: number, name: string, make: () => Response): Harness['provider']['instead'] => {
  let left = count
  return (_, asked) => asked === name && left-- > 0 ? make() : undefined
}
const start = (h: Harness, more: Partial<Parameters<Harness['client']['start']>[0]> = {}): Promise<ClientDeal> => h.client.start({ provider: PROVIDER, root: h.dag.root, ...more })
const puts = ({ provider }: Harness): number => provider.asked.filter((name) => name === 'PUT transfers').length
const unreachable = (): never => { throw new TypeError('fetch failed') }

describe('a proposal', () => {
  it.each<[string, string, (h: Harness) => void]>([
    ['the provider rejects it', 'rejected the proposal: too small', (h) => {
      h.provider.after = async (name, response) => {
        if (name !== 'POST proposals') return response
        const { proposalCid } = [...h.provider.deals.values()][0]!
        return new Response(encodeProposalAnswer({ proposalCid, accepted: false, state: 'StorageDealProposalRejected', message: 'too small' }))
      }
    }],
    ['the answer is about another deal', 'another deal', (h) => {
      h.provider.instead = times(1, 'POST proposals', () => new Response(encodeProposalAnswer({ proposalCid: other, accepted: true, state: 'StorageDealWaitingForData', message: '' })))
    }],
    ['the answer is none', 'no answer to this', (h) => { h.provider.instead = times(1, 'POST proposals', () => new Response('<html>')) }],
    ['the token is not taken', 'status=403', (h) => { h.provider.instead = times(1, 'POST proposals', () => new Response(null, { status: 403 })) }],
    ['no deals are made there any more', 'status=404', (h) => { h.provider.instead = times(1, 'POST proposals', () => new Response(null, { status: 404 })) }],
  ])('ends the deal where %s, and frees its funds', async (_, message, break_) => {
    const h = await openHarness()
    break_(h)
    const { proposalCid } = await start(h, { price: 10n })
    const ended = await h.client.settled(proposalCid, { until: 'active' })
    expect(ended).toMatchObject({ state: 'StorageDealError', reservedFunds: 0n, failure: undefined })
    expect(ended.stages.at(-1)?.message).toContain(message)
    expect(ended.stages.map(({ state }) => state)).toContain('StorageDealClientFunding')
    await expect(h.client.restartTransfer(proposalCid)).rejects.toMatchObject({ code: 'DEAL_CLIENT_WRONG_STATE' })
    const next = await h.reopen()
    expect(await next.client.deal(proposalCid)).toEqual(ended)
    await next.close()
  })

  it.each<[string, () => Response]>([['fails', () => new Response(null, { status: 500 })], ['is busy', () => new Response(null, { status: 503, headers: { 'retry-after': '20' } })], ['cannot be reached', unreachable]])(
    'is made again with longer and longer pauses where the provider %s', async (_, make) => {
      const h = await openHarness({ retry: { firstMs: 1000, maxMs: 4000 } })
      const at: number[] = []
      h.provider.instead = (_request, name) => {
        if (name !== 'POST proposals') return undefined
        at.push(h.clock.now())
        return at.length <= 4 ? make() : undefined
      }
      const { proposalCid } = await start(h)
      expect(await h.dealIs(proposalCid, ({ failure }) => failure?.attempts === 3)).toMatchObject({ state: 'StorageDealFundsReserved', failure: { retry: 'later' } })
      await h.dealIs(proposalCid, inState('StorageDealActive'))
      const pauses = at.slice(1).map((time, i) => time - at[i]!)
      expect(pauses).toHaveLength(4)
      for (const [i, least] of (_ === 'is busy' ? [20_000, 20_000, 20_000, 20_000] : [1000, 2000, 4000, 4000]).entries()) expect(pauses[i]).toBeGreaterThanOrEqual(least)
      await h.close()
    })

  it('is made until the deal was to start, and no longer', async () => {
    const h = await openHarness()
    h.provider.instead = (_, name) => name === 'POST proposals' ? unreachable() : undefined
    const { proposalCid, proposal } = await start(h, { startEpoch: undefined })
    await h.dealIs(proposalCid, ({ failure }) => failure !== undefined)
    await h.clock.advance(49 * 3_600_000)
    const ended = await h.dealIs(proposalCid, inState('StorageDealError'))
    expect(ended.stages.at(-1)?.message).toContain(String(proposal.startEpoch))
    await h.close()
  })
})

describe('a transfer', () => {
  it('that is cut in the middle of a part goes on behind what has arrived', async () => {
    const h = await openHarness()
    let left = 3
    h.provider.before = (request, name) => {
      if (name !== 'PUT transfers' || left-- <= 0) return request
      return new Request(request.url, { method: 'PUT', headers: request.headers, body: request.body!.pipeThrough(cutter(5000)), duplex: 'half' } as RequestInit)
    }
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(puts(h)).toBe(4)
    await h.close()
  })

  it('whose last answer is lost is not sent again', async () => {
    const h = await openHarness()
    let left = 1
    h.provider.after = (name, response) => name === 'PUT transfers' && left-- > 0 ? unreachable() : response
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(puts(h)).toBe(1)
    await h.close()
  })

  it('goes on after the provider was restarted in its middle', async () => {
    const h = await openHarness()
    let left = 1
    h.provider.before = async (request, name) => {
      if (name !== 'PUT transfers' || left-- <= 0) return request
      await h.provider.restart()
      return unreachable()
    }
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    await h.close()
  })

  it('goes on after the client was restarted in its middle, from what has arrived', async () => {
    const h = await openHarness()
    let next: Promise<Harness> | undefined
    const sent: string[] = []
    h.provider.before = (request, name) => {
      if (name !== 'PUT transfers') return request
      sent.push(request.headers.get('content-range')!)
      if (next !== undefined) return request
      next = h.reopen()
      return new Request(request.url, { method: 'PUT', headers: request.headers, body: request.body!.pipeThrough(cutter(9000)), duplex: 'half' } as RequestInit)
    }
    const { proposalCid } = await start(h)
    await h.until(() => next !== undefined)
    const again = await next!
    const active = await again.dealIs(proposalCid, inState('StorageDealActive'))
    expect(active.stages.map(({ state, message }) => state === 'StorageDealClientTransferRestart' ? message : undefined)).toContain('the client was restarted')
    expect(sent).toHaveLength(2)
    expect(sent[1]).not.toMatch(/^bytes 0-/u)
    expect(h.sources.open_()).toBe(0)
    await again.close()
  })

  it.each<[string, number]>([['no token is taken', 401], ['the token has expired', 403], ['nobody waits for it', 404]])('is proposed again where %s, and goes on', async (_, status) => {
    const h = await openHarness()
    let forgotten = 1
    h.provider.instead = (_request, name) => {
      if (name === 'HEAD transfers' && forgotten-- > 0) {
        for (const deal of h.provider.deals.values()) deal.state = 'StorageDealWaitingForData'
        return new Response(null, { status })
      }
      return name === 'GET deals' && [...h.provider.deals.values()][0]!.proposed < 2 ? new Response(null, { status: status === 404 ? 404 : 403 }) : undefined
    }
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(h.provider.deals.get(proposalCid.toString())?.proposed).toBe(2)
    await h.close()
  })

  it('is given up after it was refused nine times in a row, and not before', async () => {
    const h = await openHarness({ retry: { firstMs: 1000, maxMs: 2000 } })
    let refused = 0
    h.provider.instead = (_, name) => {
      if (name !== 'HEAD transfers') return undefined
      refused++
      return new Response(null, { status: 404 })
    }
    const { proposalCid } = await start(h)
    const ended = await h.dealIs(proposalCid, inState('StorageDealError'))
    expect(ended.stages.at(-1)?.message).toContain('the data could not be sent')
    expect(refused).toBe(9)
    await h.close()
  })

  it('is over at once where the provider has given the deal up', async () => {
    const h = await openHarness()
    h.provider.instead = (_, name) => {
      if (name !== 'HEAD transfers') return undefined
      for (const deal of h.provider.deals.values()) Object.assign(deal, { state: 'StorageDealError', why: 'no room' })
      return new Response(null, { status: 404 })
    }
    const { proposalCid } = await start(h)
    const ended = await h.dealIs(proposalCid, inState('StorageDealError'))
    expect(ended.stages.at(-1)?.message).toBe('the provider says: no room')
    await h.close()
  })

  it.each<[string, (blocks: Map<string, Uint8Array>, cid: string) => void]>([
    ['is gone', (blocks, cid) => { blocks.delete(cid) }],
    ['has changed', (blocks, cid) => { blocks.set(cid, new Uint8Array(4000)) }],
  ])('L15: whose source %s meanwhile waits for somebody who mends it, and goes on then', async (_, break_) => {
    const h = await openHarness()
    await h.client.commP(h.dag.root)
    const leaf = h.dag.leaves.at(-1)!.toString()
    const was = h.dag.blocks.get(leaf)!
    break_(h.dag.blocks, leaf)
    const { proposalCid } = await start(h)
    const waits = await h.client.settled(proposalCid, { until: 'transferred' })
    expect(waits).toMatchObject({ state: 'StorageDealClientTransferRestart', failure: { code: 'TRANSFER_SOURCE_FAILED', retry: 'never', nextRetryAt: undefined } })
    expect(await collect(h.client.transfers())).toMatchObject([{ status: 'cut' }])
    const next = await h.reopen()
    await next.clock.advance(10 * 3_600_000)
    expect(await next.client.deal(proposalCid)).toMatchObject({ state: 'StorageDealClientTransferRestart' })
    h.dag.blocks.set(leaf, was)
    await next.client.restartTransfer(proposalCid)
    await next.dealIs(proposalCid, inState('StorageDealActive'))
    expect(h.sources.open_()).toBe(0)
    await next.close()
  })

  it('of data that arrive changed is ended by the provider, who says why', async () => {
    const h = await openHarness()
    // remembered wrongly: another piece
    h.sources.pieces.set(h.dag.root.toString(), { ...(await makeDag(5)).piece, payloadBytes: h.dag.piece.payloadBytes })
    const { proposalCid } = await start(h)
    const ended = await h.dealIs(proposalCid, inState('StorageDealError'))
    expect(ended.stages.at(-1)?.message).toBe('the provider says: not the bytes of the piece')
    await h.close()
  })

  it('is cancelled: its part ends, the provider is told, and it stays so', async () => {
    const h = await openHarness()
    let isStuck = false
    h.provider.instead = (request, name) => {
      if (name !== 'PUT transfers') return undefined
      isStuck = true
      return new Promise((_, reject) => { request.signal.addEventListener('abort', () => { reject(request.signal.reason as Error) }) })
    }
    const { proposalCid } = await start(h)
    await h.until(() => isStuck)
    await h.client.cancelTransfer(proposalCid)
    const ended = await h.dealIs(proposalCid, inState('StorageDealError'))
    expect(ended.stages.at(-1)?.message).toBe('the transfer was cancelled')
    expect(h.provider.asked).toContain('DELETE transfers')
    expect(await collect(h.client.transfers())).toMatchObject([{ status: 'cancelled' }])
    await h.until(() => h.sources.open_() === 0)
    await expect(h.client.cancelTransfer(proposalCid)).rejects.toMatchObject({ code: 'DEAL_CLIENT_WRONG_STATE' })
    await h.close()
  })

  it('that waits for its time is told to go on now', async () => {
    const h = await openHarness({ retry: { firstMs: 3_600_000 } })
    h.provider.instead = times(1, 'POST proposals', () => new Response(null, { status: 500 }))
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, ({ failure }) => failure !== undefined)
    const before = h.clock.now()
    await h.client.restartTransfer(proposalCid)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    expect(h.clock.now() - before).toBeLessThan(3_600_000)
    await h.close()
  })
})

describe('a provider that is followed', () => {
  it('and waits for the data again gets them again, a few times', async () => {
    const h = await openHarness({ retry: { firstMs: 1000, maxMs: 2000 } })
    let lost = 2
    h.provider.instead = (_, name) => {
      const deal = [...h.provider.deals.values()][0]
      if (name === 'GET deals' && deal?.state === 'StorageDealVerifyData' && lost-- > 0) deal.state = 'StorageDealWaitingForData'
      return undefined
    }
    const { proposalCid } = await start(h)
    expect(await h.dealIs(proposalCid, inState('StorageDealActive'))).toMatchObject({ repeats: 2, failure: undefined })
    await h.close()
  })

  it('and never has them ends the deal', async () => {
    const h = await openHarness({ retry: { firstMs: 1000, maxMs: 2000 } })
    h.provider.instead = (_, name) => {
      const deal = [...h.provider.deals.values()][0]
      if (name === 'GET deals' && deal?.state === 'StorageDealVerifyData') deal.state = 'StorageDealWaitingForData'
      return undefined
    }
    const { proposalCid } = await start(h)
    expect(await h.dealIs(proposalCid, inState('StorageDealError'))).toMatchObject({ repeats: 8 })
    await h.close()
  })

  it.each<[string, () => Response]>([['fails', () => new Response(null, { status: 500 })], ['answers with a page', () => new Response('<html>')], ['is gone', unreachable]])(
    'and %s for a while is asked again, and the deal stays as it is', async (_, make) => {
      const h = await openHarness({ retry: { firstMs: 1000, maxMs: 2000 } })
      h.provider.instead = times(5, 'GET deals', make)
      const { proposalCid } = await start(h)
      expect(await h.dealIs(proposalCid, ({ failure }) => failure?.attempts === 4)).toMatchObject({ state: 'StorageDealCheckForAcceptance' })
      expect(await h.dealIs(proposalCid, inState('StorageDealActive'))).toMatchObject({ failure: undefined, message: '' })
      await h.close()
    })

  it.each<StorageDealState>(['StorageDealError', 'StorageDealFailing', 'StorageDealProposalRejected', 'StorageDealUnknown'])('ends the deal with %s, whatever it was', async (state) => {
    const h = await openHarness()
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    Object.assign(h.provider.deals.get(proposalCid.toString())!, { state, why: 'sealing has failed' })
    await h.client.refresh(proposalCid)
    expect(await h.dealIs(proposalCid, inState('StorageDealError'))).toMatchObject({ dealId: 7n })
    await h.close()
  })

  it.each<StorageDealState>(['StorageDealError', 'StorageDealExpired'])('and takes the token no more, since the deal has ended with %s, is asked in its proposal', async (state) => {
    const h = await openHarness()
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    h.provider.instead = (_, name) => {
      if (name === 'GET deals') return new Response(null, { status: 403 })
      return name === 'POST proposals' ? new Response(encodeProposalAnswer({ proposalCid, accepted: false, state, message: 'over' })) : undefined
    }
    expect(await h.client.refresh(proposalCid)).toMatchObject({ state: state === 'StorageDealError' ? 'StorageDealFailing' : state })
    expect((await h.client.settled(proposalCid, { until: 'final' })).state).toBe(state)
    await h.close()
  })

  it('and says less than before is not believed to have gone back', async () => {
    const h = await openHarness()
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    h.provider.deals.get(proposalCid.toString())!.state = 'StorageDealStaged'
    h.provider.goesOn = false
    expect(await h.client.refresh(proposalCid)).toMatchObject({ state: 'StorageDealActive' })
    await h.close()
  })

  it('and says more than was sent, or speaks of another piece, is not believed', async () => {
    const h = await openHarness()
    const { proposalCid } = await start(h, { transferType: 'http-pull' })
    await h.dealIs(proposalCid, inState('StorageDealTransferring'))
    h.provider.deals.get(proposalCid.toString())!.receivedBytes = Number.MAX_SAFE_INTEGER
    expect(await h.client.refresh(proposalCid)).toMatchObject({ sentBytes: h.dag.piece.payloadBytes, state: 'StorageDealTransferring' })
    h.provider.instead = (_, name) => name === 'GET deals'
      ? new Response(encodeDealStatus({ proposalCid, state: 'StorageDealActive', message: '', pieceCid: CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'), fastRetrieval: true }))
      : undefined
    await expect(h.client.refresh(proposalCid)).rejects.toMatchObject({ code: 'DEAL_CLIENT_BAD_ANSWER' })
    await h.close()
  })

  it('is asked about active deals each hour, and their end is seen by the clock alone', async () => {
    const h = await openHarness()
    const { proposalCid } = await start(h, { duration: 2880n })
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    await h.close()
    const next = await openHarness({ world: h })
    await next.until(() => true)
    const before = h.provider.asked.length
    for (let hour = 0; hour < 5; hour++) {
      await next.clock.advance(3_600_000)
      await next.until(() => h.provider.asked.length > before + hour)
    }
    expect(h.provider.asked.slice(before).every((name) => name === 'GET deals')).toBe(true)
    h.provider.instead = unreachable
    await next.clock.advance(80 * 3_600_000)
    await next.dealIs(proposalCid, inState('StorageDealExpired'))
    await next.close()
  })
})

describe('a client', () => {
  it('that was told to leave deals alone goes on with those that are named', async () => {
    const h = await openHarness({ background: false })
    h.provider.instead = times(1, 'POST proposals', () => new Response(null, { status: 500 }))
    const [one, two] = [await start(h), await start(h)]
    await h.client.close()
    const asked = h.provider.asked.length
    const next = await openHarness({ world: h, background: false })
    await next.clock.advance(3_600_000)
    expect(h.provider.asked).toHaveLength(asked)
    const settling = next.client.settled(one.proposalCid, { until: 'active' })
    let isSettled = false
    settling.then(() => { isSettled = true }, () => {})
    await next.until(() => isSettled)
    expect(await settling).toMatchObject({ state: 'StorageDealActive' })
    expect((await next.client.deal(two.proposalCid))?.state).not.toBe('StorageDealActive')
    await next.close()
  })

  it('waits for nobody who has left, and for nobody once it is closed', async () => {
    const h = await openHarness()
    h.provider.goesOn = false
    const { proposalCid } = await start(h)
    const leaving = new AbortController()
    const left = h.client.settled(proposalCid, { until: 'final', signal: leaving.signal })
    const stays = h.client.settled(proposalCid, { until: 'final' })
    leaving.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    const failed = expect(stays).rejects.toMatchObject({ code: 'DEAL_CLIENT_CLOSED' })
    await h.client.close()
    await failed
    await expect(h.client.deal(proposalCid)).rejects.toMatchObject({ code: 'DEAL_CLIENT_CLOSED' })
    await expect(start(h)).rejects.toMatchObject({ code: 'DEAL_CLIENT_CLOSED' })
    expect(h.clock.sleeping).toBe(0)
    await h.close()
  })

  it('knows nothing of deals that are not its own', async () => {
    const h = await openHarness()
    expect(await h.client.deal(other)).toBeUndefined()
    for (const call of [h.client.refresh(other), h.client.restartTransfer(other), h.client.cancelTransfer(other), h.client.settled(other, { until: 'final' })]) await expect(call).rejects.toMatchObject({ code: 'DEAL_CLIENT_UNKNOWN' })
    await h.close()
  })

  it('hides no deal behind a record that is damaged, and tells of that', async () => {
    const h = await openHarness()
    const [one, two] = [await start(h), await start(h)]
    for (const { proposalCid } of [one, two]) await h.dealIs(proposalCid, inState('StorageDealActive'))
    await h.client.close()
    const level = h.db.sublevel<Uint8Array, Uint8Array>('client-deals', { keyEncoding: 'view', valueEncoding: 'view' })
    await level.put(Uint8Array.of(0x73, ...one.proposalCid.bytes), Uint8Array.of(0x80))
    const next = await openHarness({ world: h })
    await next.until(() => next.problems.length > 0)
    expect(next.problems).toMatchObject([{ deal: one.proposalCid.toString(), error: { code: 'DEAL_CLIENT_BAD_RECORD' } }])
    expect((await collect(next.client.deals())).map(({ proposalCid }) => proposalCid.toString())).toEqual([two.proposalCid.toString()])
    await next.client.close()
    await level.put(Uint8Array.of(0x76), Uint8Array.of(2))
    await expect(openHarness({ world: h })).rejects.toMatchObject({ code: 'DEAL_CLIENT_BAD_FORMAT' })
  })

  it('L17: gives no token away, and keeps none of a deal that has ended', async () => {
    const h = await openHarness()
    const said: unknown[] = []
    const listening = (async () => { for await (const update of h.client.updates()) said.push(update) })()
    const { proposalCid } = await start(h, { transferType: 'http-pull' })
    await h.dealIs(proposalCid, inState('StorageDealTransferring'))
    const { token, message } = h.provider.deals.get(proposalCid.toString())!
    const tokens = [token, (message.transfer as { token: string }).token]
    h.provider.instead = () => new Response(JSON.stringify({ code: 'X', message: 'no' }), { status: 400 })
    said.push(await h.client.refresh(proposalCid).catch((error: unknown) => error))
    h.provider.instead = () => undefined
    said.push(await h.client.cancelTransfer(proposalCid), await collect(h.client.transfers()))
    await h.dealIs(proposalCid, inState('StorageDealError'))
    const left: string[] = []
    for await (const [key, value] of h.db.iterator<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' })) left.push(Buffer.from(key).toString('latin1'), Buffer.from(value).toString('latin1'))
    await h.close()
    await listening
    const text = JSON.stringify(said, (_, value: unknown) => typeof value === 'bigint' ? String(value) : value instanceof Error ? { ...value, message: value.message, stack: value.stack, cause: value.cause } : value)
    for (const one of tokens) {
      expect(text).not.toContain(one)
      expect(left.join('')).not.toContain(one)
    }
    expect(left.length).toBeGreaterThan(0)
  })

  it('takes no options that cannot be', async () => {
    for (const wrong of [{ maxTransfers: 0 }, { retry: { firstMs: 0 } }, { retry: { maxMs: 0.5 } }]) await expect(openHarness({ ...wrong, world: { provider: createFakeProvider((await openHarness()).clock) } })).rejects.toThrow(RangeError)
  })
})

/** So many bytes, and then no more. */
const cutter = (bytes: number): TransformStream<Uint8Array, Uint8Array> => {
  let rest = bytes
  return new TransformStream({
    transform: (chunk, controller) => {
      const part = chunk.subarray(0, rest)
      rest -= part.byteLength
      if (part.byteLength > 0) controller.enqueue(part)
      if (rest === 0) controller.terminate()
    },
  })
}

describe('a caller who leaves', () => {
  it('does not wait for a provider that says nothing', async () => {
    const h = await openHarness({ background: false })
    const { proposalCid } = await start(h)
    await h.dealIs(proposalCid, inState('StorageDealActive'))
    let asked = (): void => {}
    const silent = new Promise<void>((resolve) => { asked = resolve })
    h.provider.instead = (_, name) => {
      if (name !== 'GET deals') return undefined
      asked()
      return new Promise(() => {})
    }
    const leaving = new AbortController()
    const answer = h.client.refresh(proposalCid, { signal: leaving.signal })
    await silent
    leaving.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
    await h.close()
  })
})
