/** Calls on single shards, as Lotus's clients make them. */
import type { DagstoreVerifyOptions } from '@dagstore/lotus-api'
import { bytesUrl } from '@dagstore/mounts'
import { pieceCidV2, parsePieceCid } from '@dagstore/piece'
import { describe, expect, it } from 'vitest'
import { ADMIN, all, gate, openNode, until } from './node-kit.ts'

describe('DagstoreListShards', () => {
  it('lists all shards by the bytes of their keys, with their state and why they are errored', async () => {
    await using node = await openNode()
    const [good, bad] = [await node.lazy(1), await node.lazy(2)]
    bad.bytes = undefined
    await node.store.register('\u{1F600}', good.url)
    await node.store.register('\uFFFD', good.url)
    await node.store.initialize(bad.key).catch(() => {})
    const lease = await node.store.acquire(good.key)
    const listed = await node.api.DagstoreListShards()
    expect(listed.map(({ Key }) => Key)).toEqual([...[good.key, bad.key].sort(), '\uFFFD', '\u{1F600}'])
    expect(listed.find(({ Key }) => Key === good.key)).toEqual({ Key: good.key, State: 'ShardStateServing', Error: '' })
    expect(listed.find(({ Key }) => Key === bad.key)).toEqual({ Key: bad.key, State: 'ShardStateErrored', Error: expect.stringMatching(/^MOUNT_MISSING: /) })
    await lease.close()
  })
  it('gives an empty list, never null, where there is nothing', async () => {
    await using node = await openNode()
    expect(await node.call('Filecoin.DagstoreListShards')).toEqual({ jsonrpc: '2.0', id: 1, result: [] })
  })
})

describe('DagstoreInitializeShard', () => {
  it('waits until the shard is available, and holds nothing of it then', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    const { passed, open } = gate()
    piece.opening = () => passed
    let done = false
    const call = node.api.DagstoreInitializeShard(piece.key).then(() => { done = true })
    await until(async () => (await node.store.shard(piece.key))?.health === 'initializing')
    expect(done).toBe(false)
    open()
    await call
    expect(await node.store.shard(piece.key)).toMatchObject({ health: 'available', leases: 0 })
  })
  it('refuses a shard in another state, and names the state', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreInitializeShard(piece.key)
    expect((await node.call('Filecoin.DagstoreInitializeShard', [piece.key])).error).toEqual({
      code: 1, message: 'cannot initialize shard; expected state ShardStateNew, was: ShardStateAvailable', data: { code: 'DAGSTORE_NOT_NEW' },
    })
  })
  it('says what Lotus says of a shard that nobody knows, with our code beside it', async () => {
    await using node = await openNode()
    for (const method of ['Filecoin.DagstoreInitializeShard', 'Filecoin.DagstoreRecoverShard']) {
      expect((await node.call(method, ['none'])).error).toEqual({ code: 1, message: 'failed to get shard info: shard not found', data: { code: 'DAGSTORE_SHARD_UNKNOWN' } })
    }
  })
  it('says why it failed, down to the cause', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    piece.bytes = undefined
    const { error } = await node.call('Filecoin.DagstoreInitializeShard', [piece.key])
    expect(error).toMatchObject({ code: 1, message: expect.stringMatching(/^failed to acquire shard: .*nothing is there/), data: { code: 'DAGSTORE_SHARD_ERRORED', cause: 'MOUNT_MISSING' } })
  })
  it('gives both of two who ask at the same time the shard', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await Promise.all([node.api.DagstoreInitializeShard(piece.key), node.api.DagstoreInitializeShard(piece.key)])
    expect(await node.store.shard(piece.key)).toMatchObject({ health: 'available' })
  })
})

describe('DagstoreRecoverShard', () => {
  it('recovers an errored shard, and refuses any other by its state', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    expect((await node.call('Filecoin.DagstoreRecoverShard', [piece.key])).error).toEqual({
      code: 1, message: 'cannot recover shard; expected state ShardStateErrored, was: ShardStateNew', data: { code: 'DAGSTORE_NOT_ERRORED' },
    })
    const { bytes } = piece
    piece.bytes = undefined
    await node.api.DagstoreInitializeShard(piece.key).catch(() => {})
    await expect(node.api.DagstoreRecoverShard(piece.key)).rejects.toMatchObject({ data: { code: 'DAGSTORE_SHARD_ERRORED' } })
    piece.bytes = bytes
    await node.api.DagstoreRecoverShard(piece.key)
    expect(await node.store.shard(piece.key)).toMatchObject({ health: 'available', leases: 0 })
  })
})

describe('DagstoreRegisterShard', () => {
  it('registers a piece and waits until it is indexed', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    await node.api.DagstoreRegisterShard(piece.key)
    expect(await node.store.shard(piece.key)).toMatchObject({ mountUrl: piece.url, health: 'available' })
  })
  it('does nothing where the piece is registered, also under the other form of its CID, or while another call registers it', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    await Promise.all([node.api.DagstoreRegisterShard(piece.key), node.api.DagstoreRegisterShard(piece.key)])
    const v2 = pieceCidV2(parsePieceCid(piece.cid).commitment, 1 << 20).toString()
    await node.api.DagstoreRegisterShard(v2)
    expect((await all(node.store.shards())).map(({ key }) => key)).toEqual([piece.key])
  })
  it('does nothing for any key that is registered, whatever it is', async () => {
    await using node = await openNode()
    await node.store.register('a name', 'bytes:')
    await node.api.DagstoreRegisterShard('a name')
    expect(await node.store.shard('a name')).toMatchObject({ health: 'new' })
  })
  it.each(['no CID', '', 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'])('refuses %j, which is no piece', async (key) => {
    await using node = await openNode()
    const { error } = await node.call('Filecoin.DagstoreRegisterShard', [key])
    expect(error).toMatchObject({ code: 1, data: { code: expect.stringMatching(/^(RPC_BAD_PARAMS|DAGSTORE_BAD_KEY)$/) } })
    expect(await node.api.DagstoreListShards()).toEqual([])
  })
  it('keeps a shard that could not be indexed, and says why', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    piece.bytes = undefined
    await expect(node.api.DagstoreRegisterShard(piece.key)).rejects.toMatchObject({ message: expect.stringMatching(/^failed to register shard: /), data: { cause: 'MOUNT_MISSING' } })
    expect(await node.store.shard(piece.key)).toMatchObject({ health: 'errored' })
  })
})

describe('DagstoreLookupPieces', () => {
  it('lists the shards that hold a block, by key, whatever the codec of the CID that was asked for', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    for (const key of ['b', 'a', '\u{1F600}', '\uFFFD']) await node.store.register(key, piece.url)
    await all(node.store.initializeAll())
    const found = await node.api.DagstoreLookupPieces(piece.blocks[3]!)
    expect(found.map(({ Key }) => Key)).toEqual(['a', 'b', piece.key, '\uFFFD', '\u{1F600}'])
    expect(found[0]).toEqual({ Key: 'a', State: expect.stringMatching(/^ShardState(Available|Serving)$/), Error: '' })
    expect(await node.api.DagstoreLookupPieces(node.piece(2).blocks[0]!)).toEqual([])
  })
})

describe('calls of ours on single shards', () => {
  it('tell all of a shard, and the whole URL of its mount to administrators alone', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    const url = bytesUrl(piece.bytes!)
    await node.store.register('small', url)
    await node.api.DagstoreEnsureShard(piece.key)
    expect(await node.api.DagstoreShardInfo(piece.key)).toMatchObject({ Key: piece.key, State: 'ShardStateAvailable', MountURL: piece.url, IndexGeneration: 1, Leases: 0, Failure: null, Findings: [] })
    expect(await node.api.DagstoreShardInfo('small', ADMIN)).toMatchObject({ MountURL: url })
    expect(await node.api.DagstoreShardInfo('small', { permissions: ['read', 'write', 'sign'] })).toMatchObject({ MountURL: 'bytes:' })
    expect((await node.api.DagstoreQueryShards({}, { permissions: ['read'] })).Shards.map(({ MountURL }) => MountURL)).toEqual([piece.url, 'bytes:'])
    expect((await node.call('Filecoin.DagstoreShardInfo', ['none'])).result).toBeNull()
  })
  it('destroy a shard, and look at another source for one', async () => {
    await using node = await openNode()
    const [piece, other] = [await node.lazy(1), node.piece(2)]
    await node.api.DagstoreEnsureShard(piece.key)
    expect(await node.api.DagstoreRefreshShard(piece.key, other.url, ADMIN)).toMatchObject({ MountURL: other.url, State: 'ShardStateAvailable' })
    expect((await node.api.DagstoreLookupPieces(other.blocks[0]!)).map(({ Key }) => Key)).toEqual([piece.key])
    await node.api.DagstoreDestroyShard(piece.key)
    expect(await node.api.DagstoreListShards()).toEqual([])
    await expect(node.api.DagstoreDestroyShard(piece.key)).rejects.toMatchObject({ data: { code: 'DAGSTORE_SHARD_UNKNOWN' } })
  })
  it('verify a shard and say what is wrong with its bytes', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreEnsureShard(piece.key)
    expect(await node.api.DagstoreVerifyShard(piece.key, { Mode: 'full' })).toMatchObject({ Key: piece.key, Mode: 'full', Blocks: 6, Checked: 6, Bad: [], BadCount: 0, Repaired: [] })
    piece.bytes = piece.bytes?.map((byte, at, { length }) => at === length - 1 ? byte ^ 1 : byte)
    const report = await node.api.DagstoreVerifyShard(piece.key, { Mode: 'full' })
    expect(report).toMatchObject({ BadCount: 1, Bad: [{ Code: 'BLOCKSTORE_HASH_MISMATCH', Cid: piece.blocks[5]!.toString() }] })
  })
  it('verify one telling how far they are, and give the same report', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreEnsureShard(piece.key)
    const values = await all(node.api.DagstoreVerifyShardProgress(piece.key, { Mode: 'full' }))
    const whole = await node.api.DagstoreVerifyShard(piece.key, { Mode: 'full' })
    expect(values.at(-1)).toEqual({ DoneBytes: whole.Bytes, TotalBytes: whole.Bytes, Report: whole })
    const before = values.slice(0, -1)
    expect(before.length).toBeGreaterThan(0)
    for (const { DoneBytes, TotalBytes, Report } of before) expect([DoneBytes <= (TotalBytes ?? 0), Report]).toEqual([true, null])
    expect(before.map(({ DoneBytes }) => DoneBytes)).toEqual(before.map(({ DoneBytes }) => DoneBytes).sort((a, b) => a - b))
    const of = (key: string, how: DagstoreVerifyOptions): Promise<unknown> => all(node.api.DagstoreVerifyShardProgress(key, how))
    await expect(of('nobody', {})).rejects.toMatchObject({ data: { code: 'DAGSTORE_SHARD_UNKNOWN' } })
    await expect((async () => of(piece.key, { Seed: -1 }))()).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })
  it('give out the index file of the generation that there is, a part at a time, and no other file', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreEnsureShard(piece.key)
    const whole = await node.api.DagstoreReadIndex(piece.key, 1, 0, 1 << 20)
    expect(whole.Bytes.byteLength).toBe(whole.SizeBytes)
    const part = await node.api.DagstoreReadIndex(piece.key, 1, 10, 20)
    expect(part.Bytes).toEqual(whole.Bytes.subarray(10, 20))
    expect((await node.api.DagstoreReadIndex(piece.key, 1, whole.SizeBytes + 5, whole.SizeBytes + 9)).Bytes.byteLength).toBe(0)
    await expect(node.api.DagstoreReadIndex(piece.key, 2, 0, 1)).rejects.toMatchObject({ data: { code: 'INDEX_MISSING' } })
    await expect(node.api.DagstoreReadIndex('../x', 1, 0, 1)).rejects.toMatchObject({ data: { code: 'INDEX_MISSING' } })
    for (const [generation, from, to] of [[1, 0, (1 << 20) + 1], [1, 5, 4], [1, -1, 4], [0, 0, 1]] as const) {
      await expect(node.api.DagstoreReadIndex(piece.key, generation, from, to)).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
    }
  })
})
