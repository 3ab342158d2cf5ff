/** What went wrong in Lotus behind these methods, and does not here. Numbers: the list of its defects. */
import { describe, expect, it } from 'vitest'
import { all, gate, openNode, until } from './node-kit.ts'
import { CID } from 'multiformats/cid'

describe('defects of Lotus', () => {
  it('L1: MaxConcurrency 0 means no limit; it waited for ever for a token of none', async () => {
    await using node = await openNode({ maxConcurrentIndexing: 4 })
    for (let seed = 1; seed <= 5; seed++) await node.lazy(seed)
    const events = await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false }))
    expect(events.filter(({ Event, Success }) => Event === 'end' && Success)).toHaveLength(5)
    expect(events.slice(0, 5).every(({ Event }) => Event === 'start')).toBe(true)
  })
  it('L1: IncludeSealed reaches the call, so that sealed pieces are tried; the command read a flag of another name', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    piece.isUnsealed = false
    expect(await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: false }))).toEqual([])
    expect(await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: true }))).toHaveLength(2)
  })
  it('L1: leaving ends the stream also while it waits for an event; the pump received from the workers before it looked whether its caller had left', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    piece.opening = (signal) => new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason as Error) }) })
    const leave = new AbortController()
    const events = node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: true }, { signal: leave.signal })[Symbol.asyncIterator]()
    await events.next()
    const waiting = events.next()
    leave.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await until(async () => (await node.store.shard(piece.key))?.health === 'new')
  })
  it('L1: a shard begins while others are still looked at; nothing was told before the last one had been', async () => {
    const { passed, open } = gate()
    let first = true
    await using node = await openNode({ isUnsealed: async () => {
      if (first) { first = false; return true }
      await passed
      return false
    } })
    for (let seed = 1; seed <= 40; seed++) await node.lazy(seed)
    const events = node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: false })[Symbol.asyncIterator]()
    expect((await events.next()).value).toMatchObject({ Event: 'start', Current: 1, Total: 40 })
    expect((await events.next()).value).toMatchObject({ Event: 'end', Success: true, Current: 1 })
    open()
    expect((await events.next()).done).toBe(true)
    expect(node.notices).toHaveLength(39)
  })
  it('L1: pieces are looked at several at a time, and never all at once', async () => {
    let [now, most] = [0, 0]
    await using node = await openNode({ isUnsealed: async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => { setImmediate(resolve) })
      now--
      return false
    } })
    for (let seed = 1; seed <= 60; seed++) await node.lazy(seed)
    await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: false }))
    expect(most).toBeGreaterThan(4)
    expect(most).toBeLessThanOrEqual(16)
  })
  it('L2: a caller who leaves InitializeShard holds nothing; the accessor that came after him was never closed, and the shard served for ever', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    for (const moment of ['before', 'at the end'] as const) {
      const { passed, open } = gate()
      piece.opening = () => passed
      const leave = new AbortController()
      const call = node.api.DagstoreInitializeShard(piece.key, { signal: leave.signal })
      await until(async () => (await node.store.shard(piece.key))?.health === 'initializing')
      if (moment === 'at the end') open()
      leave.abort(new Error('left'))
      open()
      await call.catch(() => {})
      await until(async () => { const info = await node.store.shard(piece.key); return info?.leases === 0 && info.health !== 'initializing' })
      if ((await node.store.shard(piece.key))?.health === 'available') break
    }
    const list = await node.api.DagstoreListShards()
    expect(list[0]?.State).not.toBe('ShardStateServing')
  })
  it('L2: two who register a piece at the same time both get it; the second one failed, since it was there', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    await Promise.all(Array.from({ length: 5 }, () => node.api.DagstoreRegisterShard(piece.key)))
    expect(await node.store.shard(piece.key)).toMatchObject({ health: 'available' })
  })
  it('L5: a piece that is registered already, lazily too, is no error of whoever registers it', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreRegisterShard(piece.key)
    expect(await node.store.shard(piece.key)).toMatchObject({ health: 'new' })
    expect(await node.api.DagstoreEnsureShard(piece.key)).toMatchObject({ State: 'ShardStateAvailable' })
  })
  it('L14: asking for a block under another codec ends; the lookup went round for ever', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreEnsureShard(piece.key)
    const other = CID.createV1(0x70 === piece.blocks[0]!.code ? 0x55 : 0x70, piece.blocks[0]!.multihash)
    expect((await node.api.DagstoreLookupPieces(other)).map(({ Key }) => Key)).toEqual([piece.key])
    expect(await node.api.DagstoreUnindexed(other)).toBe(0)
    await node.api.DagstoreWhy(other)
  })
  it('L16: relative paths are refused; they were taken from the folder in which the daemon had been started', async () => {
    await using node = await openNode()
    const cid = node.piece(1).blocks[0]!
    for (const path of ['in.car', './in.car', '../in.car', '', 'file:///in.car']) {
      await expect(node.api.DealsImportData(cid, path)).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
      await expect(node.api.MarketImportDealData(cid, path)).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
    }
    expect(node.imported).toEqual([])
  })
  it('L17: nothing that is told or logged repeats a token', async () => {
    await using node = await openNode()
    const secret = 'eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6WyJhZG1pbiJdfQ.c2VjcmV0'
    const { error } = await node.call('Filecoin.AuthVerify', [secret])
    const wrong = await node.call('Filecoin.AuthNew', [[secret]])
    expect(JSON.stringify([error, wrong, node.notices])).not.toContain(secret)
  })
})
