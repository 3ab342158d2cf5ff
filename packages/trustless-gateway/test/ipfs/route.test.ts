import { asciiText, multiblockText, subdirMixedFiles } from '@dagstore-tooling/fixtures/gateway'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createGateway, type GatewayEvent } from '../../src/index.ts'
import { ask, type Told } from '../asking.ts'
import { openTestStore, type TestStore } from '../conformance/store.ts'

const root = CID.decode(subdirMixedFiles.block.cid)
const leaf = CID.decode(asciiText.block.cid)
const there = `/ipfs/${root}/subdir/multiblock.txt?format=car`
const nowhere = `/ipfs/${root}/subdir/none?format=car`
const whole = (store: TestStore): ReturnType<typeof createGateway> => createGateway({ blockstore: store })
const told = ({ status, headers }: Told): unknown => [status, headers['x-error-code']]

describe('If-None-Match: *', () => {
  const headers = { 'if-none-match': '*' }

  it.each(['GET', 'HEAD'])('is no 304 of a path that leads nowhere: %s', async (method) => {
    const store = openTestStore()
    expect(told(await ask(whole(store), nowhere, { method, headers }))).toEqual([404, 'DAG_NO_LINK'])
    store.remove(CID.decode(multiblockText.block.cid))
    expect(told(await ask(whole(store), there, { method, headers }))).toEqual([404, 'BLOCKSTORE_NOT_FOUND'])
    expect((await ask(whole(openTestStore()), there, { method, headers })).status).toBe(304)
  })

  it('is none of what is denied on the way or at its end', async () => {
    const denied = CID.decode(multiblockText.block.cid)
    const gateway = createGateway({ blockstore: openTestStore(), denylist: { check: (cid) => (cid.equals(denied) ? { status: 410 } : undefined) } })
    expect((await ask(gateway, there, { headers })).status).toBe(410)
  })
})

describe('only-if-cached', () => {
  const headers = { 'cache-control': 'only-if-cached' }

  it('reads nothing for HEAD, whatever the path', async () => {
    const store = openTestStore()
    for (const target of [there, nowhere, `/ipfs/${root}?format=raw`]) expect((await ask(whole(store), target, { method: 'HEAD', headers })).status, target).toBe(200)
    expect(store.asked).toEqual([])
    expect((await ask(whole(store), there, { method: 'HEAD', headers: { ...headers, 'if-none-match': '*' } })).status).toBe(304)
    expect((await ask(whole(store), `/ipfs/${leaf}?format=raw`, { method: 'HEAD', headers })).headers['content-length']).toBe(`${asciiText.block.data.byteLength}`)
  })

  it('says of nothing that it is absent while it may be in shards without an index', async () => {
    const store = openTestStore()
    store.unindexedShards = 1
    store.remove(CID.decode(multiblockText.block.cid))
    expect(told(await ask(whole(store), there, { headers }))).toEqual([503, 'GATEWAY_UNINDEXED'])
    store.remove(root)
    expect(told(await ask(whole(store), there, { headers }))).toEqual([412, 'GATEWAY_NOT_CACHED'])
  })
})

describe('HEAD', () => {
  it('refuses a CAR of what GET cannot decode, but for the block alone', async () => {
    const odd = CID.createV1(0x78, leaf.multihash)
    const store = openTestStore()
    for (const method of ['GET', 'HEAD']) {
      expect(told(await ask(whole(store), `/ipfs/${odd}?format=car`, { method })), method).toEqual([501, 'DAG_UNKNOWN_CODEC'])
      expect((await ask(whole(store), `/ipfs/${odd}?format=car&dag-scope=block`, { method })).status, method).toBe(200)
      expect((await ask(whole(store), `/ipfs/${odd}?format=raw`, { method })).status, method).toBe(200)
    }
    store.asked.length = 0
    await ask(whole(store), `/ipfs/${root}?format=car`, { method: 'HEAD' })
    expect(store.asked).toEqual([])
  })

  it('refuses what GET cannot verify', async () => {
    const odd = CID.createV1(0x55, create(0x300000, leaf.multihash.digest))
    const store = openTestStore()
    store.add({ ...asciiText.block, cid: odd.bytes })
    for (const method of ['GET', 'HEAD']) expect(told(await ask(whole(store), `/ipfs/${odd}?format=raw`, { method })), method).toEqual([501, 'BLOCKSTORE_UNKNOWN_HASH'])
    // here it is all the same
    expect((await ask(whole(store), `/routing/v1/providers/${odd}`)).status).toBe(200)
    expect((await ask(createGateway({ blockstore: store, verify: 'never' }), `/ipfs/${odd}?format=raw`, { method: 'HEAD' })).status).toBe(200)
  })

  it('has the headers of GET', async () => {
    const gateway = whole(openTestStore())
    for (const target of [there, nowhere, `/ipfs/${leaf}?format=raw&filename=%0d%0a%22`, `/ipfs/${root}?format=car&car-dups=y&dag-scope=entity`, '/ipfs/bafkqaaa?format=raw', '/ipfs/none', `/ipfs/${root}/a?format=raw`]) {
      const [get, head] = [await ask(gateway, target), await ask(gateway, target, { method: 'HEAD' })]
      expect([head.status, head.headers, head.bytes.byteLength], target).toEqual([get.status, get.headers, 0])
    }
  })
})

describe('a foreign store', () => {
  it('that tells lengths is not read where a block is too long', async () => {
    const held = openTestStore()
    const { bytes: _, bytesAt: __, ...foreign } = held
    const gateway = createGateway({ blockstore: foreign as unknown as ReadBlockstore, limits: { request: { maxBlockBytes: 10 } } })
    for (const target of [`/ipfs/${leaf}?format=raw`, `/ipfs/${leaf}?format=car`]) expect(told(await ask(gateway, target)), target).toEqual([403, 'DAG_BLOCK_TOO_LARGE'])
    expect(held.asked).toEqual([])
  })

  it('that has not got the block is 404 in every form', async () => {
    const held = openTestStore()
    held.remove(leaf)
    const absent = Object.assign(new Error('/secret/path'), { name: 'NotFoundError', code: 'ERR_NOT_FOUND' })
    const store: ReadBlockstore = {
      has: held.has, getMany: held.getMany, getAll: held.getAll,
      async * get (cid, options) {
        if (!await held.has(cid)) throw absent
        yield * held.get(cid, options)
      },
    }
    for (const target of [`/ipfs/${leaf}?format=raw`, `/ipfs/${leaf}?format=car`, `/ipfs/${root}/subdir/ascii.txt?format=car`]) {
      for (const method of ['GET', 'HEAD']) expect(told(await ask(createGateway({ blockstore: store }), target, { method })), `${method} ${target}`).toEqual([404, 'BLOCKSTORE_NOT_FOUND'])
    }
  })
})

describe('the event of a request that was none', () => {
  it('names what it was sent to', async () => {
    const events: GatewayEvent[] = []
    const gateway = createGateway({ blockstore: openTestStore(), pieces: { open: async () => undefined, stat: async () => undefined }, onEvent: (event) => { events.push(event) } })
    for (const target of ['/ipfs/x', '/piece/x', '/routing/v1/providers/x', '/ipns/x']) {
      await ask(gateway, target, { method: 'POST' })
      await ask(gateway, target)
    }
    expect(events.map(({ route }) => route)).toEqual(['ipfs', 'ipfs', 'piece', 'piece', 'routing', 'routing', 'ipns', 'ipns'])
  })
})
