/** A database that cannot be read for a moment: callers are told, nothing counts as absent, and the next call is served. */
import { indexName } from '@dagstore/index-repo'
import { describe, expect, it } from 'vitest'
import { codeOf, gate, type Harness, makeCar, openHarness, rejection, until } from './harness.ts'

/** Make the reads of records for which `fails` says so reject. */
const failReads = ({ db }: Harness, fails: (key: string) => boolean): void => {
  type Get = (key: Uint8Array, options: object) => Promise<Uint8Array | undefined>
  const below = db as unknown as { _get: Get }
  const get = below._get.bind(below)
  below._get = async (key, options) => {
    const text = new TextDecoder().decode(key)
    if (text.startsWith('!catalogue!r') && fails(text.slice('!catalogue!r'.length))) throw new Error('disk')
    return get(key, options)
  }
}

describe('a record that cannot be read', () => {
  it('refuses who asks, is not taken for an absent one, and is read again by the next', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    await using h = await first.reopen()
    let sick = true
    failReads(h, () => sick)
    const calls = [h.store.acquire('a'), h.store.acquire('a', { registerAs: 'test:a' }), h.store.register('a', 'test:a'), h.store.initialize('a'), h.store.recover('a'), h.store.refresh('a'), h.store.destroy('a'), h.store.shard('a')]
    for (const error of await Promise.all(calls.map((call: Promise<unknown>) => rejection(call)))) expect(error).toMatchObject({ code: 'DAGSTORE_STORAGE_FAILED', retry: 'later' })
    expect(codeOf(await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_UNREADABLE')
    sick = false
    expect(await h.store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(1)
  })

  // the first look is at the index that is named; then one before the shard's machine is asked, and one of the machine
  it.each([2, 3])('keeps gc from its orphans, and not from its end: read %d', async (failing) => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await using h = await first.reopen()
    const orphan = `index/${indexName('a', 7)}`
    await h.files.writeAtomic(orphan, [Uint8Array.of(1)])
    let reads = 0
    failReads(h, (key) => key === 'a' && ++reads === failing)
    expect((await h.store.gc()).failures).toBe(1)
    expect(await h.files.stat(orphan)).toBeDefined()
    expect(await h.store.gc()).toMatchObject({ failures: 0, items: [{ key: 'a', kind: 'orphan' }] })
  })
})

describe('a caller who leaves while his answer is on its way', () => {
  it('D36: has no lease, and the shard none too many', async () => {
    const leaving = new AbortController()
    await using h = await openHarness({ onEvent: (event) => { if (event.type === 'health' && event.to === 'available') leaving.abort(new Error('gone')) } })
    await h.store.register('a', h.sources.put('a', makeCar(1)))
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'open') await passed }
    const acquiring = rejection(h.store.acquire('a', { signal: leaving.signal }))
    open()
    expect(await acquiring).toBe(leaving.signal.reason)
    await until(() => h.sources.open === 0)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', leases: 0 })
  })
})
