/** Initialize-all and its like: streams of steps. */
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { all, gate, openNode, until, type NodeKit, type TestPiece } from './node-kit.ts'

const lazies = async (node: NodeKit, count: number): Promise<TestPiece[]> => {
  const pieces: TestPiece[] = []
  for (let seed = 1; seed <= count; seed++) pieces.push(await node.lazy(seed))
  return pieces
}

/** How many at a time are being opened, at most. */
const watchOpenings = (pieces: readonly TestPiece[]): { most: number } => {
  const seen = { most: 0 }
  let now = 0
  for (const piece of pieces) {
    piece.opening = async () => {
      seen.most = Math.max(seen.most, ++now)
      for (let i = 0; i < 5; i++) await turn()
      now--
    }
  }
  return seen
}

describe('DagstoreInitializeAll', () => {
  it('gives two events for each shard in state New, and leaves the others alone', async () => {
    await using node = await openNode()
    const [one, two, three] = await lazies(node, 3) as [TestPiece, TestPiece, TestPiece]
    await node.store.initialize(one.key)
    three.bytes = undefined
    const events = await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: false }))
    expect(events.map(({ Event, Current, Total, Success }) => [Event, Current, Total, Success])).toEqual([['start', 1, 2, false], ['end', 1, 2, expect.any(Boolean)], ['start', 2, 2, false], ['end', 2, 2, expect.any(Boolean)]])
    const ends = new Map(events.filter(({ Event }) => Event === 'end').map((event) => [event.Key, event]))
    expect(ends.get(two.key)).toMatchObject({ Success: true, Error: '' })
    expect(ends.get(three.key)).toMatchObject({ Success: false, Error: expect.stringMatching(/^DAGSTORE_SHARD_ERRORED: .*nothing is there/) })
    expect((await node.api.DagstoreListShards()).filter(({ State }) => State === 'ShardStateNew')).toEqual([])
  })
  it('ends at once where there is nothing to do', async () => {
    await using node = await openNode()
    expect(await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: false }))).toEqual([])
  })
  it('works on no more shards at a time than it is told, however slow its reader is', async () => {
    await using node = await openNode({ maxConcurrentIndexing: 8 })
    const pieces = await lazies(node, 12)
    const seen = watchOpenings(pieces)
    let events = 0
    for await (const event of node.api.DagstoreInitializeAll({ MaxConcurrency: 3, IncludeSealed: true })) {
      if (event.Event === 'end') await turn()
      events++
    }
    expect(events).toBe(24)
    expect(seen.most).toBeLessThanOrEqual(3)
    expect(seen.most).toBeGreaterThan(1)
  })
  it('repeats in the end of a shard the place of its start', async () => {
    await using node = await openNode({ maxConcurrentIndexing: 8 })
    const pieces = await lazies(node, 6)
    watchOpenings(pieces)
    const places = new Map<string, number[]>()
    for (const { Key, Current } of await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 4, IncludeSealed: true }))) places.set(Key, [...places.get(Key) ?? [], Current])
    expect([...places.values()].every(([start, end]) => start === end)).toBe(true)
    expect([...places.values()].map(([start]) => start)).toEqual([1, 2, 3, 4, 5, 6])
  })
  it('leaves out pieces of which only sealed copies are known, and those nobody can tell of, and says so', async () => {
    await using node = await openNode({ isUnsealed: async (cid) => {
      if (cid.toString() === odd) throw Object.assign(new Error('sector is away'), { code: 'PIECE_NO_SOURCE' })
      return sealed !== cid.toString()
    } })
    const pieces = await lazies(node, 3)
    const [odd, sealed, good] = pieces.map(({ key }) => key)
    const events = await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false }))
    expect(events.map(({ Key, Event }) => [Key, Event])).toEqual([[good, 'start'], [good, 'end']])
    expect(events.at(-1)).toMatchObject({ Current: 1, Total: 1 })
    expect(node.notices.toSorted()).toEqual([odd, sealed].toSorted().map((key) => expect.stringMatching(new RegExp(`key=${key} why=${key === odd ? 'PIECE_NO_SOURCE: sector is away' : 'only sealed'}`))))
  })
  it('takes them all when it is to include what is sealed, and asks nobody', async () => {
    let asked = 0
    await using node = await openNode({ isUnsealed: async () => { asked++; return false } })
    await lazies(node, 3)
    expect(await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 2, IncludeSealed: true }))).toHaveLength(6)
    expect(asked).toBe(0)
  })
  it('takes shards that are no pieces for unsealed', async () => {
    await using node = await openNode({ isUnsealed: async () => false })
    const piece = node.piece(1)
    await node.store.register('small', `bytes:${Buffer.from(piece.bytes!).toString('base64url')}`)
    expect((await all(node.api.DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false }))).map(({ Success }) => Success)).toEqual([false, true])
  })
  it('ends with the store, and says that it did', async () => {
    const node = await openNode()
    const [piece] = await lazies(node, 2) as [TestPiece]
    piece.opening = () => new Promise(() => {})
    const events = node.api.DagstoreInitializeAll({ MaxConcurrency: 1, IncludeSealed: true })[Symbol.asyncIterator]()
    await events.next()
    const rest = (async () => { while ((await events.next()).done !== true); })()
    await node.store.close()
    await expect(rest).rejects.toMatchObject({ data: { code: 'DAGSTORE_CLOSED' } })
  })
  it.each([-1, 0.5, Number.NaN])('refuses %s at a time', async (MaxConcurrency) => {
    await using node = await openNode()
    expect(() => node.api.DagstoreInitializeAll({ MaxConcurrency, IncludeSealed: true })).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
  })
})

describe('DagstoreRecoverAll', () => {
  it('recovers what is errored, or what failed with one code, each once', async () => {
    await using node = await openNode()
    const [gone, away, good] = await lazies(node, 3) as [TestPiece, TestPiece, TestPiece]
    const { bytes } = gone
    gone.bytes = undefined
    away.opening = async () => { throw Object.assign(new Error('no'), { code: 'MOUNT_FORBIDDEN', retry: 'never' }) }
    for (const { key } of [gone, away, good]) await node.store.initialize(key).catch(() => {})
    gone.bytes = bytes
    const some = await all(node.api.DagstoreRecoverAll(0, 'MOUNT_MISSING'))
    expect(some.map(({ Key, Event, Success }) => [Key, Event, Success])).toEqual([[gone.key, 'start', false], [gone.key, 'end', true]])
    const rest = await all(node.api.DagstoreRecoverAll())
    expect(rest.map(({ Key, Event, Success }) => [Key, Event, Success])).toEqual([[away.key, 'start', false], [away.key, 'end', false]])
  })
})

describe('garbage collection', () => {
  it('gives Lotus one result for each shard of which something went, and us all of it', async () => {
    await using node = await openNode()
    expect(await node.api.DagstoreGC()).toEqual([])
    const [piece, other] = await lazies(node, 2) as [TestPiece, TestPiece]
    await node.store.initialize(piece.key)
    const lease = await node.store.acquire(piece.key)
    await node.store.refresh(piece.key, { mount: other.url })
    await lease.close()
    const report = await node.api.DagstoreCollectGarbage(true)
    expect(report).toMatchObject({ UnreadRecords: 0 })
    expect(await node.api.DagstoreCollectGarbage(true)).toEqual(report)
    const results = await node.api.DagstoreGC()
    expect(results).toEqual([...new Set(report.Items.flatMap(({ Key }) => Key ?? []))].map((Key) => ({ Key, Success: true, Error: '' })))
    expect((await node.api.DagstoreCollectGarbage(true)).Items).toEqual([])
  })
})

describe('many callers at a time', () => {
  it('collect garbage, index, read, refresh and list without hindering one another', async () => {
    await using node = await openNode({ maxConcurrentIndexing: 4 })
    const pieces = await lazies(node, 30)
    let going = true
    const collecting = (async () => {
      const results = []
      while (going) {
        results.push(...await node.api.DagstoreGC())
        await turn()
      }
      return results
    })()
    const reading = (async () => {
      for (let at = 0; going; at++) {
        const { key, blocks } = pieces[at % pieces.length]!
        const lease = await node.store.acquire(key)
        expect((await lease.blockstore.bytes(blocks[1]!)).byteLength).toBeGreaterThan(0)
        await lease.close()
        if (at % 7 === 0) await node.api.DagstoreRefreshShard(key, pieces[at % pieces.length]!.url)
        await node.api.DagstoreListShards()
      }
    })()
    const streams = await Promise.all([1, 2].map(() => all(node.api.DagstoreInitializeAll({ MaxConcurrency: 3, IncludeSealed: false }))))
    for (const { Event, Success, Error } of streams.flat()) expect(Event === 'start' || Success, Error).toBe(true)
    going = false
    await reading
    expect((await collecting).filter(({ Success }) => !Success)).toEqual([])
    expect((await node.api.DagstoreListShards()).every(({ State }) => State === 'ShardStateAvailable' || State === 'ShardStateServing')).toBe(true)
    for (const { key } of pieces) expect(await node.api.DagstoreVerifyShard(key, { Mode: 'full' })).toMatchObject({ BadCount: 0, Repaired: [] })
  })
})

describe('a caller who leaves', () => {
  it('ends a stream of steps at once: what is under way is withdrawn, nothing new begins, nothing stays open', async () => {
    await using node = await openNode({ maxConcurrentIndexing: 4 })
    const pieces = await lazies(node, 20)
    let opened = 0
    for (const piece of pieces) {
      piece.opening = (signal) => new Promise((_resolve, reject) => {
        opened++
        signal?.addEventListener('abort', () => { reject(signal.reason as Error) })
      })
    }
    const leave = new AbortController()
    const events = node.api.DagstoreInitializeAll({ MaxConcurrency: 3, IncludeSealed: false }, { signal: leave.signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 3; i++) expect((await events.next()).value).toMatchObject({ Event: 'start' })
    const waiting = events.next()
    await until(() => opened >= 3)
    leave.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await until(async () => (await all(node.store.shards())).every(({ health, leases }) => health === 'new' && leases === 0))
    expect(opened).toBeLessThanOrEqual(4)
    expect(node.openSources).toBe(0)
  })
  it('withdraws calls on one shard, and takes nobody else along', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    const { passed, open } = gate()
    piece.opening = () => passed
    const leave = new AbortController()
    const left = node.api.DagstoreInitializeShard(piece.key, { signal: leave.signal })
    const stayed = node.api.DagstoreEnsureShard(piece.key)
    await until(async () => (await node.store.shard(piece.key))?.health === 'initializing')
    leave.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    open()
    expect(await stayed).toMatchObject({ State: 'ShardStateAvailable', Leases: 0 })
  })
  it.each(['DagstoreInitializeShard', 'DagstoreEnsureShard', 'DagstoreVerifyShard', 'DagstoreVerifyShardProgress'] as const)('ends what %s has begun when nobody else waits for it', async (call) => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    piece.opening = (signal) => new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason as Error) }) })
    const leave = new AbortController()
    const pending = call === 'DagstoreVerifyShardProgress' ? node.api[call](piece.key, {}, { signal: leave.signal })[Symbol.asyncIterator]().next() : call === 'DagstoreVerifyShard' ? node.api.DagstoreVerifyShard(piece.key, {}, { signal: leave.signal }) : node.api[call](piece.key, { signal: leave.signal })
    await until(async () => (await node.store.shard(piece.key))?.health === 'initializing')
    leave.abort(new Error('left'))
    await expect(pending).rejects.toThrow('left')
    await until(async () => { const info = await node.store.shard(piece.key); return info?.health === 'new' && info.leases === 0 })
    expect(node.openSources).toBe(0)
  })
  it('takes no registration along: it is recorded, and the store goes on with what was asked for', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    const { passed, open } = gate()
    piece.opening = () => passed
    const leave = new AbortController()
    const pending = node.api.DagstoreRegisterShard(piece.key, { signal: leave.signal })
    await until(async () => (await node.store.shard(piece.key))?.health === 'initializing')
    leave.abort(new Error('left'))
    await expect(pending).rejects.toThrow('left')
    open()
    await until(async () => (await node.store.shard(piece.key))?.health === 'available')
  })
  it('listens to nothing any more', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    const leave = new AbortController()
    const events = node.api.DagstoreEvents({}, { signal: leave.signal })[Symbol.asyncIterator]()
    const news = node.api.MarketGetDealUpdates({ signal: leave.signal })[Symbol.asyncIterator]()
    const [event, update] = [events.next(), news.next()]
    await node.api.DagstoreEnsureShard(piece.key)
    expect((await event).value).toMatchObject({ Type: 'health', Key: piece.key })
    const next = events.next()
    leave.abort(new Error('left'))
    await expect(update).rejects.toThrow('left')
    await next.catch(() => {})
    await until(() => node.news.listeners === 0)
  })
})
