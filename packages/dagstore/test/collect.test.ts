import { indexName } from '@dagstore/index-repo'
import { transientName } from '@dagstore/mounts'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { createMemoryCatalogue, openCatalogue, type ShardCatalogue, type ShardRecord } from '../src/index.ts'
import { applyChange, type Change } from '../src/machine/index.ts'
import { collectAll, gate, makeCar, namesIn, openHarness, until } from './harness.ts'

const record: ShardRecord = {
  url: 'test:a', health: 'new', destroying: false, dataGeneration: 0, lastDataGeneration: 0, indexGeneration: 0, index: undefined, building: undefined,
  refresh: undefined, localCopy: undefined, failure: undefined,
}

describe.each([
  { name: 'in memory', open: async (): Promise<ShardCatalogue> => createMemoryCatalogue() },
  { name: 'in a database', open: async (): Promise<ShardCatalogue> => openCatalogue(new MemoryLevel<any, any>({ storeEncoding: 'view' })) },
])('a catalogue $name', ({ open }) => {
  it('forgets the garbage of a shard with its record: the names are used again by the next shard of that key', async () => {
    const catalogue = await open()
    const garbage = [{ kind: 'data', generation: 1 }, { kind: 'index', generation: 1, shardNumber: 3 }] as const
    for (const key of ['a', 'ab']) await catalogue.commit([{ key, ifVersion: 'absent', record, garbage }])
    await catalogue.commit([{ key: 'a', ifVersion: 1n, record: undefined }])
    expect((await collectAll(catalogue.garbage(undefined))).map(({ key }) => key)).toEqual(['ab', 'ab'])
  })
})

describe('a change of a record', () => {
  const full: ShardRecord = {
    ...record, health: 'recovering', dataGeneration: 2, lastDataGeneration: 3, indexGeneration: 2, index: { generation: 1, shardNumber: 4 }, building: { generation: 2, shardNumber: 5 },
    refresh: { url: 'test:b', dataGeneration: 3 },
  }
  const failure = { code: 'X', message: '', at: '', retry: 'never', attempts: 1, nextRetryAt: undefined } as const
  const named = ({ index, building, dataGeneration, refresh }: ShardRecord): string[] => [
    ...[index, building].flatMap((one) => one === undefined ? [] : `index ${one.generation} ${one.shardNumber}`),
    ...[dataGeneration, refresh?.dataGeneration ?? 0].flatMap((generation) => generation === 0 ? [] : `data ${generation}`),
  ]
  const changes: readonly Change[] = [
    { type: 'begin', health: 'recovering', refetch: false, registerAs: undefined }, { type: 'begin', health: 'recovering', refetch: true, registerAs: undefined }, { type: 'begin-refresh', url: 'test:b', refetch: false },
    { type: 'begin-refresh', url: 'test:b', refetch: true }, { type: 'commit' }, { type: 'undo' }, { type: 'fail', failure }, { type: 'heal' }, { type: 'destroy' },
  ]
  it.each(changes.map((change) => ({ change })))('loses sight of nothing: what the record does not name any more is garbage; $change.type', ({ change }) => {
    for (const from of [full, { ...full, refresh: undefined }, { ...full, building: undefined, refresh: undefined }]) {
      if (change.type === 'commit' && from.building === undefined) continue
      const { record: to, garbage } = applyChange(from, change, 9)
      const left = named(from).filter((name) => !named(to!).includes(name))
      expect(garbage.map((item) => item.kind === 'data' ? `data ${item.generation}` : `index ${item.generation} ${item.shardNumber}`).sort()).toEqual([...new Set(left)].sort())
    }
  })
})

describe('collecting garbage', () => {
  it('leaves the files of a shard alone that was destroyed and registered again meanwhile', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    for (const key of ['a', 'b']) await first.store.register(key, first.sources.put(key, car, { access: 'sequential' }), { indexing: 'eager' })
    expect(await namesIn(first.files)).toHaveLength(4)
    const { db } = first
    const catalogue = await openCatalogue(db)
    // what a crash left: garbage of both, not collected yet
    for (const key of ['a', 'b']) {
      const stored = await catalogue.get(key)
      await catalogue.commit([{ key, ifVersion: stored!.version, record: { ...stored!.record, index: undefined, health: 'new' }, garbage: [
        { kind: 'index', generation: 1, shardNumber: stored!.record.index!.shardNumber }, { kind: 'data', generation: 1 },
      ] }])
    }
    await first.store.close()
    const { passed, open } = gate()
    let removals = 0
    const slow = (directory: typeof first.files): typeof first.files => ({
      ...directory,
      child: (name) => slow(directory.child(name)),
      remove: async (name) => {
        // the first thing to be collected takes its time
        if (removals++ === 0) await passed
        return directory.remove(name)
      },
    })
    await using h = await openHarness({}, { db, files: slow(first.files), sources: first.sources })
    await until(() => removals > 0)
    await h.store.destroy('b')
    await h.store.register('b', h.sources.put('b', car), { indexing: 'eager' })
    expect(await namesIn(h.files)).toEqual(expect.arrayContaining([`index/${indexName('b', 1)}`, `transients/${transientName('b', 1)}`]))
    open()
    await until(async () => (await collectAll(catalogue.garbage(undefined))).length === 0)
    expect((await namesIn(h.files)).sort()).toEqual([`index/${indexName('b', 1)}`, `transients/${transientName('b', 1)}`].sort())
  })
})

describe('going on after a restart', () => {
  it('finishes the others while one source does not answer', async () => {
    const first = await openHarness()
    for (const key of ['a', 'b']) await first.store.register(key, first.sources.put(key, makeCar(1)))
    const catalogue = await openCatalogue(first.db)
    const change = async (key: string, to: Partial<ShardRecord>): Promise<void> => {
      const { record: from, version } = (await catalogue.get(key))!
      await catalogue.commit([{ key, ifVersion: version, record: { ...from, ...to } }])
    }
    await change('a', { health: 'initializing' })
    await change('b', { destroying: true })
    first.sources.place('a').before = (_, signal) => new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) })
    await using h = await first.reopen({ maxConcurrentIndexing: 1 })
    await until(async () => await h.store.shard('b') === undefined)
    expect(await h.store.shard('a')).toMatchObject({ health: 'initializing' })
  })
})
