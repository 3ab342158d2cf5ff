import { createFakeClock } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { create } from 'multiformats/hashes/digest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKuboBlockstore } from '../src/index.ts'
import { saysNotFound } from '../src/kubo/not-found.ts'
import { block, codeOf, errorOf, text } from './blocks.ts'
import { type KuboStub, openKuboStub, refuse } from './kubo-stub.ts'

let stub: KuboStub
beforeEach(async () => { stub = await openKuboStub() })
afterEach(async () => { await stub[Symbol.asyncDispose]() })

const { cid, bytes } = block('hello')
const causeOf = async (call: () => unknown): Promise<{ readonly code: string, readonly status: number | undefined }> => {
  const { code, status } = (await errorOf(call)).cause as { readonly code: string, readonly status: number | undefined }
  return { code, status }
}

describe('what is asked', () => {
  it('asks offline unless told otherwise, and always for presence', async () => {
    stub.put(cid, bytes)
    await using offline = createKuboBlockstore({ url: stub.url })
    await using online = createKuboBlockstore({ url: `${stub.url}/api/v0/`, online: true })
    for (const store of [offline, online]) {
      expect(text(await store.bytes(cid))).toBe('hello')
      expect(await store.size(cid)).toBe(5)
      expect(await store.has(cid)).toBe(true)
    }
    const asked = ['get', 'stat', 'stat'].map((what) => `POST block/${what}?arg=${cid}&offline=`)
    expect(stub.log).toEqual([...asked.map((line) => `${line}true`), `${asked[0]}false`, `${asked[1]}false`, `${asked[2]}true`])
  })

  it('asks nothing before the first call, and nothing about identity CIDs', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const inline = block('inline', { hash: 0 })
    expect(text(await store.bytes(inline.cid))).toBe('inline')
    expect(await store.has(inline.cid)).toBe(true)
    expect(await store.size(inline.cid)).toBe(6)
    await store.put(inline.cid, inline.bytes)
    await store.flush()
    expect(stub.log).toEqual([])
  })

  it('has no more requests for blocks under way than allowed', async () => {
    const blocks = Array.from({ length: 18 }, (_, i) => block(`block ${i}`))
    let waiting: (() => void)[] = []
    let most = 0
    stub.intercept = (request, response) => {
      const asked = new URL(request.url ?? '', stub.url).searchParams.get('arg')
      waiting.push(() => { response.end(blocks.find((each) => each.cid.toString() === asked)?.bytes) })
      most = Math.max(most, waiting.length)
      if (waiting.length === 3) {
        setImmediate(() => {
          const held = waiting
          waiting = []
          for (const answer of held) answer()
        })
      }
      return true
    }
    await using store = createKuboBlockstore({ url: stub.url, maxRequests: 3 })
    const got = await Promise.all(blocks.map(async (each) => text(await store.bytes(each.cid))))
    expect(got).toEqual(blocks.map((_, i) => `block ${i}`))
    expect(most).toBe(3)
  })
})

describe('absence', () => {
  it('is told by what Kubo says of this very block, in each way in which Kubo says it', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const digest = create(0x12, cid.multihash.digest)
    const sayings = [
      `block was not found locally (offline): ipld: could not find ${cid}`,
      `ipld: could not find ${CID.createV0(digest)}`,
      `ipld: could not find ${CID.createV1(0x70, digest).toString(base58btc)}`,
      `ipld: could not find ${CID.createV1(0x71, digest).toString(base36)}`,
      `block ${cid} not found locally, cannot provide`,
      'ipld: could not find node',
      'blockservice: key not found',
    ]
    for (const said of sayings) {
      stub.intercept = (_request, response) => refuse(response, said)
      expect([said, await codeOf(() => store.bytes(cid)), await store.has(cid), await codeOf(() => store.size(cid))]).toEqual([said, 'BLOCKSTORE_NOT_FOUND', false, 'BLOCKSTORE_NOT_FOUND'])
    }
  })

  it('is not told by anything else that a node says', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const other = block('another').cid
    for (const said of [`ipld: could not find ${other}`, 'could not find the datastore', 'context deadline exceeded', 'leveldb: not found', `lock of ${cid} is held`]) {
      stub.intercept = (_request, response) => refuse(response, said)
      expect([said, await codeOf(() => store.bytes(cid)), await codeOf(() => store.has(cid))]).toEqual([said, 'BLOCKSTORE_UNREADABLE', 'BLOCKSTORE_UNREADABLE'])
      expect(await causeOf(() => store.bytes(cid))).toEqual({ code: 'IPFS_REFUSED', status: 500 })
    }
    expect(saysNotFound('could not find aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', cid)).toBe(false)
  })

  it('is not told by a server that is no Kubo node, nor by one that lets nobody in', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    for (const [status, code] of [[404, 'IPFS_BAD_ANSWER'], [302, 'IPFS_BAD_ANSWER'], [204, 'IPFS_BAD_ANSWER'], [403, 'IPFS_REFUSED'], [401, 'IPFS_REFUSED']] as const) {
      stub.intercept = (_request, response) => { response.writeHead(status, status === 302 ? { location: '/api/v0/block/get' } : {}).end(); return true }
      expect(await codeOf(() => store.has(cid))).toBe('BLOCKSTORE_UNREADABLE')
      expect(await causeOf(() => store.bytes(cid))).toEqual({ code, status })
    }
  })
})

describe('failures', () => {
  it('are told as such when nobody listens, or the connection breaks in the middle', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    stub.intercept = (_request, response) => { response.writeHead(200, { 'content-length': 5 }).write('he', () => { response.destroy() }); return true }
    expect(await causeOf(() => store.bytes(cid))).toEqual({ code: 'IPFS_UNREACHABLE', status: undefined })
    stub.intercept = (request) => { request.socket.destroy(); return true }
    expect(await causeOf(() => store.bytes(cid))).toEqual({ code: 'IPFS_UNREACHABLE', status: undefined })
    await using nobody = createKuboBlockstore({ url: 'http://127.0.0.1:1' })
    expect(await causeOf(() => nobody.bytes(cid))).toEqual({ code: 'IPFS_UNREACHABLE', status: undefined })
  })

  it('end an answer that is longer than a block may be', async () => {
    await using store = createKuboBlockstore({ url: stub.url, maxBlockBytes: 1000 })
    stub.intercept = (_request, response) => {
      const more = (): void => { while (!response.destroyed && response.write(new Uint8Array(500))); }
      response.on('drain', more)
      more()
      return true
    }
    expect(await causeOf(() => store.bytes(cid))).toEqual({ code: 'IPFS_BAD_ANSWER', status: undefined })
    await stub.left()
  })

  it('end a request that is not answered in time', async () => {
    const clock = createFakeClock()
    await using store = createKuboBlockstore({ url: stub.url, clock, timeoutMs: 5000 })
    let asked = (): void => {}
    const came = new Promise<void>((resolve) => { asked = resolve })
    stub.intercept = () => { asked(); return true }
    const failure = causeOf(() => store.bytes(cid))
    await came
    await clock.advance(5000)
    expect(await failure).toEqual({ code: 'IPFS_TIMEOUT', status: undefined })
    await stub.left()
    expect(clock.sleeping).toBe(0)
  })

  it('are no answers to size that hold none', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    for (const body of ['{}', '{"Size":-1}', '{"Size":"5"}', 'no json', '[]']) {
      stub.intercept = (_request, response) => { response.end(body); return true }
      expect(await causeOf(() => store.size(cid))).toEqual({ code: 'IPFS_BAD_ANSWER', status: undefined })
    }
  })
})

describe('aborts', () => {
  it('end the request, and give the reason', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const controller = new AbortController()
    const reason = new Error('enough')
    stub.intercept = (_request, response) => { response.writeHead(200); response.write('he'); controller.abort(reason); return true }
    await expect(store.bytes(cid, { signal: controller.signal })).rejects.toBe(reason)
    await stub.left()
  })

  it('leave the queue of requests without a place taken', async () => {
    await using store = createKuboBlockstore({ url: stub.url, maxRequests: 1 })
    stub.put(cid, bytes)
    const held = new AbortController()
    let asked = (): void => {}
    const came = new Promise<void>((resolve) => { asked = resolve })
    stub.intercept = () => { asked(); return true }
    const first = store.bytes(cid, { signal: held.signal })
    await came
    const second = store.bytes(cid, { signal: AbortSignal.abort(new Error('not any more')) })
    await expect(second).rejects.toThrow('not any more')
    held.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    stub.intercept = undefined
    expect(text(await store.bytes(cid))).toBe('hello')
  })
})

describe('listing', () => {
  it('gives the blocks gathered and those of the node, each once', async () => {
    stub.put(cid, bytes)
    const other = block('gathered', { codec: 0x71 })
    await using store = createKuboBlockstore({ url: stub.url })
    await store.put(cid, bytes)
    await store.put(other.cid, other.bytes)
    const listed: string[] = []
    for await (const pair of store.getAll()) listed.push(pair.cid.toString())
    expect(listed).toEqual([cid.toString(), other.cid.toString()])
  })

  it('fails where the node says something else than CIDs', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    for (const body of ['{"Ref":"nonsense","Err":""}\n', '{"Ref":"","Err":"disk on fire"}\n', 'x', 'y'.repeat(100_000)]) {
      stub.intercept = (_request, response) => { response.end(body); return true }
      expect(await codeOf(async () => { for await (const _ of store.getAll()); })).toBe('BLOCKSTORE_UNREADABLE')
    }
  })
})

it('checks nothing when told so', async () => {
  stub.put(cid, new TextEncoder().encode('jello'))
  await using trusting = createKuboBlockstore({ url: stub.url, verify: 'never' })
  expect(text(await trusting.bytes(cid))).toBe('jello')
  await using checking = createKuboBlockstore({ url: stub.url })
  expect(await codeOf(() => checking.bytes(cid))).toBe('BLOCKSTORE_HASH_MISMATCH')
})
