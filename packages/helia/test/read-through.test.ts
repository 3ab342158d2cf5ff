import { BlockNotFoundError, BlockstoreError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createReadThroughBlockstore } from '../src/index.ts'
import { brokenStore, collectAll, join, makeTestBlocks, openShards, OwnStore, rejection, Shelf } from './stores.ts'

const shard = makeTestBlocks(1, 6)
const [mine, other] = makeTestBlocks(2, 2) as [typeof shard[0] & object, typeof shard[0] & object]
const [first, second] = shard as [typeof mine, typeof mine]

const unreadable = (cid: CID): BlockstoreError => new BlockstoreError('BLOCKSTORE_UNREADABLE', 'disk', { cid, cause: new Error('EIO') })

describe('a read-through blockstore', () => {
  it('reads blocks of the shards and of the own store, and copies none', async () => {
    await using shards = await openShards([shard])
    const own = new OwnStore()
    const store = createReadThroughBlockstore(own, shards.blockstore)
    await store.put(mine.cid, mine.bytes)
    own.log.length = 0
    for (const { cid, bytes } of [...shard, mine]) {
      expect(await store.has(cid)).toBe(true)
      expect(await join(store.get(cid))).toEqual(bytes)
    }
    expect(await store.has(other.cid)).toBe(false)
    expect(own.log.filter((name) => name !== 'has' && name !== 'get')).toEqual([])
    expect((await collectAll(own.getAll())).map(({ cid }) => cid.multihash.digest)).toEqual([mine.cid.multihash.digest])
  })

  it('writes to the own store only, and lists and deletes there only', async () => {
    await using shards = await openShards([shard])
    const own = new OwnStore()
    const store = createReadThroughBlockstore(own, shards.blockstore)
    expect(await store.put(mine.cid, mine.bytes)).toEqual(mine.cid)
    expect(await collectAll(store.putMany([other, first]))).toEqual([other.cid, first.cid])
    expect((await collectAll(store.getAll())).length).toBe(3)
    await store.delete(mine.cid)
    await store.delete(second.cid)
    expect(await collectAll(store.deleteMany([other.cid, ...shard.map(({ cid }) => cid)]))).toHaveLength(7)
    expect(await collectAll(store.getAll())).toEqual([])
    expect(await store.has(mine.cid)).toBe(false)
    for (const { cid, bytes } of shard) expect(await join(store.get(cid))).toEqual(bytes)
    expect(await shards.shard('s0')).toMatchObject({ health: 'available' })
  })

  it('reads a block that is its own CID, however long that is', async () => {
    await using shards = await openShards([shard])
    const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore)
    const cid = CID.createV1(0x55, create(0, new Uint8Array(300_000).fill(7)))
    expect(await store.has(cid)).toBe(true)
    expect(await join(store.get(cid))).toEqual(cid.multihash.digest)
  })

  it('takes no absence of the own store for one when its caller has left: no shard is woken', async () => {
    const shelf = new Shelf()
    await using shards = await openShards([shard], shelf)
    const leaving = new AbortController()
    class Leaving extends OwnStore {
      override async * get (): AsyncGenerator<Uint8Array> {
        leaving.abort(new Error('left'))
        yield await Promise.reject<Uint8Array>(Object.assign(new Error('not found'), { name: 'NotFoundError' }))
      }
    }
    const store = createReadThroughBlockstore(new Leaving(), shards.blockstore)
    const reads = shelf.reads.length
    expect(await rejection(join(store.get(first.cid, { signal: leaving.signal })))).toBe(leaving.signal.reason)
    expect(shelf.reads.length).toBe(reads)
  })

  it('asks the own store first, so that a block there wakes no shard', async () => {
    const own = new OwnStore()
    const store = createReadThroughBlockstore(own, brokenStore(() => new Error('asked')))
    await store.put(mine.cid, mine.bytes)
    expect(await store.has(mine.cid)).toBe(true)
    expect(await join(store.get(mine.cid))).toEqual(mine.bytes)
    expect(own.log).toEqual(['put', 'has', 'get'])
  })

  it('goes to the shards at once for a block that the own store just lacked, and back to it if they have lost it', async () => {
    await using shards = await openShards([shard])
    const own = new OwnStore()
    const store = createReadThroughBlockstore(own, shards.blockstore)
    expect(await store.has(first.cid)).toBe(true)
    expect(await join(store.get(first.cid))).toEqual(first.bytes)
    expect(own.log).toEqual(['has'])
    expect(await store.has(second.cid)).toBe(true)
    await shards.destroy('s0')
    expect(await rejection(store.get(second.cid).next())).toMatchObject({ name: 'NotFoundError' })
    expect(own.log).toEqual(['has', 'has', 'get'])
    await store.put(second.cid, second.bytes)
    expect(await join(store.get(second.cid))).toEqual(second.bytes)
  })

  it('says that a block is absent on first iteration, as js-stores do', async () => {
    await using shards = await openShards([shard])
    const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore)
    const missing = store.get(mine.cid)
    expect(await rejection(missing.next())).toMatchObject({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 0 })
  })

  it('gives many blocks in the order asked for, as lazily as they are asked for, and throws for a missing one when its bytes are read', async () => {
    await using shards = await openShards([shard])
    const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore)
    await store.put(mine.cid, mine.bytes)
    let asked = 0
    const cids = async function * (): AsyncGenerator<CID> {
      for (const { cid } of [second, other, mine, first]) {
        asked++
        yield cid
      }
    }
    const pairs = store.getMany(cids())
    const take = async () => (await pairs.next()).value as { cid: CID, bytes: AsyncGenerator<Uint8Array> }
    expect(await join((await take()).bytes)).toEqual(second.bytes)
    expect(asked).toBe(1)
    const missing = await take()
    expect(missing.cid).toEqual(other.cid)
    expect(await rejection(join(missing.bytes))).toMatchObject({ name: 'NotFoundError' })
    expect(await join((await take()).bytes)).toEqual(mine.bytes)
    expect(await join((await take()).bytes)).toEqual(first.bytes)
    expect(await pairs.next()).toMatchObject({ done: true })
  })

  it('takes CIDs of another version or codec, and binary ones, where the shards do', async () => {
    await using shards = await openShards([shard])
    const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore)
    expect(await join(store.get(CID.createV1(0x71, first.cid.multihash)))).toEqual(first.bytes)
    expect(await join(store.get(first.cid.bytes))).toEqual(first.bytes)
    expect(await store.has(first.cid.bytes)).toBe(true)
    await expect(store.has(new Uint8Array(3))).rejects.toThrow(TypeError)
    await expect(store.get(new Uint8Array(3)).next()).rejects.toThrow(TypeError)
  })
})

describe('a read-through blockstore whose parts fail', () => {
  it('keeps code and cause of a shard that cannot be read, and says neither yes nor no', async () => {
    const store = createReadThroughBlockstore(new OwnStore(), brokenStore(unreadable))
    const wanted = { code: 'BLOCKSTORE_UNREADABLE', cause: { message: 'EIO' } }
    expect(await rejection(store.get(first.cid).next())).toMatchObject(wanted)
    expect(await rejection(store.has(first.cid))).toMatchObject(wanted)
  })

  it('reads from the shards what the own store fails to read', async () => {
    await using shards = await openShards([shard])
    const own = new OwnStore()
    own.failure = new Error('own disk')
    const store = createReadThroughBlockstore(own, shards.blockstore)
    expect(await store.has(first.cid)).toBe(true)
    expect(await join(store.get(first.cid))).toEqual(first.bytes)
  })

  it('throws the failure of the own store for what the shards lack, and never calls it absent', async () => {
    const own = new OwnStore()
    const failure = own.failure = new Error('own disk')
    const store = createReadThroughBlockstore(own, brokenStore((cid) => new BlockNotFoundError(cid)))
    expect(await rejection(store.has(mine.cid))).toBe(failure)
    expect(await rejection(store.get(mine.cid).next())).toBe(failure)
  })

  it('tells both failures', async () => {
    const own = new OwnStore()
    const failure = own.failure = new Error('own disk')
    const store = createReadThroughBlockstore(own, brokenStore(unreadable))
    for (const error of [await rejection(store.has(mine.cid)), await rejection(store.get(mine.cid).next())]) {
      expect(error).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
      expect(((error as Error).cause as AggregateError).errors).toEqual([failure, expect.objectContaining({ code: 'BLOCKSTORE_UNREADABLE' })])
    }
  })

  it('does not go on from elsewhere once a block has begun', async () => {
    await using shards = await openShards([shard])
    const own = new OwnStore()
    own.chunksFirst = 1
    const failure = own.failure = new BlockNotFoundError(first.cid)
    const store = createReadThroughBlockstore(own, shards.blockstore)
    expect(await rejection(join(store.get(first.cid)))).toBe(failure)
  })

  it('rejects with the reason of the signal where the own store calls an abort an absence', async () => {
    await using shards = await openShards([shard])
    const own = new OwnStore()
    const reason = new Error('enough')
    const store = createReadThroughBlockstore(own, shards.blockstore)
    const options = { signal: AbortSignal.abort(reason) }
    for (own.failure of [undefined, new BlockNotFoundError(first.cid), new Error('own disk')]) {
      expect(await rejection(store.get(first.cid, options).next())).toBe(reason)
      expect(await rejection(store.has(first.cid, options))).toBe(reason)
      expect(await rejection(store.getMany([first.cid], options).next())).toBe(reason)
    }
  })

  it('refuses reads of shards once the DAG store is closed, and still has its own', async () => {
    const shards = await openShards([shard])
    const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore)
    await store.put(mine.cid, mine.bytes)
    await shards.close()
    expect(await rejection(store.get(first.cid).next())).toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    expect(await rejection(store.has(first.cid))).toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    expect(await join(store.get(mine.cid))).toEqual(mine.bytes)
  })
})

describe('a read-through blockstore to which the unreadable is absent', () => {
  it('says not found with the failure as the cause, tells who listens, and has the block no more', async () => {
    const told: unknown[] = []
    const failure = unreadable(first.cid)
    const healthy = brokenStore(() => failure)
    const store = createReadThroughBlockstore(new OwnStore(), { ...healthy, has: () => true }, {
      unreadable: 'absent',
      onUnreadable: (cid, error) => {
        told.push([cid, error])
        throw new Error('the listener fails')
      },
    })
    expect(await store.has(first.cid)).toBe(true)
    expect(await rejection(store.get(first.cid).next())).toMatchObject({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', cause: failure })
    expect(await store.has(first.cid)).toBe(false)
    expect(await store.has(second.cid)).toBe(true)
    expect(told).toEqual([[first.cid, failure], [first.cid, failure]])
  })

  it('has the block again as soon as it can be read', async () => {
    const shelf = new Shelf()
    await using shards = await openShards([shard], shelf)
    const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore, { unreadable: 'absent' })
    const bytes = shelf.cars.get('s0')!
    const at = Buffer.from(bytes).indexOf(first.bytes)
    bytes[at]! ^= 1
    expect(await rejection(store.get(first.cid).next())).toMatchObject({ name: 'NotFoundError', cause: { code: 'BLOCKSTORE_HASH_MISMATCH' } })
    expect(await store.has(first.cid)).toBe(false)
    expect(await join(store.get(second.cid))).toEqual(second.bytes)
    bytes[at]! ^= 1
    expect(await store.has(first.cid)).toBe(true)
    expect(await join(store.get(first.cid))).toEqual(first.bytes)
    await shards.destroy('s0')
    expect(await store.has(first.cid)).toBe(false)
  })

  it('reads a copy that was put into the own store', async () => {
    const store = createReadThroughBlockstore(new OwnStore(), brokenStore(unreadable), { unreadable: 'absent' })
    expect(await store.has(first.cid)).toBe(false)
    await store.put(first.cid, first.bytes)
    expect(await store.has(first.cid)).toBe(true)
    expect(await join(store.get(first.cid))).toEqual(first.bytes)
  })

  it('hides failures of the own store too, but no abort and no store that is closed', async () => {
    const own = new OwnStore()
    own.failure = new Error('own disk')
    const shards = await openShards([shard])
    const store = createReadThroughBlockstore(own, shards.blockstore, { unreadable: 'absent' })
    expect(await store.has(mine.cid)).toBe(false)
    expect(await rejection(store.get(mine.cid).next())).toMatchObject({ name: 'NotFoundError', cause: own.failure })
    const reason = new Error('enough')
    expect(await rejection(store.has(mine.cid, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(await rejection(store.get(mine.cid, { signal: AbortSignal.abort(reason) }).next())).toBe(reason)
    own.failure = undefined
    await shards.close()
    expect(await rejection(store.has(first.cid))).toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    expect(await rejection(store.get(first.cid).next())).toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
  })

  it('forgets the oldest when too many cannot be read', async () => {
    let reads = 0
    const broken = brokenStore((cid) => {
      reads++
      return unreadable(cid)
    })
    const store = createReadThroughBlockstore(new OwnStore(), { ...broken, has: () => true }, { unreadable: 'absent' })
    const many = Array.from({ length: 4097 }, (_, at) => CID.createV1(0x55, create(0x12, new Uint8Array([...new Uint8Array(28), at >> 8, at & 255, 0, 0]))))
    for (const cid of many) await rejection(store.get(cid).next())
    reads = 0
    expect(await store.has(many[1]!)).toBe(false)
    expect(await store.has(many[0]!)).toBe(true)
    expect(reads).toBe(1)
  })
})
