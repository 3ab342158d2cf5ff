/** The methods behind a server, and callers who are gone before they are answered. */
import { describe, expect, it } from 'vitest'
import { PERMISSIONS } from '@dagstore/lotus-api'
import { all, openNode, until, type TestPiece } from './node-kit.ts'
import { serve } from '../server.ts'

/** Opened, and nothing comes until whoever opens it leaves. */
const hang = (piece: TestPiece): { readonly opened: number } => {
  const seen = { opened: 0 }
  piece.opening = (signal) => new Promise((_resolve, reject) => {
    seen.opened++
    signal?.addEventListener('abort', () => { reject(signal.reason as Error) })
  })
  return seen
}

describe('a caller who is gone', () => {
  it.each(['http', 'ws'] as const)('over %s leaves nothing under way: no job, no lease, no source', async (how) => {
    await using node = await openNode({ maxConcurrentIndexing: 4 })
    const world = await serve({ api: node.api })
    const pieces = [await node.lazy(1), await node.lazy(2), await node.lazy(3)]
    const seen = pieces.map(hang)
    const client = world.client(PERMISSIONS, how)
    const leave = new AbortController()
    const calls = [
      client.DagstoreInitializeShard(pieces[0]!.key, { signal: leave.signal }),
      client.DagstoreVerifyShard(pieces[1]!.key, {}, { signal: leave.signal }),
      client.DagstoreEnsureShard(pieces[2]!.key, { signal: leave.signal }),
    ].map((call) => call.catch((error: unknown) => error))
    await until(() => seen.every(({ opened }) => opened > 0))
    leave.abort(new Error('gone'))
    await Promise.all(calls)
    await until(async () => (await all(node.store.shards())).every(({ health, leases }) => health === 'new' && leases === 0))
    expect(node.openSources).toBe(0)
    await client.close()
    await world.close()
  })
  it('with the connection takes along streams, those that wait too, and their subscriptions', async () => {
    await using node = await openNode({ maxConcurrentIndexing: 4 })
    const world = await serve({ api: node.api })
    const pieces = [await node.lazy(1), await node.lazy(2), await node.lazy(3)]
    const seen = pieces.map(hang)
    const client = world.client(PERMISSIONS, 'ws')
    const events = client.DagstoreInitializeAll({ MaxConcurrency: 2, IncludeSealed: false })[Symbol.asyncIterator]()
    const news = client.MarketGetDealUpdates()[Symbol.asyncIterator]()
    expect((await events.next()).value).toMatchObject({ Event: 'start', Total: 3 })
    const waiting = [events.next(), events.next(), news.next()].map((next) => next.catch((error: unknown) => error))
    await until(() => seen.filter(({ opened }) => opened > 0).length === 2 && node.news.listeners === 1)
    await client.close()
    await Promise.all(waiting)
    await until(async () => node.news.listeners === 0 && (await all(node.store.shards())).every(({ health, leases }) => health === 'new' && leases === 0))
    expect(seen.filter(({ opened }) => opened > 0)).toHaveLength(2)
    await world.close()
  })
})
