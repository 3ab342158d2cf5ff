import { seededInts } from '@dagstore-tooling/fixtures'
import { scanStream } from '@dagstore/carv2'
import type { RetrievalDealState } from '@dagstore/deal-protocol'
import { CID } from 'multiformats/cid'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RetrievalClient, RetrievalNode } from '../../src/index.ts'
import { clientWorld, contentOf, cut, type Dag, dagOf, FREE, gatewayOf, PIECE, providerOf, storeOf } from './world.ts'

let dag: Dag
beforeAll(async () => { dag = await dagOf(1) })

const statesOf = async (client: RetrievalClient): Promise<string[]> => {
  const states: string[] = []
  for await (const { state } of client.retrievals()) states.push(state)
  return states
}
const order = (...providers: string[]) => ({ root: dag.root, providers })

describe('a retrieval', () => {
  it('comes from a plain gateway into a file, and is exported as what went in', async () => {
    const gateway = gatewayOf(storeOf(dag))
    const { open } = await clientWorld({ 'gateway.test': gateway })
    await using client = await open()
    const done = await client.retrieve(order('http://gateway.test'))
    expect(done).toMatchObject({ state: 'DealStatusCompleted', message: '', code: undefined, from: 'http://gateway.test', file: `${done.id}.car` })
    expect(done.totalBytes).toBe(done.receivedBytes)
    expect(Buffer.compare(await contentOf(client, done.id, dag.root), dag.content)).toBe(0)
    expect(gateway.asked.filter((path) => path.startsWith('/ipfs/')).length).toBe(1)
    expect(await client.retrieval(done.id)).toEqual(done)
    expect(await client.retrieve({ ...order('http://gateway.test'), id: done.id })).toEqual(done)
  })

  it('comes from a provider in a session of its own, which is ended; the token is in nothing that is told', async () => {
    const provider = providerOf(storeOf(dag))
    const { open } = await clientWorld({ 'provider.test': provider.serve })
    const told: unknown[] = []
    await using client = await open({ onEvent: (event) => { told.push(event) } })
    const states: RetrievalDealState[] = []
    const { id } = await client.retrieve({ ...order('http://provider.test/'), pieceCid: PIECE }, { onUpdate: (retrieval) => { told.push(retrieval); if (states.at(-1) !== retrieval.state) states.push(retrieval.state) } })
    expect(states).toEqual(['DealStatusNew', 'DealStatusWaitForAcceptance', 'DealStatusAccepted', 'DealStatusOngoing', 'DealStatusCompleted'])
    expect(Buffer.compare(await contentOf(client, id, dag.root), dag.content)).toBe(0)
    expect(provider.asked).toEqual(['GET /deals/v1/query', 'POST /deals/v1/retrievals', `GET /deals/v1/retrievals/1001/ipfs/${dag.root.toString()}`, 'DELETE /deals/v1/retrievals/1001'])
    expect(provider.sessions.size).toBe(0)
    const [token] = [...provider.tokens]
    expect(provider.tokens.size).toBe(1)
    expect(token).toMatch(/^[\w-]{43}$/)
    const text = JSON.stringify([told, await client.retrieval(id)], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    expect(text).not.toContain(token)
    expect(text).not.toContain('secret')
  })

  it('takes a part by a path, or by a selector of Lotus, and refuses what means neither before anything is written', async () => {
    const { open } = await clientWorld({ 'gateway.test': gatewayOf(storeOf(dag)) })
    await using client = await open()
    const part = await client.retrieve({ ...order('http://gateway.test'), selector: 'small/3' })
    expect(part).toMatchObject({ state: 'DealStatusCompleted', selector: 'small/3' })
    expect(part.receivedBytes).toBeLessThan(2000)
    const whole = await client.retrieve({ ...order('http://gateway.test'), selector: '{"R":{"l":{"none":{}},":>":{"a":{">":{"@":{}}}}}}' })
    expect(whole.receivedBytes).toBeGreaterThan(4 << 20)
    await expect(client.start({ ...order('http://gateway.test'), selector: 'Links/0/Hash' })).rejects.toMatchObject({ code: 'TRANSFER_BAD_SELECTOR' })
    expect(await client.retrieve({ ...order('http://gateway.test'), selector: 'no/where' })).toMatchObject({ state: 'DealStatusErrored', code: 'DAG_NO_LINK' })
    expect(await statesOf(client)).toEqual(['DealStatusCompleted', 'DealStatusCompleted', 'DealStatusErrored'])
  })

  it('goes to the next one in the middle, and leaves a liar for good', async () => {
    const liar = gatewayOf(storeOf(dag), async (response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (bytes.byteLength > 2_500_000) bytes[2_500_000] = bytes[2_500_000]! ^ 1
      return new Response(bytes, response)
    })
    const provider = providerOf(storeOf(dag))
    const { open } = await clientWorld({ 'liar.test': liar, 'provider.test': provider.serve })
    const dropped: unknown[] = []
    await using client = await open({ onEvent: ({ type, source, code }) => { if (type === 'dropped') dropped.push([source, code]) } })
    const done = await client.retrieve(order('http://dead.test', 'http://liar.test', 'http://provider.test'))
    expect(done).toMatchObject({ state: 'DealStatusCompleted', from: 'http://provider.test' })
    expect(Buffer.compare(await contentOf(client, done.id, dag.root), dag.content)).toBe(0)
    expect(dropped).toEqual([['http://liar.test', 'TRANSFER_HASH_MISMATCH']])
  })

  it.each([1, 2, 3, 4])('is whole over answers that are cut at any byte; seed=%i', async (seed) => {
    const next = seededInts(seed)
    let cuts = 10
    const provider = providerOf(storeOf(dag), { gateway: (response) => (cuts-- > 0 ? cut(response, 1 + next(1_200_000), next(2) === 0 ? 'end' : 'error') : response) })
    const { open } = await clientWorld({ 'provider.test': provider.serve }, { attempts: 20 })
    await using client = await open()
    const done = await client.retrieve(order('http://provider.test'))
    expect(done.state).toBe('DealStatusCompleted')
    expect(Buffer.compare(await contentOf(client, done.id, dag.root), dag.content)).toBe(0)
    expect(provider.asked.filter((path) => path.startsWith('POST')).length, 'one session for all of it').toBe(1)
  })

  it('L8: goes on after the provider has forgotten it, with the same number and token', async () => {
    const provider = providerOf(storeOf(dag), { gateway: (response, n) => {
      if (n > 1) return response
      provider.forget()
      return cut(response, 1_500_000)
    } })
    const { open } = await clientWorld({ 'provider.test': provider.serve })
    await using client = await open()
    expect((await client.retrieve(order('http://provider.test'))).state).toBe('DealStatusCompleted')
    expect(provider.asked.filter((path) => path.startsWith('POST')).length).toBe(2)
    expect(provider.tokens.size).toBe(1)
  })

  it('L8: 16 at once of one provider have sessions and files of their own, two clients with the same numbers too', async () => {
    const dags = await Promise.all([11, 12, 13, 14].map((seed) => dagOf(seed, 1_500_000)))
    const provider = providerOf(storeOf(...dags))
    const seen = new Set<string>()
    const serve = async (request: Request): Promise<Response> => {
      const response = await provider.serve(request)
      for (const key of provider.sessions.keys()) seen.add(key)
      return response
    }
    const worlds = await Promise.all([clientWorld({ 'provider.test': serve }), clientWorld({ 'provider.test': serve })])
    const clients = await Promise.all(worlds.map(({ open }) => open()))
    await Promise.all(clients.flatMap((client) => Array.from({ length: 8 }, async (_, n) => {
      const { root, content } = dags[n % dags.length]!
      const { id, state } = await client.retrieve({ id: BigInt(n + 1), root, providers: ['http://provider.test'] })
      expect(state).toBe('DealStatusCompleted')
      expect(Buffer.compare(await contentOf(client, id, root), content)).toBe(0)
    })))
    expect(seen.size).toBe(16)
    expect(provider.sessions.size).toBe(0)
    await Promise.all(clients.map((client) => client.close()))
  })
})

describe('what it ends with', () => {
  it('a provider that asks for more is passed over, and is why where there is no other', async () => {
    const dear = providerOf(storeOf(dag), { offer: { sizeBytes: 100, terms: { ...FREE, pricePerByte: 2n, unsealPrice: 50n } } })
    const { open } = await clientWorld({ 'dear.test': dear.serve, 'free.test': providerOf(storeOf(dag)).serve })
    await using client = await open()
    expect(await client.retrieve(order('http://dear.test'))).toMatchObject({ state: 'DealStatusRejected', code: 'DEAL_CLIENT_TOO_DEAR' })
    expect(await client.retrieve({ ...order('http://dear.test'), maxPrice: 249n })).toMatchObject({ state: 'DealStatusRejected' })
    expect(dear.asked.every((path) => path.startsWith('GET'))).toBe(true)
    expect(await client.retrieve({ ...order('http://dear.test'), maxPrice: 250n })).toMatchObject({ state: 'DealStatusCompleted', pricePerByte: 2n, unsealPrice: 50n })
    const sizeless = providerOf(storeOf(dag), { offer: { sizeBytes: 0, terms: { ...FREE, pricePerByte: 2n } } })
    const { open: openOther } = await clientWorld({ 'dear.test': sizeless.serve })
    await using other = await openOther()
    expect(await other.retrieve({ ...order('http://dear.test'), maxPrice: 1000n })).toMatchObject({ state: 'DealStatusRejected', code: 'DEAL_CLIENT_TOO_DEAR' })
    expect(sizeless.sessions.size).toBe(0)
    expect(await client.retrieve(order('http://dear.test', 'http://free.test'))).toMatchObject({ state: 'DealStatusCompleted', from: 'http://free.test' })
  })

  it('refused, not found, or nobody answers: each by its state and code, and it may be gone on with', async () => {
    const servers = { 'no.test': providerOf(storeOf(dag), { refuse: 'not today' }).serve, 'empty.test': providerOf(storeOf()).serve, 'plain.test': gatewayOf(storeOf()) }
    const { open } = await clientWorld(servers)
    await using client = await open()
    expect(await client.retrieve(order('http://no.test'))).toMatchObject({ state: 'DealStatusRejected', code: 'DEAL_CLIENT_REFUSED', message: expect.stringContaining('not today') })
    expect(await client.retrieve(order('http://empty.test', 'http://plain.test'))).toMatchObject({ state: 'DealStatusDealNotFound', code: 'BLOCKSTORE_NOT_FOUND' })
    const dead = await client.retrieve(order('http://dead.test'))
    expect(dead).toMatchObject({ state: 'DealStatusErrored', code: 'DEAL_CLIENT_UNREACHABLE' })
    Object.assign(servers, { 'dead.test': gatewayOf(storeOf(dag)) })
    expect(await client.retrieve({ ...order('http://dead.test'), id: dead.id })).toMatchObject({ id: dead.id, state: 'DealStatusCompleted', code: undefined })
    await expect(client.start(order())).rejects.toMatchObject({ code: 'DEAL_CLIENT_NO_DATA' })
    await expect(client.start({ root: PIECE, providers: ['http://dead.test'], id: dead.id })).rejects.toMatchObject({ code: 'DEAL_CLIENT_WRONG_STATE' })
    await expect(client.start(order('ftp://dead.test'))).rejects.toThrow(TypeError)
    await expect(client.start({ ...order('http://dead.test'), id: 1n << 64n })).rejects.toThrow(RangeError)
    await expect(client.settled(1n)).rejects.toMatchObject({ code: 'DEAL_CLIENT_UNKNOWN' })
  })

  it('an import that has it is asked first, and nobody else; what it lacks comes from elsewhere', async () => {
    const gateway = gatewayOf(storeOf(dag))
    const poor = { blocks: new Map([...dag.blocks].filter((_, n) => n !== 2)) }
    let closed = 0
    const { open } = await clientWorld({ 'gateway.test': gateway })
    await using client = await open({ local: async () => ({ blockstore: storeOf(dag), close: () => { closed++ } }) })
    const done = await client.retrieve(order('http://gateway.test'))
    expect(done).toMatchObject({ state: 'DealStatusCompleted', from: 'import' })
    expect(gateway.asked).toEqual([])
    expect(await client.retrieve({ ...order('http://gateway.test'), localFirst: false })).toMatchObject({ from: 'http://gateway.test' })
    await using other = await open({ local: async () => ({ blockstore: storeOf(poor), close: () => { closed++ } }) })
    expect(await other.retrieve(order('http://gateway.test'))).toMatchObject({ state: 'DealStatusCompleted', from: 'http://gateway.test' })
    expect(await other.retrieve(order())).toMatchObject({ state: 'DealStatusErrored', code: 'BLOCKSTORE_NOT_FOUND' })
    expect(closed).toBe(3)
  })
})

describe('into an IPFS node', () => {
  const nodeOf = (): RetrievalNode & { readonly blocks: Map<string, Uint8Array>, readonly pinned: string[] } => {
    const blocks = new Map<string, Uint8Array>()
    const pinned: string[] = []
    const { has, get } = storeOf({ blocks })
    return {
      blocks, pinned, has, get,
      importCar: async (chunks, { pinRoots }) => {
        const car = await scanStream(chunks, { data: true })
        for await (const { cid, data } of car.sections) blocks.set(CID.decode(cid).toString(), data!.slice())
        if (pinRoots === true) pinned.push(...car.layout.roots.map(String))
      },
    }
  }

  it('the blocks go straight, without a file, and what it has is not fetched', async () => {
    const node = nodeOf()
    const gateway = gatewayOf(storeOf(dag))
    const { open, directory } = await clientWorld({ 'gateway.test': gateway })
    await using client = await open({ node })
    const [first] = dag.blocks
    node.blocks.set(first![0], first![1])
    expect(await client.retrieve({ ...order('http://gateway.test'), into: 'ipfs' })).toMatchObject({ state: 'DealStatusCompleted', file: undefined })
    for (const [name, bytes] of dag.blocks) expect(Buffer.compare(node.blocks.get(name)!, bytes)).toBe(0)
    expect(node.pinned).toEqual([])
    expect(await directory.list('')).toEqual([])
    gateway.asked.length = 0
    expect(await client.retrieve({ ...order('http://gateway.test'), into: 'ipfs-pinned' })).toMatchObject({ state: 'DealStatusCompleted' })
    expect(node.pinned).toEqual([dag.root.toString()])
    expect(gateway.asked).toEqual([])
  })

  it('a part cannot be pinned, and without a node there is none', async () => {
    const { open } = await clientWorld({})
    await using client = await open()
    await expect(client.start({ ...order('http://gateway.test'), into: 'ipfs' })).rejects.toMatchObject({ code: 'DEAL_CLIENT_WRONG_STATE' })
    await using other = await open({ node: nodeOf() })
    await expect(other.start({ ...order('http://gateway.test'), into: 'ipfs-pinned', selector: 'small' })).rejects.toMatchObject({ code: 'DEAL_CLIENT_WRONG_STATE' })
  })
})
