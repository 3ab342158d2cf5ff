import { createHashes } from '@dagstore/hashes'
import { BlockNotFoundError, toCid } from '@dagstore/read-blockstore'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createGateway, type GatewayOptions } from '../src/index.ts'
import { ask, requestOf } from './asking.ts'

const hashes = createHashes()

/** A store that can be filled by what has a code and bytes. */
const dag = (): { readonly add: (code: number, bytes: Uint8Array) => CID, readonly asked: () => number, readonly store: GatewayOptions['blockstore'] } => {
  const blocks = new Map<string, Uint8Array>()
  let asked = 0
  const bytesOf = async (any: Parameters<typeof toCid>[0]): Promise<Uint8Array> => {
    asked++
    const found = blocks.get(toCid(any).toString())
    if (found === undefined) throw new BlockNotFoundError(toCid(any))
    return found.slice()
  }
  const store = { has: (any: Parameters<typeof toCid>[0]) => blocks.has(toCid(any).toString()), get: async function * (any: Parameters<typeof toCid>[0]) { yield await bytesOf(any) }, bytes: bytesOf }
  return {
    asked: () => asked,
    store: store as unknown as GatewayOptions['blockstore'],
    add: (code, bytes) => {
      const cid = CID.createV1(code, Digest.decode(hashes.multihash(0x12, bytes)))
      blocks.set(cid.toString(), bytes)
      return cid
    },
  }
}

const car = (root: CID, more = ''): string => `/ipfs/${root}?format=car${more}`

describe('a hostile DAG', () => {
  it('that is deeper than allowed is broken off there, and one that is as deep as that is sent', async () => {
    const { add, store } = dag()
    let root = add(0x71, dagCbor.encode('bottom'))
    for (let n = 0; n < 4096; n++) root = add(0x71, dagCbor.encode([root]))
    const gateway = createGateway({ blockstore: store })
    expect((await ask(gateway, car(root))).failure).toBeUndefined()
    root = add(0x71, dagCbor.encode([root]))
    expect((await ask(gateway, car(root))).failure).toMatchObject({ code: 'DAG_TOO_DEEP' })
    const path = Array.from({ length: 4097 }, () => '0').join('/')
    expect(await ask(gateway, `/ipfs/${root}/${path}?format=car`)).toMatchObject({ status: 403, headers: { 'x-error-code': 'DAG_TOO_DEEP' } })
  })

  it('that is exponentially long with duplicates ends at the limit, in constant memory', async () => {
    const { add, store, asked } = dag()
    let root = add(0x55, new Uint8Array(10))
    for (let n = 0; n < 60; n++) root = add(0x71, dagCbor.encode([root, root]))
    const gateway = createGateway({ blockstore: store, limits: { request: { maxBlocks: 20_000 } } })
    expect((await ask(gateway, car(root, '&car-dups=y'))).failure).toMatchObject({ code: 'DAG_TOO_MANY_BLOCKS' })
    expect(asked()).toBeLessThan(25_000)
    expect((await ask(gateway, car(root))).failure).toBeUndefined()
  })

  it('whose nodes have more links than can be remembered is refused, or broken off', async () => {
    const { add, store } = dag()
    const leaf = add(0x55, new Uint8Array(1))
    const wide = (first: CID): CID => add(0x70, dagPb.encode({ Links: [first, ...Array.from({ length: 70_000 }, () => leaf)].map((Hash) => ({ Hash, Name: '', Tsize: 0 })) }))
    const gateway = createGateway({ blockstore: store, limits: { request: { maxBlockBytes: 0 } } })
    const one = wide(leaf)
    expect((await ask(gateway, car(one))).failure).toBeUndefined()
    const four = [1, 2, 3].reduce((below) => wide(below), one)
    expect((await ask(gateway, car(four))).failure).toMatchObject({ code: 'DAG_TOO_MANY_LINKS' })
  })

  it('that claims a file larger than it is, or than files are, is told before the answer', async () => {
    const { add, store } = dag()
    const leaf = add(0x55, new Uint8Array(10))
    const file = (size: readonly number[]): CID => add(0x70, dagPb.encode({ Data: Uint8Array.from([8, 2, 0x20, ...size]), Links: [{ Hash: leaf, Name: '', Tsize: 10 }] }))
    const gateway = createGateway({ blockstore: store })
    const huge = file([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])
    expect((await ask(gateway, car(huge, '&entity-bytes=0:*'))).status).toBe(404)
    const lying = file([11])
    expect((await ask(gateway, car(lying, '&entity-bytes=0:*'))).failure).toMatchObject({ code: 'DAG_BAD_UNIXFS' })
    expect((await ask(gateway, car(lying, '&entity-bytes=9223372036854775807:*'))).status).toBe(400)
    expect((await ask(gateway, car(file([10]), '&entity-bytes=-9223372036854775808:9223372036854775807'))).failure).toBeUndefined()
  })

  it('with blocks that are not of their codecs is told before the answer where it can be', async () => {
    const { add, store } = dag()
    const gateway = createGateway({ blockstore: store })
    for (const code of [0x70, 0x71, 0x0129]) {
      const bad = add(code, Uint8Array.of(0xff, 0xff, 0xff))
      expect(await ask(gateway, car(bad))).toMatchObject({ status: 404, headers: { 'x-error-code': 'DAG_BAD_BLOCK' } })
      expect((await ask(gateway, `/ipfs/${bad}/a?format=car`)).status).toBe(404)
      // nobody has to understand it for these
      expect((await ask(gateway, `/ipfs/${bad}?format=raw`)).status).toBe(200)
      expect((await ask(gateway, car(bad, '&dag-scope=block'))).status).toBe(200)
      expect((await ask(gateway, car(add(0x71, dagCbor.encode([bad])))))).toMatchObject({ status: 200, failure: { code: 'DAG_BAD_BLOCK' } })
    }
    const unknown = add(0x78, Uint8Array.of(1))
    expect(await ask(gateway, car(unknown))).toMatchObject({ status: 501, headers: { 'x-error-code': 'DAG_UNKNOWN_CODEC' } })
    expect((await ask(gateway, `/ipfs/${unknown}?format=raw`)).status).toBe(200)
    const otherHash = CID.createV1(0x55, Digest.create(0x1e, new Uint8Array(32)))
    expect((await ask(createGateway({ blockstore: { ...store, bytes: async () => new Uint8Array(1) } as GatewayOptions['blockstore'] }), `/ipfs/${otherHash}?format=raw`)).status).toBe(501)
  })

  it('is held in part only, however long the path through it is', async () => {
    const { add, store, asked } = dag()
    let root = add(0x55, new Uint8Array(1))
    const padding = new Uint8Array(1 << 20)
    for (let n = 0; n < 40; n++) root = add(0x71, dagCbor.encode({ a: root, n, padding }))
    const gateway = createGateway({ blockstore: store })
    const answer = await gateway.answer(requestOf(`/ipfs/${root}/${Array.from({ length: 40 }, () => 'a').join('/')}?format=car`))
    expect(answer?.status).toBe(200)
    expect(asked()).toBeLessThan(12)
    if (answer?.body === undefined || answer.body instanceof Uint8Array) throw new Error('no stream')
    let bytes = 0
    for await (const chunk of answer.body) bytes += chunk.byteLength
    expect(bytes).toBeGreaterThan(40 << 20)
  })
})
