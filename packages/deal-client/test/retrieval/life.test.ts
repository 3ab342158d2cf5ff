/** Over restarts, and what becomes of retrievals that are over. */
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server as NetServer } from 'node:net'
import { seededInts } from '@dagstore-tooling/fixtures'
import { createCrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { systemRandom } from '@dagstore/io'
import { openRetrievals } from '@dagstore/retrievals'
import { createGateway } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Retrieval, RetrievalClient, RetrievalNode, RetrievalUpdate } from '../../src/index.ts'
import { clientWorld, contentOf, cut, type Dag, dagOf, gatewayOf, hashes, providerOf, type Server, storeOf } from './world.ts'

let dag: Dag
beforeAll(async () => { dag = await dagOf(2) })

const GATEWAY = ['http://gateway.test']
const order = () => ({ root: dag.root, providers: GATEWAY })
const all = async (client: RetrievalClient): Promise<Retrieval[]> => {
  const found: Retrieval[] = []
  for await (const one of client.retrievals()) found.push(one)
  return found
}
/** Answers, the first one but for its end, which never comes. */
const hanging = (bytes: number): { readonly serve: Server, readonly hangs: Promise<void> } => {
  let begun = (): void => {}
  const hangs = new Promise<void>((resolve) => { begun = resolve })
  const serve = gatewayOf(storeOf(dag), (response) => {
    const reader = response.body!.getReader()
    let rest = bytes
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (rest <= 0) {
          begun()
          return new Promise(() => {})
        }
        const { done, value } = await reader.read()
        if (done) return controller.close()
        controller.enqueue(value.subarray(0, rest))
        rest -= value.byteLength
      },
      cancel: () => reader.cancel(),
    }, { highWaterMark: 0 })
    return new Response(body, { status: response.status, headers: response.headers })
  })
  return { serve, hangs }
}

describe('after a restart', () => {
  it('it goes on by itself, and fetches nothing that the file has', async () => {
    const slow = hanging(2_500_000)
    const servers: Record<string, Server> = { 'gateway.test': slow.serve }
    const { open } = await clientWorld(servers)
    const first = await open()
    const { id } = await first.start(order())
    await slow.hangs
    await first.close()
    await first.close()
    await expect(first.retrieval(id)).rejects.toMatchObject({ code: 'DEAL_CLIENT_CLOSED' })
    let served = 0
    servers['gateway.test'] = gatewayOf(storeOf(dag), async (response) => {
      const bytes = await response.arrayBuffer()
      served += bytes.byteLength
      return new Response(bytes, response)
    })
    await using second = await open()
    expect(await second.settled(id)).toMatchObject({ id, state: 'DealStatusCompleted' })
    expect(Buffer.compare(await contentOf(second, id, dag.root), dag.content)).toBe(0)
    const total = [...dag.blocks.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(served).toBeLessThan(total - (2 << 20) + 10_000)
  })

  it('it waits for somebody who asks, where nothing goes on in the background', async () => {
    const slow = hanging(1000)
    const servers: Record<string, Server> = { 'gateway.test': slow.serve }
    const { open } = await clientWorld(servers)
    const first = await open()
    const { id } = await first.start(order())
    await slow.hangs
    await first.close()
    const gateway = servers['gateway.test'] = gatewayOf(storeOf(dag))
    await using second = await open({ background: false })
    expect((await all(second)).map(({ state }) => state)).toEqual(['DealStatusNew'])
    expect((gateway as unknown as { asked: string[] }).asked).toEqual([])
    expect((await second.settled(id)).state).toBe('DealStatusCompleted')
  })

  it('wherever it was cut, it is there or was never ordered, and ends whole', async () => {
    const small = await dagOf(5, 20_000)
    const provider = providerOf(storeOf(small))
    let made = 0
    await everyCrash({
      seed: 'retrieval',
      chances: 1,
      run: async (world) => {
        const { open } = await clientWorld({ 'provider.test': provider.serve }, {}, world)
        const client = await open()
        const { state } = await client.retrieve({ root: small.root, providers: ['http://provider.test'] })
        // a cut that nobody is told of: the process would be gone
        if (!world.faults.crashed) expect(state).toBe('DealStatusCompleted')
        await client.close()
      },
      check: async (world) => {
        const { open } = await clientWorld({ 'provider.test': provider.serve }, {}, world)
        await using client = await open()
        const found = await all(client)
        expect(found.length).toBeLessThanOrEqual(1)
        for (const { id } of found) {
          made++
          expect(await client.settled(id)).toMatchObject({ state: 'DealStatusCompleted' })
          expect(Buffer.compare(await contentOf(client, id, small.root), small.content)).toBe(0)
        }
      },
    })
    expect(made).toBeGreaterThan(3)
  })
})

describe('the same order again', () => {
  /** Serves all of it, and counts. */
  const counting = (): { readonly serve: Server, readonly served: () => number } => {
    let served = 0
    const serve = gatewayOf(storeOf(dag), async (response) => {
      const bytes = await response.arrayBuffer()
      served += bytes.byteLength
      return new Response(bytes, response)
    })
    return { serve, served: () => served }
  }
  /** Of a retrieval that had more than two MiB. */
  const goesOn = async (client: RetrievalClient, id: bigint, served: () => number): Promise<void> => {
    expect(await client.retrieve(order())).toMatchObject({ id, state: 'DealStatusCompleted', code: undefined, message: '' })
    expect(Buffer.compare(await contentOf(client, id, dag.root), dag.content)).toBe(0)
    const total = [...dag.blocks.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(served()).toBeLessThan(total - (2 << 20) + 10_000)
    expect((await all(client)).map((one) => one.id)).toEqual([id])
  }

  it('goes on with one that the network has ended, with what it had', async () => {
    let answers = 0
    const servers: Record<string, Server> = { 'gateway.test': gatewayOf(storeOf(dag), (response) => { if (answers++ > 0) throw new TypeError('fetch failed'); return cut(response, 2_500_000) }) }
    const { open, directory } = await clientWorld(servers)
    await using client = await open()
    const { id, state, receivedBytes } = await client.retrieve(order())
    expect(state).toBe('DealStatusErrored')
    expect(receivedBytes).toBeGreaterThan(2 << 20)
    const { serve, served } = counting()
    servers['gateway.test'] = serve
    await goesOn(client, id, served)
    expect(await directory.list('')).toHaveLength(1)
  })

  it.each(['in the same process', 'after a restart'] as const)('goes on with one that was cancelled, with what it had; %s', async (when) => {
    const slow = hanging(2_500_000)
    const servers: Record<string, Server> = { 'gateway.test': slow.serve }
    const { open } = await clientWorld(servers)
    await using first = await open()
    const { id } = await first.start(order())
    await slow.hangs
    await first.cancel(id)
    const { serve, served } = counting()
    servers['gateway.test'] = serve
    if (when === 'in the same process') return await goesOn(first, id, served)
    await first.close()
    await using second = await open()
    expect((await all(second)).map(({ state }) => state)).toEqual(['DealStatusCancelled'])
    await goesOn(second, id, served)
  })

  it('leaves no orphan of one that a liar or a refusal has ended', async () => {
    const liar = gatewayOf(storeOf(dag), async (response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (bytes.byteLength > 1_500_000) bytes[1_500_000] = bytes[1_500_000]! ^ 1
      return new Response(bytes, response)
    })
    const servers: Record<string, Server> = { 'gateway.test': liar }
    const { open, directory } = await clientWorld(servers)
    await using client = await open()
    const { id, state } = await client.retrieve(order())
    expect(state).toBe('DealStatusErrored')
    servers['gateway.test'] = providerOf(storeOf(dag), { refuse: 'no' }).serve
    expect(await client.retrieve(order())).toMatchObject({ id, state: 'DealStatusRejected' })
    servers['gateway.test'] = gatewayOf(storeOf(dag))
    expect(await client.retrieve(order())).toMatchObject({ id, state: 'DealStatusCompleted' })
    expect(Buffer.compare(await contentOf(client, id, dag.root), dag.content)).toBe(0)
    expect((await directory.list('')).map(({ name }) => name)).toEqual([`${id}.car`])
    expect((await all(client)).map((one) => one.id)).toEqual([id])
  })

  it('joins the one under way if that is said; what goes elsewhere, is another part, or may cost more or less is another one', async () => {
    const slow = hanging(1000)
    const { open } = await clientWorld({ 'gateway.test': slow.serve })
    const node: RetrievalNode = { ...storeOf(dag), has: async () => false, importCar: async (car) => { for await (const _ of car); } }
    await using client = await open({ node })
    const { id } = await client.start({ ...order(), maxPrice: 5n, join: true })
    expect((await client.start({ ...order(), maxPrice: 5n, join: true })).id).toBe(id)
    expect((await client.start({ ...order(), maxPrice: 6n, join: true })).id).toBe(id)
    const others = [{ ...order(), maxPrice: 5n }, { ...order(), maxPrice: 4n, join: true }, { ...order(), maxPrice: 5n, join: true, localFirst: false }, { ...order(), maxPrice: 5n, join: true, selector: 'big.bin' }, { ...order(), maxPrice: 5n, join: true, into: 'ipfs' as const }]
    const ids = new Set([id])
    for (const other of others) ids.add((await client.start(other)).id)
    expect(ids.size).toBe(6)
    // and none of those that were stopped is taken for one that goes elsewhere
    for (const one of ids) await client.cancel(one)
    expect(await client.start({ ...order(), into: 'ipfs' })).toMatchObject({ into: 'ipfs', id: [...ids].at(-1) })
  })

  it('one whose end is just written down is begun again', async () => {
    const servers: Record<string, Server> = {}
    const { open } = await clientWorld(servers)
    await using client = await open()
    const leaving = new AbortController()
    const again = (async () => {
      for await (const update of client.updates({ signal: leaving.signal })) {
        if (update.type !== 'retrieval' || update.retrieval.state !== 'DealStatusErrored') continue
        servers['gateway.test'] = gatewayOf(storeOf(dag))
        return client.retrieve(order())
      }
      throw new Error('never told')
    })()
    const { id } = await client.start(order())
    expect(await again).toMatchObject({ id, state: 'DealStatusCompleted' })
  })
})

describe('retrievals that are over, or are to be', () => {
  it('one that is cancelled ends at once, and what it has fetched stays until it is removed', async () => {
    const slow = hanging(2_500_000)
    const { open, directory } = await clientWorld({ 'gateway.test': slow.serve })
    await using client = await open()
    const { id } = await client.start(order())
    await slow.hangs
    await expect(client.remove(id)).rejects.toMatchObject({ code: 'DEAL_CLIENT_WRONG_STATE' })
    expect(await client.cancel(id)).toMatchObject({ state: 'DealStatusCancelled', file: undefined })
    expect(await client.cancel(id)).toMatchObject({ state: 'DealStatusCancelled' })
    expect((await directory.list('')).map(({ name }) => name)).toEqual([`${id}.car`])
    await client.remove(id)
    expect(await directory.list('')).toEqual([])
    expect(await client.retrieval(id)).toBeUndefined()
  })

  it('one whose file somebody has taken away is fetched again where it is asked for', async () => {
    const { open, directory } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    await using client = await open()
    const { id, file } = await client.retrieve(order())
    await directory.remove(file!)
    expect(await client.retrieve({ ...order(), id })).toMatchObject({ id, state: 'DealStatusCompleted', file })
    expect(Buffer.compare(await contentOf(client, id, dag.root), dag.content)).toBe(0)
  })

  it('one that is begun again while it is removed is a new one', async () => {
    const { open, directory } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    const files = openRetrievals({ directory, hashes })
    let [begun, goOn] = [(): void => {}, (): void => {}]
    const [hasBegun, mayGoOn] = [new Promise<void>((resolve) => { begun = resolve }), new Promise<void>((resolve) => { goOn = resolve })]
    await using client = await open({ retrievals: { ...files, remove: async (name) => { begun(); await mayGoOn; await files.remove(name) } } })
    const { id } = await client.retrieve(order())
    const removing = client.remove(id)
    await hasBegun
    const beginning = client.start({ ...order(), id })
    goOn()
    await removing
    expect((await beginning).id).toBe(id)
    expect(await client.settled(id)).toMatchObject({ id, state: 'DealStatusCompleted' })
    expect(Buffer.compare(await contentOf(client, id, dag.root), dag.content)).toBe(0)
  })

  it('two callers who prune at a time are both answered', async () => {
    const { open } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    await using client = await open()
    const ids = [(await client.retrieve(order())).id, (await client.retrieve(order())).id]
    const [a, b] = await Promise.all([client.prune({ olderThanMs: 0 }), client.prune({ olderThanMs: 0 })])
    expect([...a.removed, ...b.removed].sort()).toEqual(ids)
  })

  it('one that takes the last number leaves numbers for those after it', async () => {
    const { open } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    await using client = await open()
    const last = (1n << 64n) - 1n
    expect((await client.retrieve({ ...order(), id: last })).id).toBe(last)
    const ids = [(await client.retrieve(order())).id, (await client.retrieve(order())).id]
    for (const id of ids) expect(id).toBeLessThan(last)
    expect((await all(client)).map(({ id }) => id)).toEqual([...ids, last])
  })

  it.each(['close', 'cancel'] as const)('leaves no request behind at a provider that says nothing; %s', async (how) => {
    let asked = (_: AbortSignal): void => {}
    const request = new Promise<AbortSignal>((resolve) => { asked = resolve })
    const { open } = await clientWorld({ 'gateway.test': ({ signal }) => { asked(signal); return new Promise(() => {}) } })
    const client = await open()
    const { id } = await client.start(order())
    const signal = await request
    await (how === 'close' ? client.close() : client.cancel(id))
    expect(signal.aborted).toBe(true)
    await client.close()
  })

  it('one that is begun while the client closes is none', async () => {
    const { open } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    let closing: Promise<void> | undefined
    const client = await open({ random: { ...systemRandom, bytes: (count) => { closing = client.close(); return systemRandom.bytes(count) } } })
    await expect(client.start(order())).rejects.toMatchObject({ code: 'DEAL_CLIENT_CLOSED' })
    await closing
    await using next = await open({ background: false })
    expect(await all(next)).toEqual([])
  })

  it('a caller who leaves cancels nothing', async () => {
    const slow = hanging(1000)
    const { open } = await clientWorld({ 'gateway.test': slow.serve })
    await using client = await open()
    const leaving = new AbortController()
    const waiting = client.retrieve(order(), { signal: leaving.signal })
    await slow.hangs
    leaving.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(['DealStatusNew', 'DealStatusOngoing']).toContain((await all(client))[0]?.state)
  })

  it('L19: they are forgotten by age or by room, but for those in use', async () => {
    const { open, directory } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    await using client = await open()
    const ids: bigint[] = []
    for (let n = 0; n < 3; n++) ids.push((await client.retrieve(order())).id)
    expect(await client.prune()).toEqual({ removed: [], removedBytes: 0 })
    expect(await client.prune({ olderThanMs: 3_600_000, maxBytes: 1 << 30 })).toEqual({ removed: [], removedBytes: 0 })
    const opened = await client.files.open(`${ids[0]}.car`)
    const { removed, removedBytes } = await client.prune({ maxBytes: 5 << 20 })
    expect(removed).toEqual(ids.slice(1))
    expect(removedBytes).toBeGreaterThan(8 << 20)
    await opened.close()
    expect((await client.prune({ olderThanMs: 0 })).removed).toEqual([ids[0]])
    expect(await directory.list('')).toEqual([])
    expect(await all(client)).toEqual([])
    await expect(client.prune({ maxBytes: -1 })).rejects.toThrow(RangeError)
  })

  it('changes are told to all who listen, in order', async () => {
    const { open } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    await using client = await open()
    const leaving = new AbortController()
    const seen: RetrievalUpdate[] = []
    const listening = (async () => {
      for await (const update of client.updates({ signal: leaving.signal })) {
        seen.push(update)
        if (update.type === 'retrieval' && update.retrieval.state === 'DealStatusCompleted') return
      }
    })()
    const done = await client.retrieve(order())
    await listening
    expect(seen.at(-1)).toEqual({ type: 'retrieval', retrieval: done })
    const bytes = seen.map((update) => (update.type === 'retrieval' ? update.retrieval.receivedBytes : 0))
    expect([...bytes].sort((a, b) => a - b)).toEqual(bytes)
  })

  it('a record that is damaged is told of, and the others are there', async () => {
    const world = await createCrashWorld(3)
    const { open } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) }, {}, world)
    const first = await open()
    const { id } = await first.retrieve(order())
    await first.close()
    const level = world.db.sublevel<string, string>('client-retrievals', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    await level.put('00000000000000000007', '{"v":1}')
    await level.put('00000000000000000008', '{"v":2}')
    const problems: unknown[] = []
    await using client = await open({ onProblem: ({ id: of, error }) => { problems.push([of, (error as { code: string }).code]) } })
    expect(problems).toEqual([[7n, 'DEAL_CLIENT_BAD_RECORD'], [8n, 'DEAL_CLIENT_BAD_FORMAT']])
    expect((await all(client)).map((one) => one.id)).toEqual([id])
    await expect(client.retrieval(7n)).rejects.toMatchObject({ code: 'DEAL_CLIENT_BAD_RECORD' })
  })
})

describe('what is asked before', () => {
  it('offers of providers, of plain gateways, and of nobody, in their order', async () => {
    const { open } = await clientWorld({ 'provider.test': providerOf(storeOf(dag)).serve, 'gateway.test': gatewayOf(storeOf(dag)), 'empty.test': gatewayOf(storeOf()) })
    await using client = await open()
    const found = await client.find({ root: dag.root }, ['http://provider.test', 'http://dead.test', 'http://gateway.test', 'http://empty.test'])
    expect(found.map(({ provider, offer: { status, sizeBytes } }) => [provider, status, sizeBytes])).toEqual([
      ['http://provider.test', 'available', 1000], ['http://dead.test', 'error', 0], ['http://gateway.test', 'available', 0], ['http://empty.test', 'unavailable', 0],
    ])
    await expect(client.query('http://dead.test', { root: dag.root })).rejects.toMatchObject({ code: 'DEAL_CLIENT_UNREACHABLE' })
  })
})

describe('over connections of this machine', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => { for (const close of closing.splice(0)) await close() })
  /** Cuts each of the first connections behind so many bytes of the answer. */
  const proxy = async (port: number, cuts: number[]): Promise<number> => {
    const server: NetServer = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      let rest = cuts.shift() ?? Infinity
      const end = (): void => { near.destroy(); far.destroy() }
      near.on('data', (bytes) => { far.write(bytes) })
      far.on('data', (bytes: Buffer) => {
        near.write(bytes.subarray(0, Math.min(rest, bytes.byteLength)))
        rest -= bytes.byteLength
        if (rest <= 0) end()
      })
      for (const side of [near, far]) side.on('error', end).on('close', end)
    })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    closing.push(() => new Promise((resolve) => { server.close(() => { resolve() }) }))
    return (server.address() as AddressInfo).port
  }

  it.each([1, 2, 3])('a DAG comes whole from a gateway behind a proxy that cuts at any byte; seed=%i', async (seed) => {
    const gateway = await serveGateway(createGateway({ blockstore: storeOf(dag), hashes }), { listen: { port: 0 } })
    closing.push(async () => { await gateway.close({ deadlineMs: 0 }) })
    const next = seededInts(seed)
    const port = await proxy(gateway.address.port, Array.from({ length: 12 }, () => 1 + next(900_000)))
    const { open } = await clientWorld({})
    await using client = await open({ fetch, attempts: 30 })
    const done = await client.retrieve({ root: dag.root, providers: [`http://127.0.0.1:${port}`] })
    expect(done.state).toBe('DealStatusCompleted')
    expect(Buffer.compare(await contentOf(client, done.id, dag.root), dag.content)).toBe(0)
  })
})
