import { makeBlock } from '@dagstore-tooling/fixtures'
import { asciiText, cborDocument, multiblockText, subdirMixedFiles } from '@dagstore-tooling/fixtures/gateway'
import { BlockNotFoundError, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import { CarBufferReader } from '@ipld/car/buffer-reader'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createGateway, type GatewayEvent, type GatewayOptions } from '../src/index.ts'
import { ask, bodyOf, requestOf, turns } from './asking.ts'
import { openTestStore } from './conformance/store.ts'

const cidOf = ({ block }: typeof asciiText): string => CID.decode(block.cid).toString()
const raw = `/ipfs/${cidOf(asciiText)}?format=raw`
const car = `/ipfs/${cidOf(subdirMixedFiles)}?format=car`

const watched = (options: Partial<GatewayOptions> = {}): { readonly gateway: ReturnType<typeof createGateway>, readonly events: GatewayEvent[], readonly store: ReturnType<typeof openTestStore> } => {
  const store = openTestStore()
  const events: GatewayEvent[] = []
  return { store, events, gateway: createGateway({ blockstore: store, onEvent: (event) => { events.push(event) }, ...options }) }
}

describe('a gateway', () => {
  it('claims its own paths, and has no answer to others', async () => {
    const { gateway, events } = watched()
    for (const target of ['/ipfs/', '/ipfs/x?y', '/ipns/a']) expect(gateway.claims(target), target).toBe(true)
    for (const target of ['/', '/ipfs', '/IPFS/x', '/healthz', '*', '', 'ipfs/x', '/ipfsx/']) {
      expect(gateway.claims(target), target).toBe(false)
      expect(await gateway.answer(requestOf(target))).toBeUndefined()
    }
    expect(events).toEqual([])
    const response = await gateway(new Request('http://gateway.example/none'))
    expect([response.status, response.headers.get('x-error-code')]).toEqual([404, 'GATEWAY_NO_SUCH_PATH'])
  })

  it('refuses IPNS by name', async () => {
    const { gateway } = watched()
    expect(await ask(gateway, '/ipns/k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8')).toMatchObject({ status: 501, headers: { 'x-error-code': 'GATEWAY_NO_IPNS' } })
    expect((await ask(gateway, '/ipns/x', { method: 'OPTIONS' })).status).toBe(204)
  })

  it('refuses limits that are none', () => {
    expect(() => createGateway({ blockstore: openTestStore(), limits: { request: { maxBytes: -1 } } })).toThrow(RangeError)
  })

  it('asks for blocks ahead of their turn, or for one after another', async () => {
    const counted = async (lookAhead: number | undefined): Promise<{ readonly most: number, readonly asked: readonly string[] }> => {
      const { gateway, store } = watched({ lookAhead })
      let [active, most] = [0, 0]
      store.before = async () => {
        most = Math.max(most, ++active)
        await turns(1)
        active--
      }
      expect((await ask(gateway, car)).failure).toBeUndefined()
      return { most, asked: store.asked }
    }
    const [alone, ahead] = [await counted(0), await counted(undefined)]
    expect(alone.most).toBe(1)
    expect(ahead.most).toBeGreaterThan(1)
    expect([...alone.asked].sort()).toEqual([...ahead.asked].sort())
    for (const lookAhead of [-1, 0.5, NaN]) expect(() => watched({ lookAhead })).toThrow(RangeError)
  })

  it('ends a CAR that fails inside of a section, for runtimes that end every stream as if it were whole', async () => {
    const { gateway, store } = watched()
    const whole = new Uint8Array(await (await gateway(new Request(`http://gateway.example${car}`))).arrayBuffer())
    store.altered.set(store.asked.at(-1)!, Uint8Array.of(1))
    const response = await gateway(new Request(`http://gateway.example${car}`))
    const reader = response.body!.getReader()
    const chunks: Uint8Array[] = []
    await expect((async () => { for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value) })()).rejects.toEqual(expect.objectContaining({ code: 'DAG_HASH_MISMATCH' }))
    const sent = Buffer.concat(chunks)
    expect(sent.subarray(0, -3)).toEqual(Buffer.from(whole.subarray(0, sent.byteLength - 3)))
    expect(() => CarBufferReader.fromBytes(sent)).toThrow()
    expect([...CarBufferReader.fromBytes(sent.subarray(0, -3)).blocks()].length).toBeGreaterThan(1)
  })

  it('reads a raw block once, and hashes it unless the store does', async () => {
    const { gateway, store } = watched()
    expect((await ask(gateway, raw)).bytes).toEqual(asciiText.block.data)
    expect(store.asked).toHaveLength(1)
    store.altered.set(cidOf(asciiText), Uint8Array.of(1))
    expect(await ask(gateway, raw)).toMatchObject({ status: 502, headers: { 'x-error-code': 'BLOCKSTORE_HASH_MISMATCH' } })
    expect((await ask(createGateway({ blockstore: store, verify: 'never' }), raw)).bytes).toEqual(Uint8Array.of(1))
    expect((await ask(createGateway({ blockstore: store, verify: 'never' }), `/ipfs/${cidOf(asciiText)}?format=car&dag-scope=block`)).failure).toBeUndefined()
  })

  it('reads each block of a CAR once', async () => {
    const { gateway, store } = watched()
    expect((await ask(gateway, car)).status).toBe(200)
    expect([...store.asked].sort()).toEqual([...new Set(store.asked)].sort())
    expect(store.asked).toHaveLength(new Set(subdirMixedFiles.blocks.map(({ cid }) => Buffer.from(cid).toString('hex'))).size)
  })

  it('reads nothing for what the asker has already, and nothing but what is named for HEAD', async () => {
    const { gateway, store } = watched()
    for (const target of [raw, car, `/ipfs/${cidOf(subdirMixedFiles)}/subdir/multiblock.txt?format=car&entity-bytes=0:4`]) {
      const { etag } = (await ask(gateway, target)).headers
      store.asked.length = 0
      expect((await ask(gateway, target, { headers: { 'if-none-match': `"x", W/${etag}` } })).status).toBe(304)
      expect(store.asked).toEqual([])
    }
    // the root and the directory on the way
    expect((await ask(gateway, `/ipfs/${cidOf(subdirMixedFiles)}/subdir/multiblock.txt?format=car`, { method: 'HEAD' })).status).toBe(200)
    expect(store.asked).toHaveLength(2)
  })

  it('says to HEAD that a block is too large, as it does to GET', async () => {
    const { gateway } = watched({ limits: { request: { maxBlockBytes: 10 } } })
    for (const method of ['GET', 'HEAD']) {
      expect(await ask(gateway, raw, { method }), method).toMatchObject({ status: 403, headers: { 'x-error-code': 'DAG_BLOCK_TOO_LARGE' } })
      expect(await ask(gateway, `/ipfs/${cidOf(subdirMixedFiles)}?format=car`, { method }), method).toMatchObject({ status: 403 })
    }
  })

  it('answers If-None-Match: * by whether it is here', async () => {
    const { gateway, store } = watched()
    expect((await ask(gateway, raw, { headers: { 'if-none-match': '*' } })).status).toBe(304)
    expect(store.asked).toEqual([])
    store.remove(CID.decode(asciiText.block.cid))
    expect((await ask(gateway, raw, { headers: { 'if-none-match': '*' } })).status).toBe(404)
  })

  it('serves a store that has nothing but what every store has', async () => {
    const { has, get, getMany, getAll } = openTestStore()
    const plain: ReadBlockstore = { has, get, getMany, getAll }
    const gateway = createGateway({ blockstore: plain })
    expect((await ask(gateway, raw)).bytes).toEqual(asciiText.block.data)
    const head = await ask(gateway, raw, { method: 'HEAD' })
    expect([head.status, head.headers['content-length']]).toEqual([200, undefined])
    const absent = CID.decode(makeBlock(Uint8Array.of(1, 2, 3)).cid)
    expect((await ask(gateway, `/ipfs/${absent}?format=raw`, { method: 'HEAD' })).status).toBe(404)
    expect((await ask(gateway, car)).failure).toBeUndefined()
  })

  it('answers identity CIDs from themselves, and never sends them in a CAR', async () => {
    const { gateway, store } = watched()
    const inline = 'bafkqaddjnzzxazldoqwxizltoq'
    const digest = CID.parse(inline).multihash.digest
    expect((await ask(gateway, `/ipfs/${inline}?format=raw`)).bytes).toEqual(digest)
    expect((await ask(gateway, `/ipfs/${inline}?format=raw`, { headers: { range: 'bytes=1-2' } })).bytes).toEqual(digest.subarray(1, 3))
    expect((await ask(gateway, `/ipfs/${inline}?format=raw`, { method: 'HEAD' })).headers['content-length']).toBe(`${digest.byteLength}`)
    expect((await ask(gateway, `/ipfs/${inline}?format=car`)).bytes.byteLength).toBeLessThan(80)
    expect(store.asked).toEqual([])
  })
})

describe('events of a gateway', () => {
  it('tell of each request what came of it', async () => {
    const { gateway, events, store } = watched()
    await ask(gateway, raw, { client: '192.0.2.1', headers: { 'user-agent': 'test/1' } })
    expect(events[0]).toMatchObject({ type: 'request', route: 'raw', status: 200, method: 'GET', target: raw, client: '192.0.2.1', agent: 'test/1', bytes: asciiText.block.data.byteLength, blocks: 1, code: undefined })
    const { bytes } = await ask(gateway, car)
    expect(events[1]).toMatchObject({ route: 'car', status: 200, bytes: bytes.byteLength, blocks: new Set(store.asked).size - (events[0]!.blocks - 1), code: undefined })
    expect(events[1]!.firstByteMs).toBeLessThanOrEqual(events[1]!.ms)
    store.before = () => { throw new Error('/secret/path') }
    await ask(gateway, raw)
    // whole for the operator, in words of ours for the asker
    expect(events.pop()).toMatchObject({ status: 500, code: 'GATEWAY_FAULT', error: { message: '/secret/path' } })
    store.before = undefined
    await ask(gateway, '/ipfs/none')
    await ask(gateway, raw, { method: 'POST' })
    await ask(gateway, raw, { method: 'HEAD' })
    expect(events.slice(2)).toMatchObject([{ route: 'ipfs', status: 400, code: 'GATEWAY_BAD_CID' }, { status: 405, code: 'GATEWAY_BAD_METHOD' }, { route: 'raw', method: 'HEAD', status: 200, bytes: 0 }])
  })

  it('tell why a CAR was broken off, and nothing of one that was no longer wanted', async () => {
    const { gateway, events, store } = watched()
    const leaf = multiblockText.blocks.at(-1)!
    store.remove(CID.decode(leaf.cid))
    const { failure } = await ask(gateway, car)
    expect(failure).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    expect(events).toMatchObject([{ status: 200, code: 'BLOCKSTORE_NOT_FOUND', error: failure }])

    const answer = await gateway.answer(requestOf(`/ipfs/${cidOf(subdirMixedFiles)}?format=car&dag-scope=entity`))
    if (answer?.body === undefined || answer.body instanceof Uint8Array) throw new Error('no stream')
    await answer.body.return()
    expect(events[1]).toMatchObject({ status: 200, bytes: 0, code: undefined })
  })

  it('tell of refusals by limits as such', async () => {
    const { gateway, events, store } = watched({ limits: { client: { requests: 1, waiting: 0 } } })
    let go = (): void => {}
    store.before = () => new Promise((resolve) => { go = resolve })
    const first = ask(gateway, raw)
    await turns(3)
    expect(await ask(gateway, raw)).toMatchObject({ status: 429, headers: { 'x-error-code': 'GATEWAY_CLIENT_BUSY', 'retry-after': expect.stringMatching(/^[1-9]\d*$/) } })
    go()
    await first
    expect(events).toMatchObject([{ type: 'refused', status: 429 }, { type: 'request', status: 200 }])
  })

  it('come once, and listeners that fail harm nobody', async () => {
    const { gateway, events } = watched()
    const answer = await gateway.answer(requestOf(car))
    await bodyOf(answer!)
    if (answer?.body instanceof Uint8Array) throw new Error('no stream')
    await answer!.body?.return()
    expect(events).toHaveLength(1)
    const failing = createGateway({ blockstore: openTestStore(), onEvent: () => { throw new Error('listener') } })
    expect((await ask(failing, raw)).status).toBe(200)
    expect((await ask(failing, car)).failure).toBeUndefined()
  })
})

describe('an asker who has left', () => {
  it.each([['raw', raw], ['car', car], ['HEAD', car]])('stops the work before an answer: %s', async (kind, target) => {
    const { gateway, store, events } = watched()
    const leaving = new AbortController()
    let stopped = false
    store.before = (_cid, signal) => new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { stopped = true; reject(signal.reason as Error) }) })
    if (kind === 'HEAD') store.size = (cid, options) => new Promise((_resolve, reject) => { options?.signal?.addEventListener('abort', () => { stopped = true; reject(new BlockNotFoundError(toCid(cid))) }) })
    const asked = ask(gateway, target, { signal: leaving.signal, method: kind === 'HEAD' ? 'HEAD' : 'GET' })
    await turns(2)
    leaving.abort(new Error('left'))
    expect((await asked).status).toBe(499)
    expect(stopped).toBe(true)
    expect(events).toMatchObject([{ status: 499, code: undefined }])
  })

  it('is not answered at all when that was before', async () => {
    const { gateway, store } = watched()
    expect((await ask(gateway, raw, { signal: AbortSignal.abort(new Error('left')) })).status).toBe(499)
    expect(store.asked).toEqual([])
  })

  it('frees his place, whether or not he has taken a byte', async () => {
    const { gateway } = watched({ limits: { client: { requests: 1, waiting: 0 } } })
    for (const taken of [0, 1]) {
      const leaving = new AbortController()
      const answer = await gateway.answer(requestOf(car, { signal: leaving.signal }))
      if (answer?.body === undefined || answer.body instanceof Uint8Array) throw new Error('no stream')
      if (taken > 0) await answer.body.next()
      expect((await ask(gateway, raw)).status).toBe(429)
      leaving.abort(new Error('left'))
      await turns(2)
      expect((await ask(gateway, raw)).status).toBe(200)
      await expect(answer.body.next()).rejects.toThrow('left')
      await answer.body.return()
    }
  })

  it('of the web frees it too, by cancelling the body', async () => {
    const { gateway, store } = watched({ limits: { client: { requests: 1, waiting: 0 } } })
    const document = CID.decode(cborDocument.block.cid)
    const response = await gateway(new Request(`http://gateway.example/ipfs/${document}?format=car`))
    let waiting = 0
    store.before = (_cid, signal) => { waiting++; return new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { waiting--; reject(signal.reason as Error) }) }) }
    const reader = response.body!.getReader()
    void reader.read().catch(() => {})
    await turns(3)
    await reader.cancel()
    await turns(3)
    expect(waiting).toBe(0)
    store.before = undefined
    expect((await ask(gateway, raw)).status).toBe(200)
  })
})
