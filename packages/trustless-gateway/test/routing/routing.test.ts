import { createFakeClock } from '@dagstore-tooling/testkit'
import { asciiText } from '@dagstore-tooling/fixtures/gateway'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createGateway, type Gateway, type GatewayOptions } from '../../src/index.ts'
import { ask, type Question } from '../asking.ts'
import { openTestStore } from '../conformance/store.ts'

const here = `/routing/v1/providers/${CID.decode(asciiText.block.cid).toString()}`
const absent = '/routing/v1/providers/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const origin = 'https://gateway.example'
const opened = (options: Partial<GatewayOptions> = {}): Gateway => createGateway({ blockstore: openTestStore(), clock: createFakeClock(), ...options })

interface Lists { readonly Providers?: readonly Record<string, unknown>[], readonly Peers?: readonly Record<string, unknown>[] }

const lists = async (gateway: Gateway, target: string, question: Question = {}): Promise<Lists> => {
  const { status, headers, bytes } = await ask(gateway, target, { origin, ...question })
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'application/json' })
  return JSON.parse(Buffer.from(bytes).toString()) as Lists
}

describe('who has a block', () => {
  it('is the gateway itself, where it has it', async () => {
    expect(await lists(opened(), here)).toEqual({
      Providers: [{ Schema: 'peer', ID: expect.stringMatching(/^Qm\w{44}$/), Addrs: ['/dns/gateway.example/tcp/443/https'], Protocols: ['transport-ipfs-gateway-http'] }],
    })
  })

  it('is nobody, where it has it not or must not serve it', async () => {
    expect(await lists(opened(), absent)).toEqual({ Providers: [] })
    expect(await lists(opened({ denylist: { check: () => ({ status: 410 }) } }), here)).toEqual({ Providers: [] })
  })

  it('is asked of the store without reading the block', async () => {
    const blockstore = openTestStore()
    await lists(opened({ blockstore }), here)
    expect(blockstore.asked).toEqual([])
  })

  it('may not be known yet', async () => {
    const blockstore = openTestStore()
    blockstore.unindexedShards = 1
    const { status, headers } = await ask(opened({ blockstore, unindexed: { waitMs: 0 } }), absent)
    expect({ status, retry: headers['retry-after'] }).toEqual({ status: 503, retry: '10' })
  })

  it.each([
    ['http://127.0.0.1:2351', '/ip4/127.0.0.1/tcp/2351/http'], ['http://[::1]:80', '/ip6/::1/tcp/80/http'], ['https://[2001:db8::1]', '/ip6/2001:db8::1/tcp/443/https'],
    ['http://a.b', '/dns/a.b/tcp/80/http'], ['https://a.b:8443', '/dns/a.b/tcp/8443/https'],
  ])('is told by where it was asked: %s', async (asked, address) => {
    expect((await lists(opened(), here, { origin: asked })).Providers).toEqual([expect.objectContaining({ Addrs: [address] })])
  })

  it.each(['nonsense', 'ftp://a.b', 'http://', 'http://a b'])('is told without an address where that is none: %s', async (asked) => {
    expect((await lists(opened(), here, { origin: asked })).Providers).toEqual([expect.objectContaining({ Addrs: [] })])
  })

  it('has a name that stays the same: of its address, or as given', async () => {
    const id = async (gateway: Gateway, from = origin): Promise<unknown> => (await lists(gateway, here, { origin: from })).Providers?.[0]?.['ID']
    expect(await id(opened())).toBe(await id(opened()))
    expect(await id(opened())).not.toBe(await id(opened(), 'https://other.example'))
    const addresses = ['/dns/one.example/tcp/443/https', '/dns/two.example/tcp/443/https']
    expect(await id(opened({ providers: { addresses } }))).toBe(await id(opened({ providers: { addresses } }), 'https://other.example'))
    expect(await id(opened({ providers: { peerId: '12D3KooWDkNqEJNmreF3NYYFK1ws7Ra2fuW6cHBTu567SPV3LdYA' } }))).toBe('12D3KooWDkNqEJNmreF3NYYFK1ws7Ra2fuW6cHBTu567SPV3LdYA')
  })

  it.each([
    { query: 'filter-protocols=transport-ipfs-gateway-http', found: 2 }, { query: 'filter-protocols=TRANSPORT-IPFS-GATEWAY-HTTP,x', found: 2 },
    { query: 'filter-protocols=transport-bitswap', found: 0 }, { query: 'filter-protocols=unknown', found: 0 }, { query: 'filter-protocols=!transport-ipfs-gateway-http', found: 0 },
    { query: 'filter-protocols=!transport-bitswap', found: 2 }, { query: 'filter-protocols=', found: 2 },
    { query: 'filter-addrs=https', found: 1 }, { query: 'filter-addrs=HTTPS%2Cwss', found: 1 }, { query: 'filter-addrs=https,http', found: 2 }, { query: 'filter-addrs=wss', found: 0 },
    { query: 'filter-addrs=!https', found: 1 }, { query: 'filter-addrs=!tcp', found: 0 }, { query: 'filter-addrs=tcp,!https', found: 1 }, { query: 'filter-addrs=unknown', found: 0 },
    { query: 'filter-addrs=https&filter-protocols=transport-bitswap', found: 0 }, { query: `filter-addrs=${'x,'.repeat(5000)}https`, found: 1 },
  ])('is told as far as the asker can use it: $found addresses (case %#)', async ({ query, found }) => {
    const gateway = opened({ providers: { addresses: ['/dns/a.example/tcp/443/https', '/ip4/192.0.2.1/tcp/80/http'] } })
    const [provider] = (await lists(gateway, `${here}?${query}`)).Providers ?? []
    expect((provider?.['Addrs'] as unknown[] | undefined)?.length ?? 0).toBe(found)
    expect(provider === undefined).toBe(found === 0)
  })

  it('is told without an address to those who take that', async () => {
    const gateway = opened({ providers: { addresses: [] } })
    expect((await lists(gateway, `${here}?filter-addrs=unknown`)).Providers).toHaveLength(1)
    expect((await lists(gateway, `${here}?filter-addrs=https`)).Providers).toHaveLength(0)
    expect((await lists(gateway, `${here}?filter-addrs=!https`)).Providers).toHaveLength(0)
  })

  it.each([
    ['application/x-ndjson', true], ['application/json, Application/X-NDJSON ; q=0.1', true], ['application/x-ndjson;q=0, application/json', false], ['application/x-ndjson; q=0.000', false],
    ['application/x-ndjson2', false], ['text/application/x-ndjson', false], ['*/*', false], ['', false],
  ])('is told line by line where %j takes that: %s', async (accept, byLine) => {
    expect((await ask(opened(), here, { origin, headers: { accept } })).headers['content-type']).toBe(byLine ? 'application/x-ndjson' : 'application/json')
  })

  it('is told line by line to those who ask for that, and for how long it holds', async () => {
    const accept = 'application/x-ndjson, application/json;q=0.5'
    const found = await ask(opened(), here, { origin, headers: { accept } })
    expect(found.headers).toMatchObject({ 'content-type': 'application/x-ndjson', vary: 'Accept', 'cache-control': expect.stringContaining('max-age=300'), 'last-modified': 'Tue, 17 Aug 2021 00:00:00 GMT', 'access-control-allow-origin': '*' })
    const text = Buffer.from(found.bytes).toString()
    expect(text.endsWith('}\n')).toBe(true)
    expect(JSON.parse(text)).toMatchObject({ Schema: 'peer' })
    const none = await ask(opened(), absent, { origin, headers: { accept } })
    expect({ status: none.status, bytes: none.bytes.byteLength, cache: none.headers['cache-control'] }).toEqual({ status: 200, bytes: 0, cache: 'public, max-age=15' })
  })

  it('may be asked by HEAD, and by pages of other origins', async () => {
    const head = await ask(opened(), here, { origin, method: 'HEAD' })
    expect([head.status, head.bytes.byteLength, Number(head.headers['content-length']) > 0]).toEqual([200, 0, true])
    const options = await ask(opened(), here, { method: 'OPTIONS' })
    expect(options).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': '*', 'access-control-allow-methods': expect.stringContaining('GET') } })
    expect((await ask(opened(), here, { method: 'PUT' })).status).toBe(405)
  })

  it.each([
    ['providers/nothing', 422, 'GATEWAY_BAD_CID'], ['providers/%zz', 422, 'GATEWAY_BAD_CID'], [`providers/${'b'.repeat(5000)}`, 422, 'GATEWAY_BAD_CID'], ['peers/nothing!', 422, 'GATEWAY_BAD_CID'],
    [`peers/${'1'.repeat(5000)}`, 422, 'GATEWAY_BAD_CID'], ['providers', 400, 'GATEWAY_BAD_PATH'], ['providers/', 400, 'GATEWAY_BAD_PATH'], ['other/x', 400, 'GATEWAY_BAD_PATH'], ['', 400, 'GATEWAY_BAD_PATH'],
    ['ipns/k51', 501, 'GATEWAY_NO_IPNS'],
  ])('is refused where the question is none (case %#)', async (path, status, code) => {
    const answered = await ask(opened(), `/routing/v1/${path}`)
    expect({ status: answered.status, code: answered.headers['x-error-code'] }).toEqual({ status, code })
  })
})

describe('a peer ID', () => {
  const rsa = base58btc.baseEncode(Digest.create(0x12, new Uint8Array(32)).bytes)
  const ed25519 = '12D3KooWDkNqEJNmreF3NYYFK1ws7Ra2fuW6cHBTu567SPV3LdYA'
  const secp256k1 = base58btc.baseEncode(Digest.create(0, Uint8Array.of(8, 2, 0x12, 33, 2, ...new Uint8Array(32))).bytes)
  const asCid = CID.createV1(0x72, Digest.decode(base58btc.baseDecode(ed25519))).toString(base36)

  it.each([rsa, ed25519, secp256k1, asCid])('is taken: %s', async (peerId) => {
    const gateway = opened({ providers: { peerId } })
    expect((await lists(gateway, here)).Providers).toEqual([expect.objectContaining({ ID: peerId })])
    expect((await lists(gateway, `/routing/v1/peers/${peerId}`)).Peers).toHaveLength(1)
  })

  const notPeers = [
    '', 'me', '12D3KooW', `${ed25519}1`, CID.decode(asciiText.block.cid).toString().slice(0, -1), base58btc.baseEncode(Digest.create(0x12, new Uint8Array(31)).bytes),
    base58btc.baseEncode(Digest.create(0x13, new Uint8Array(32)).bytes), base58btc.baseEncode(Digest.create(0, Uint8Array.of(8, 1, 0x12, 32, 1)).bytes), 'bafkqaaa',
  ]
  it.each(notPeers)('is not: %j', async (peerId) => {
    expect(() => opened({ providers: { peerId } })).toThrow(TypeError)
    const { status, headers } = await ask(opened(), `/routing/v1/peers/${peerId === '' ? '1' : peerId}`)
    expect({ status, code: headers['x-error-code'] }).toEqual({ status: 422, code: 'GATEWAY_BAD_CID' })
  })

  it('stands before addresses that are multiaddrs', () => {
    for (const address of ['', 'https://a.b', 'a.b', '/', '/dns/a b/tcp/1']) expect(() => opened({ providers: { addresses: [address] } })).toThrow(TypeError)
  })
})

describe('peers', () => {
  it('are the gateway itself, by its name in any form', async () => {
    const gateway = opened()
    const id = (await lists(gateway, here)).Providers?.[0]?.['ID'] as string
    const key = CID.createV1(0x72, Digest.decode(base58btc.baseDecode(id)))
    for (const name of [id, key.toString(), key.toString(base36)]) expect((await lists(gateway, `/routing/v1/peers/${name}`)).Peers).toHaveLength(1)
    expect(await lists(gateway, '/routing/v1/peers/12D3KooWDkNqEJNmreF3NYYFK1ws7Ra2fuW6cHBTu567SPV3LdYA')).toEqual({ Peers: [] })
    expect(await lists(gateway, `/routing/v1/peers/${id}?filter-addrs=wss`)).toEqual({ Peers: [] })
  })

  it('near a key are none, since there is no DHT', async () => {
    expect(await lists(opened(), '/routing/v1/dht/closest/peers/bafzaajaiaejcaotjfs57kieazxny5japcmy5p2pgv2cic77tu6ogghttvurnrufx?count=5')).toEqual({ Peers: [] })
  })
})
