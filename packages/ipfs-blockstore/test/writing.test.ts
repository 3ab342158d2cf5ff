import { carV1, carV2, makeBlock } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKuboBlockstore } from '../src/index.ts'
import { block, codeOf, collect, text } from './blocks.ts'
import { keyOf, type KuboStub, openKuboStub, refuse } from './kubo-stub.ts'

let stub: KuboStub
beforeEach(async () => { stub = await openKuboStub() })
afterEach(async () => { await stub[Symbol.asyncDispose]() })

const commands = (): string[] => stub.log.map((line) => line.replace(/^POST |\?.*$/gu, ''))
const some = (count: number, length = 1000): ReturnType<typeof block>[] => Array.from({ length: count }, (_, i) => block(new Uint8Array(length).fill(i)))

describe('gathering', () => {
  it('sends many blocks as one CAR, whatever their hash, and reads them before and after', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const blocks = [block('sha2'), block('blake2b', { hash: 0xb220 }), block('sha2-512', { hash: 0x13 }), block('')]
    for (const { cid, bytes } of blocks) expect(await store.put(cid, bytes)).toBe(cid)
    expect(stub.log).toEqual([])
    for (const { cid, bytes } of blocks) {
      expect(await store.bytes(cid)).toEqual(bytes)
      expect(await store.size(cid)).toBe(bytes.byteLength)
      expect(await store.has(CID.createV1(0x71, cid.multihash))).toBe(true)
    }
    expect(stub.log).toEqual([])
    await store.flush()
    await store.flush()
    expect(stub.log).toEqual(['POST dag/import?pin-roots=false&stats=true&allow-big-block=true'])
    expect([...stub.blocks.keys()]).toEqual(blocks.map(({ cid }) => keyOf(cid)))
    expect(await store.bytes(blocks[1]!.cid)).toEqual(blocks[1]!.bytes)
  })

  it('sends when there is no room, so that memory is bounded', async () => {
    await using store = createKuboBlockstore({ url: stub.url, batchBytes: 2500 })
    const put = await collect(store.putMany(some(7)))
    expect(put).toEqual(some(7).map(({ cid }) => cid))
    expect(commands()).toEqual(['dag/import', 'dag/import', 'dag/import', 'dag/import'])
    expect(stub.blocks.size).toBe(7)
  })

  it('keeps what the caller changes afterwards out of it, takes chunks, and a block once', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const { cid, bytes } = block('unchanged')
    const own = bytes.slice()
    await store.put(cid, own)
    own.fill(0)
    await store.put(cid, (async function * () { yield bytes.subarray(0, 4); yield bytes.subarray(4) })())
    await store.flush()
    expect(text(stub.blocks.get(keyOf(cid))!)).toBe('unchanged')
  })

  it('refuses a block that is not what its CID says, and sends nothing of it', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const { cid } = block('right')
    expect(await codeOf(() => store.put(cid, block('wrong').bytes))).toBe('BLOCKSTORE_HASH_MISMATCH')
    expect(await codeOf(() => store.put(CID.createV1(0x55, { ...cid.multihash, code: 0x1e }), block('wrong').bytes))).toBe('BLOCKSTORE_UNKNOWN_HASH')
    await store.flush()
    expect(stub.log).toEqual([])
  })

  it('writes the rest when it is closed, and takes nothing after that', async () => {
    const store = createKuboBlockstore({ url: stub.url })
    const { cid, bytes } = block('last')
    await store.put(cid, bytes)
    await Promise.all([store.close(), store.close()])
    expect(stub.blocks.size).toBe(1)
    for (const call of [() => store.put(cid, bytes), () => store.flush(), () => store.pin(cid), () => store.unpin(cid), () => store.importCar((async function * () {})())]) {
      expect(await codeOf(call)).toBe('BLOCKSTORE_CLOSED')
    }
  })
})

describe('failures', () => {
  it('keep what could not be sent, for the next call', async () => {
    await using store = createKuboBlockstore({ url: stub.url, batchBytes: 1500 })
    const [first, second] = some(2) as [ReturnType<typeof block>, ReturnType<typeof block>]
    await store.put(first.cid, first.bytes)
    stub.intercept = (request) => { request.socket.destroy(); return true }
    expect(await codeOf(() => store.put(second.cid, second.bytes))).toBe('IPFS_UNREACHABLE')
    expect(await codeOf(() => store.flush())).toBe('IPFS_UNREACHABLE')
    stub.intercept = undefined
    expect(await store.has(first.cid)).toBe(true)
    expect(await store.has(second.cid)).toBe(false)
    await store.flush()
    expect([...stub.blocks.keys()]).toEqual([keyOf(first.cid)])
  })

  it('of an abort keep it too, and give the reason', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const { cid, bytes } = block('kept')
    await store.put(cid, bytes)
    const controller = new AbortController()
    const reason = new Error('enough')
    stub.intercept = () => { controller.abort(reason); return true }
    await expect(store.flush({ signal: controller.signal })).rejects.toBe(reason)
    stub.intercept = undefined
    await store.flush()
    expect(stub.blocks.size).toBe(1)
  })

  it('are an answer that does not count all blocks: what broke behind its beginning stands in a trailer that nobody sees', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const { cid, bytes } = block('counted')
    await store.put(cid, bytes)
    for (const body of ['', '{"Stats":{"BlockCount":0,"BlockBytesCount":0}}\n', '{"Root":{"Cid":{"/":"x"},"PinErrorMsg":""}}\n']) {
      stub.intercept = (_request, response) => { response.end(body); return true }
      expect(await codeOf(() => store.flush())).toBe('IPFS_BAD_ANSWER')
    }
    stub.intercept = undefined
    await store.flush()
    expect(stub.blocks.size).toBe(1)
  })

  it('of a codec that Kubo does not know are none: such blocks go one by one', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const odd = block('odd', { codec: 0x300123, hash: 0xb220 })
    const plain = block('plain')
    await store.put(plain.cid, plain.bytes)
    await store.put(odd.cid, odd.bytes)
    await store.flush()
    expect(stub.log.slice(1)).toEqual([
      'POST block/put?cid-codec=raw&mhtype=sha2-256&mhlen=32&allow-big-block=true',
      'POST block/put?cid-codec=raw&mhtype=blake2b-256&mhlen=32&allow-big-block=true',
    ])
    expect(text(await store.bytes(odd.cid))).toBe('odd')
  })

  it('of one block that the node will not have are told once, and the others are written', async () => {
    const store = createKuboBlockstore({ url: stub.url, verify: 'never', batchBytes: 10 })
    const [bad, good, later] = [{ cid: CID.createV1(0x55, { ...block('bad').cid.multihash, code: 0x99 }), bytes: block('bad').bytes }, block('good'), block('later on')] as const
    stub.intercept = (_request, response, command) => command === 'dag/import' && refuse(response, 'import failed')
    await store.put(bad.cid, bad.bytes)
    await store.put(good.cid, good.bytes)
    expect(await codeOf(() => store.put(later.cid, later.bytes))).toBe('IPFS_REFUSED')
    expect([...stub.blocks.keys()]).toEqual([keyOf(good.cid)])
    // whoever put the bad block may be another caller than the one who was told
    expect(await codeOf(() => store.flush())).toBe('IPFS_REFUSED')
    await store.flush()
    await store.close()
    expect(stub.blocks.size).toBe(1)
  })

  it('are a block under another hash, and what is no answer', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const { cid, bytes } = block('moved', { codec: 0x300123 })
    await store.put(cid, bytes)
    for (const Key of [block('other').cid.toString(), 'nonsense', 5]) {
      stub.intercept = (_request, response, command) => {
        if (command !== 'block/put') return false
        response.end(JSON.stringify({ Key, Size: 5 }))
        return true
      }
      expect(await codeOf(() => store.flush())).toBe('IPFS_BAD_ANSWER')
    }
    stub.intercept = undefined
  })
})

describe('importing a CAR', () => {
  const blocks = some(5).map(({ bytes }) => makeBlock(bytes))
  const chunks = async function * (car: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < car.byteLength; at += 777) yield car.subarray(at, at + 777)
  }

  it.each([['a CARv1', carV1([blocks[0]!.cid, blocks[4]!.cid], blocks)], ['a CARv2', carV2({ roots: [blocks[0]!.cid, blocks[4]!.cid], blocks })]])('writes the blocks of %s in batches and gives its roots', async (_name, car) => {
    await using store = createKuboBlockstore({ url: stub.url, batchBytes: 2500 })
    const roots = await store.importCar(chunks(car))
    expect(roots.map(String)).toEqual([blocks[0]!, blocks[4]!].map(({ cid }) => CID.decode(cid).toString()))
    expect(commands()).toEqual(['dag/import', 'dag/import', 'dag/import'])
    expect(stub.blocks.size).toBe(5)
    expect(stub.pins.size).toBe(0)
  })

  it('pins the roots behind the last block when asked to', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const roots = await store.importCar(chunks(carV1([blocks[0]!.cid], blocks)), { pinRoots: true })
    expect(commands()).toEqual(['dag/import', 'pin/add'])
    expect([...stub.pins]).toEqual(roots.map(String))
  })

  it('stops at a damaged block, at an end in the middle, and at an abort', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const car = carV1([blocks[0]!.cid], blocks)
    expect(await codeOf(() => store.importCar(chunks(car.subarray(0, car.byteLength - 1))))).toBe('CARV2_TRUNCATED')
    const damaged = car.slice()
    damaged[damaged.byteLength - 1]! ^= 1
    expect(await codeOf(() => store.importCar(chunks(damaged)))).toBe('BLOCKSTORE_HASH_MISMATCH')
    const reason = new Error('enough')
    await expect(store.importCar(chunks(car), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('pins', () => {
  it('are set behind what is gathered, and taken away', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    const { cid, bytes } = block('pinned')
    await store.put(cid, bytes)
    await store.pin(cid)
    expect(stub.log.at(-1)).toBe(`POST pin/add?arg=${cid}&progress=true&offline=true`)
    expect([...stub.pins]).toEqual([cid.toString()])
    await store.unpin(cid)
    expect(stub.pins.size).toBe(0)
    expect(await codeOf(() => store.unpin(cid))).toBe('IPFS_REFUSED')
    expect(await codeOf(() => store.pin(block('not there').cid))).toBe('IPFS_REFUSED')
  })

  it('are not set when the answer ends without saying so', async () => {
    await using store = createKuboBlockstore({ url: stub.url })
    stub.intercept = (_request, response) => { response.end('{"Progress":1}\n{"Progress":7}\n'); return true }
    expect(await codeOf(() => store.pin(block('x').cid))).toBe('IPFS_REFUSED')
  })
})
