import { type AnyCid, BlockNotFoundError, BlockstoreError, type ReadBlockstore } from '@dagstore/read-blockstore'
import { describe, expect, it } from 'vitest'
import { dagstoreBlockBroker } from '../src/index.ts'
import { brokenStore, carOf, makeTestBlocks, openShards, rejection, Shelf } from './stores.ts'

const blocks = makeTestBlocks(1, 6)
const [first] = blocks as [typeof blocks[0] & object]
const [absent] = makeTestBlocks(2, 1) as [typeof first]

describe('a block broker', () => {
  it('retrieves whole blocks, each validated before it is given out', async () => {
    await using shards = await openShards([blocks])
    const broker = dagstoreBlockBroker(shards)
    expect(broker.name).toBe('dagstore')
    const seen: Uint8Array[] = []
    for (const { cid, bytes } of blocks) {
      expect(await broker.retrieve(cid, { validateFn: async (block) => { seen.push(block) } })).toEqual(bytes)
    }
    expect(seen).toEqual(blocks.map(({ bytes }) => bytes))
  })

  it('passes on what validation rejects with', async () => {
    await using shards = await openShards([blocks])
    const invalid = new Error('wrong hash')
    expect(await rejection(dagstoreBlockBroker(shards).retrieve(first.cid, { validateFn: () => Promise.reject(invalid) }))).toBe(invalid)
  })

  it('rejects at once for a block that no shard has, and says how many shards could not be asked', async () => {
    const shelf = new Shelf()
    await using shards = await openShards([blocks], shelf)
    shelf.cars.set('lazy', carOf([absent]))
    await shards.register('lazy', 'test:lazy')
    const broker = dagstoreBlockBroker(shards)
    for (const { retrieve } of [broker, broker.createSession()]) {
      expect(await rejection(retrieve(absent.cid))).toMatchObject({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 1 })
    }
  })

  it('keeps code and cause of a block that cannot be read', async () => {
    const cause = new Error('EIO')
    const blockstore = brokenStore((cid) => new BlockstoreError('BLOCKSTORE_UNREADABLE', 'disk', { cid, cause }))
    expect(await rejection(dagstoreBlockBroker({ blockstore }).retrieve(first.cid))).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause })
  })

  it('refuses a block above the size asked for, without reading it where its size is known', async () => {
    await using shards = await openShards([blocks])
    const size = first.bytes.byteLength
    const broker = dagstoreBlockBroker(shards)
    expect(await broker.retrieve(first.cid, { maxSize: size })).toEqual(first.bytes)
    let validated = false
    const validateFn = async (): Promise<void> => { validated = true }
    expect(await rejection(broker.retrieve(first.cid, { maxSize: size - 1, validateFn }))).toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    const { has, get, getMany, getAll } = shards.blockstore
    const plain = dagstoreBlockBroker({ blockstore: { has, get, getMany, getAll } })
    expect(await rejection(plain.retrieve(first.cid, { maxSize: size - 1, validateFn }))).toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    expect(validated).toBe(false)
    expect(await rejection(broker.retrieve(absent.cid, { maxSize: 1 }))).toMatchObject({ name: 'NotFoundError' })
  })

  it('rejects with the reason of the signal, before, and after validation', async () => {
    await using shards = await openShards([blocks])
    const broker = dagstoreBlockBroker(shards)
    const reason = new Error('another was faster')
    expect(await rejection(broker.retrieve(first.cid, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const leave = new AbortController()
    expect(await rejection(broker.retrieve(first.cid, { signal: leave.signal, validateFn: async () => { leave.abort(reason) } }))).toBe(reason)
  })

  it('takes any CID', async () => {
    await using shards = await openShards([blocks])
    expect(await dagstoreBlockBroker(shards).retrieve(first.cid.bytes)).toEqual(first.bytes)
    await expect(dagstoreBlockBroker(shards).retrieve('bafy' as unknown as AnyCid)).rejects.toThrow(TypeError)
  })
})

describe('a session of a block broker', () => {
  const counting = (name: string, log: string[]): ReadBlockstore => brokenStore((cid) => {
    log.push(name)
    return new BlockNotFoundError(cid)
  })

  it('reads through a session of the source, one for each', async () => {
    const log: string[] = []
    let sessions = 0
    const broker = dagstoreBlockBroker({ blockstore: counting('all', log), createSession: () => counting(`session ${++sessions}`, log) })
    const [one, two] = [broker.createSession(), broker.createSession()]
    for (const { retrieve } of [broker, one, two, one, two.createSession()]) await rejection(retrieve(first.cid))
    expect(log).toEqual(['all', 'session 1', 'session 2', 'session 1', 'session 3'])
  })

  it('reads what the source reads where that has no sessions', async () => {
    await using shards = await openShards([blocks])
    const session = dagstoreBlockBroker({ blockstore: shards.blockstore }).createSession()
    expect(session.name).toBe('dagstore')
    expect(await session.retrieve(first.cid)).toEqual(first.bytes)
    await session.addPeer(first.cid)
  })
})
