import { describe, expect, it } from 'vitest'
import type { InitializeOutcome } from '../src/index.ts'
import { codeOf, collectAll, gate, makeCar, openHarness, rejection, until } from './harness.ts'

const car = makeCar(1)

describe('initializeAll', () => {
  it('indexes every shard that never was, one failure stopping no other, with a total that stays', async () => {
    await using h = await openHarness()
    h.sources.put('bad', new Uint8Array(5))
    for (let at = 0; at < 20; at++) await h.store.register(`k${at}`, at % 5 === 0 ? 'test:bad' : h.sources.put(String(at), car))
    await (await h.store.acquire('k1')).close()
    const progress: unknown[] = []
    const outcomes: InitializeOutcome[] = []
    for await (const outcome of h.store.initializeAll({ onProgress: (event) => { progress.push(event) } })) {
      outcomes.push(outcome)
      // one that comes meanwhile does not count
      if (outcomes.length === 1) await h.store.register('late', 'test:1')
    }
    expect(outcomes.map(({ index, total }) => [index, total])).toEqual(Array.from({ length: 19 }, (_, at) => [at + 1, 19]))
    expect(outcomes.filter(({ ok }) => !ok).map(({ key, error }) => [key, codeOf(error)]).sort()).toEqual(['k0', 'k10', 'k15', 'k5'].map((key) => [key, 'DAGSTORE_SHARD_ERRORED']))
    expect(progress.at(-1)).toEqual({ done: 19, failed: 4, total: 19 })
    expect((await collectAll(h.store.shards({ health: 'available' })))).toHaveLength(16)
    expect((await collectAll(h.store.initializeAll())).map(({ key }) => key)).toEqual(['late'])
  })

  it('takes the shards that a filter takes, errored ones too', async () => {
    await using h = await openHarness()
    for (const key of ['a', 'b', 'c']) await h.store.register(key, h.sources.put(key, car))
    h.sources.place('a').before = async () => { throw Object.assign(new Error('away'), { code: 'MOUNT_UNREACHABLE', retry: 'later' }) }
    await h.store.register('a', 'test:a', { indexing: 'eager' }).catch(() => {})
    h.sources.place('a').before = async () => {}
    const outcomes = await collectAll(h.store.initializeAll({ filter: ({ key }) => key !== 'b' }))
    expect(outcomes.map(({ key, ok, total }) => [key, ok, total]).sort()).toEqual([['a', true, 2], ['c', true, 2]])
    expect(await h.store.shard('b')).toMatchObject({ health: 'new' })
  })

  it('has no more under way than it is told, and starts none while nobody asks', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 10 })
    const { passed, open } = gate()
    let most = 0
    let now = 0
    for (let at = 0; at < 12; at++) {
      h.sources.put(String(at), car)
      h.sources.place(String(at)).before = async (step) => {
        if (step !== 'open') return
        most = Math.max(most, ++now)
        await passed
        now--
      }
      await h.store.register(`k${at}`, `test:${at}`)
    }
    const outcomes = h.store.initializeAll({ concurrency: 3 })
    const first = outcomes.next()
    await until(() => now === 3)
    open()
    await first
    await until(async () => (await collectAll(h.store.shards({ health: 'available' }))).length === 3)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve) })
    expect(await collectAll(h.store.shards({ health: 'available' }))).toHaveLength(3)
    expect(await collectAll(outcomes)).toHaveLength(11)
    expect(most).toBe(3)
    expect(await rejection(h.store.initializeAll({ concurrency: 0 }).next())).toBeInstanceOf(RangeError)
  })

  it('starts no more when its caller leaves or the store closes; what is under way goes on', async () => {
    const h = await openHarness()
    const { passed, open } = gate()
    for (let at = 0; at < 8; at++) {
      await h.store.register(`k${at}`, h.sources.put(String(at), car))
      h.sources.place(String(at)).before = (step) => step === 'open' ? passed : Promise.resolve()
    }
    const controller = new AbortController()
    const next = rejection(h.store.initializeAll({ concurrency: 2, signal: controller.signal }).next())
    await until(() => h.sources.opens.size === 2)
    controller.abort(new Error('left'))
    expect(await next).toBe(controller.signal.reason)
    open()
    await until(async () => (await collectAll(h.store.shards({ health: 'available' }))).length === 2)
    expect(await collectAll(h.store.shards({ health: 'new' }))).toHaveLength(6)
    const outcomes = h.store.initializeAll({ concurrency: 1 })
    await outcomes.next()
    const cut = rejection(collectAll(outcomes))
    await h.store.close()
    expect(codeOf(await cut)).toBe('DAGSTORE_CLOSED')
  })
})
