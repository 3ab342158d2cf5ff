import { createCrashLevel, seededRandom } from '@dagstore-tooling/testkit'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { createMemoryCatalogue, openCatalogue, type ShardCatalogue, type ShardRecord } from '../src/index.ts'
import { decodeRecord, encodeRecord } from '../src/catalogue/record-codec.ts'
import { upgradeCatalogue } from '../src/catalogue/upgrade.ts'
import { codeOf, collectAll, rejection } from './harness.ts'

const record = (change: Partial<ShardRecord> = {}): ShardRecord => ({
  url: 'test:a', health: 'new', destroying: false, dataGeneration: 0, lastDataGeneration: change.dataGeneration ?? 0, indexGeneration: 0, index: undefined, building: undefined,
  refresh: undefined, localCopy: undefined, failure: undefined, ...change,
})
const indexed = (shardNumber: number, change: Partial<ShardRecord> = {}): ShardRecord =>
  record({ health: 'available', dataGeneration: 1, indexGeneration: 1, index: { generation: 1, shardNumber }, ...change })

const newDatabase = (): MemoryLevel<any, any> => new MemoryLevel<any, any>({ storeEncoding: 'view' })

describe.each<{ form: string, open: () => Promise<ShardCatalogue> }>([
  { form: 'in a database', open: () => openCatalogue(newDatabase()) },
  { form: 'in memory', open: async () => createMemoryCatalogue() },
])('a catalogue $form', ({ open }) => {
  it('gives back what was committed, and versions that rise by one', async () => {
    const catalogue = await open()
    expect(await catalogue.get('a')).toBeUndefined()
    expect(await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record() }])).toBe('done')
    const full = indexed(5, { building: { generation: 2, shardNumber: 6 }, health: 'recovering', failure: { code: 'X', message: 'm', at: 't', retry: 'later', attempts: 2, nextRetryAt: '2026-01-01T00:00:00.000Z' }, destroying: true, lastDataGeneration: 4, refresh: { url: 'test:b', dataGeneration: 4 }, localCopy: { path: '/x', mode: 'link' } })
    expect(await catalogue.commit([{ key: 'a', ifVersion: 1n, record: full }])).toBe('done')
    expect(await catalogue.get('a')).toEqual({ record: full, version: 2n, damaged: false })
    expect(await catalogue.commit([{ key: 'a', ifVersion: 2n, record: undefined }])).toBe('done')
    expect(await catalogue.get('a')).toBeUndefined()
  })

  it('does nothing at all when any version moved', async () => {
    const catalogue = await open()
    await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record() }])
    expect(await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record({ url: 'x' }) }])).toBe('conflict')
    expect(await catalogue.commit([{ key: 'b', ifVersion: 'absent', record: record() }, { key: 'a', ifVersion: 7n, record: record() }])).toBe('conflict')
    expect(await catalogue.commit([{ key: 'b', ifVersion: 1n, record: undefined }])).toBe('conflict')
    expect(await catalogue.get('b')).toBeUndefined()
    expect((await catalogue.get('a'))?.record.url).toBe('test:a')
  })

  it('lets exactly one of many commits of one version through', async () => {
    const catalogue = await open()
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, at) => catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record({ url: `test:${at}` }) }])))
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
  })

  it('lists by key and by state, in pages, in the order of the UTF-8', async () => {
    const catalogue = await open()
    const states: ShardRecord[] = [record(), record({ health: 'initializing' }), indexed(1), record({ health: 'recovering' }), record({ health: 'errored' }), indexed(2, { destroying: true })]
    const keys = ['a', 'b', 'B', 'é', '\u{1f600}', '￿']
    for (const [at, key] of keys.entries()) await catalogue.commit([{ key, ifVersion: 'absent', record: states[at]! }])
    const list = async (query: object): Promise<string[]> => (await catalogue.page({ limit: 100, ...query })).map(({ key }) => key)
    expect(await list({})).toEqual(['B', 'a', 'b', 'é', '￿', '\u{1f600}'])
    expect(await list({ after: 'b', limit: 2 })).toEqual(['é', '￿'])
    expect(await list({ state: 'new' })).toEqual(['a'])
    expect(await list({ state: 'available' })).toEqual(['B'])
    expect(await list({ state: 'errored' })).toEqual(['\u{1f600}'])
    expect(await list({ state: 'unfinished' })).toEqual(['b', 'é', '￿'])
    expect(await list({ state: 'unfinished', after: 'b', limit: 1 })).toEqual(['é'])
    await catalogue.commit([{ key: 'b', ifVersion: 1n, record: indexed(3) }])
    expect(await list({ state: 'available' })).toEqual(['B', 'b'])
    expect(await list({ state: 'initializing' })).toEqual([])
  })

  it('lists what is to be tried again by its time, and forgets it with the failure', async () => {
    const catalogue = await open()
    const failed = (at: number, change: Partial<ShardRecord> = {}): ShardRecord => record({
      health: 'errored', failure: { code: 'X', message: 'm', at: 't', retry: 'later', attempts: 1, nextRetryAt: new Date(at).toISOString() }, ...change,
    })
    const records: Record<string, ShardRecord> = {
      late: failed(3000), b: failed(1000), a: failed(1000), gone: failed(500, { destroying: true }), away: failed(500, { refresh: { url: 'test:b', dataGeneration: 1 } }),
      over: record({ health: 'errored', failure: { code: 'X', message: 'm', at: 't', retry: 'later', attempts: 5, nextRetryAt: undefined } }),
    }
    for (const [key, one] of Object.entries(records)) await catalogue.commit([{ key, ifVersion: 'absent', record: one }])
    const all = { until: Number.MAX_SAFE_INTEGER, limit: 9 }
    expect(await catalogue.due(all)).toEqual([{ key: 'a', at: 1000 }, { key: 'b', at: 1000 }, { key: 'late', at: 3000 }])
    expect(await catalogue.due({ until: 1000, limit: 9, after: { key: 'a', at: 1000 } })).toEqual([{ key: 'b', at: 1000 }])
    expect(await catalogue.due({ until: 999, limit: 9 })).toEqual([])
    expect(await catalogue.due({ ...all, limit: 1 })).toEqual([{ key: 'a', at: 1000 }])
    await catalogue.commit([{ key: 'a', ifVersion: 1n, record: failed(4000) }, { key: 'b', ifVersion: 1n, record: undefined }])
    expect(await catalogue.due(all)).toEqual([{ key: 'late', at: 3000 }, { key: 'a', at: 4000 }])
  })

  it('knows the shard of a number while that is its committed index', async () => {
    const catalogue = await open()
    const [one, two] = [catalogue.takeNumber(), catalogue.takeNumber()]
    expect(two).toBeGreaterThan(one)
    await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record({ building: { generation: 1, shardNumber: one } }) }])
    expect(await catalogue.keyOf(one)).toBeUndefined()
    await catalogue.commit([{ key: 'a', ifVersion: 1n, record: indexed(one) }])
    expect(await catalogue.keyOf(one)).toBe('a')
    expect(await catalogue.numbersOf('a')).toEqual([one])
    await catalogue.commit([{ key: 'a', ifVersion: 2n, record: indexed(two) }])
    expect([await catalogue.keyOf(one), await catalogue.keyOf(two)]).toEqual([undefined, 'a'])
    await catalogue.commit([{ key: 'a', ifVersion: 3n, record: undefined }])
    expect(await catalogue.keyOf(two)).toBeUndefined()
  })

  it('counts the shards that are not indexed', async () => {
    const catalogue = await open()
    const random = seededRandom('counts')
    const current = new Map<string, { version: bigint, indexed: boolean }>()
    for (let round = 0; round < 300; round++) {
      const key = `k${random.int(20)}`
      const known = current.get(key)
      const isIndexed = random.chance(0.5)
      const destroyed = !isIndexed && random.chance(0.3)
      const next = random.chance(0.2) ? undefined : destroyed ? indexed(round, { destroying: true }) : isIndexed ? indexed(round) : record({ health: random.pick(['new', 'initializing', 'errored'] as const) })
      if (known === undefined && next === undefined) continue
      expect(await catalogue.commit([{ key, ifVersion: known?.version ?? 'absent', record: next }])).toBe('done')
      if (next === undefined) current.delete(key)
      else current.set(key, { version: (known?.version ?? 0n) + 1n, indexed: isIndexed })
      expect(catalogue.unindexed).toBe([...current.values()].filter((one) => !one.indexed).length)
    }
  })

  it('takes an index that a record comes to name for garbage no longer', async () => {
    const catalogue = await open()
    const garbage = [{ kind: 'index', generation: 1, shardNumber: 5 }, { kind: 'index', generation: 2, shardNumber: 6 }, { kind: 'data', generation: 1 }] as const
    await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record({ indexGeneration: 2 }), garbage }])
    await catalogue.commit([{ key: 'a', ifVersion: 1n, record: indexed(5, { indexGeneration: 2 }) }])
    expect((await collectAll(catalogue.garbage('a'))).map(({ garbage }) => garbage)).toEqual([garbage[1], garbage[2]])
  })

  it('keeps garbage until it is forgotten, each shard\'s apart', async () => {
    const catalogue = await open()
    const [index, data] = [{ kind: 'index', generation: 4, shardNumber: 9 } as const, { kind: 'data', generation: 2 } as const]
    await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record(), garbage: [index, data] }, { key: 'aa', ifVersion: 'absent', record: record(), garbage: [data] }])
    expect(await collectAll(catalogue.garbage('a'))).toEqual([{ key: 'a', garbage: index }, { key: 'a', garbage: data }])
    expect(await collectAll(catalogue.garbage(undefined))).toHaveLength(3)
    await catalogue.forget([{ key: 'a', garbage: index }])
    expect(await collectAll(catalogue.garbage('a'))).toEqual([{ key: 'a', garbage: data }])
    expect(await collectAll(catalogue.garbage('aa'))).toHaveLength(1)
  })
})

describe('openCatalogue', () => {
  it('finds everything again, numbers that were committed included', async () => {
    const db = newDatabase()
    const first = await openCatalogue(db)
    const number = first.takeNumber()
    await first.commit([{ key: 'a', ifVersion: 'absent', record: indexed(number) }, { key: 'b', ifVersion: 'absent', record: record() }])
    const second = await openCatalogue(db)
    expect(second.unindexed).toBe(1)
    expect(second.takeNumber()).toBe(number + 1)
    expect((await second.page({ limit: 10 })).map(({ key }) => key)).toEqual(['a', 'b'])
  })

  const rowsOf = (db: ReturnType<typeof newDatabase>) => db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
  const row = (name: string): Uint8Array => new TextEncoder().encode(`m${name}`)

  it('refuses a later format, and one that is none, with both numbers', async () => {
    for (const found of [3, 0]) {
      const db = newDatabase()
      await rowsOf(db).put(row('format'), Uint8Array.of(0, 0, 0, found))
      expect(await rejection(openCatalogue(db))).toMatchObject({ code: 'DAGSTORE_BAD_FORMAT', message: expect.stringContaining(`supported=2 found=${found}`) })
    }
  })

  it.each<{ name: string, value: Uint8Array | undefined }>([
    { name: 'format', value: undefined },
    { name: 'format', value: Uint8Array.of(7) },
    { name: 'next', value: undefined },
    { name: 'next', value: Uint8Array.of(7) },
  ])('refuses a database whose row $name is damaged ($value), saying what can be done, and changes nothing', async ({ name, value }) => {
    const db = newDatabase()
    await (await openCatalogue(db)).commit([{ key: 'a', ifVersion: 'absent', record: record() }])
    await (value === undefined ? rowsOf(db).del(row(name)) : rowsOf(db).put(row(name), value))
    const before = await rowsOf(db).iterator().all()
    expect(await rejection(openCatalogue(db))).toMatchObject({ code: 'DAGSTORE_BAD_FORMAT', message: expect.stringMatching(/backup.*import-shards/u) })
    expect(await rowsOf(db).iterator().all()).toEqual(before)
  })

  it('counts anew what is not indexed where that number is lost', async () => {
    const db = newDatabase()
    const catalogue = await openCatalogue(db)
    await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record() }, { key: 'b', ifVersion: 'absent', record: indexed(1) }, { key: 'c', ifVersion: 'absent', record: record() }])
    await rowsOf(db).put(row('counts'), Uint8Array.of(1))
    expect((await openCatalogue(db)).unindexed).toBe(2)
  })

  it('upgrades format 1 in place: every record stays as it was, and passing failures are due; cut off anywhere, the next opening goes on', async () => {
    const text = new TextEncoder()
    const old = async (db: ReturnType<typeof newDatabase>): Promise<void> => {
      const rows = db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
      const put = (key: Uint8Array, value: Uint8Array): Promise<void> => rows.put(key, value)
      const failure = { code: 'X', message: 'm', at: '2026-01-02T03:04:05.000Z' }
      const records = { a: { url: 'test:a', health: 'available', dataGeneration: 1, indexGeneration: 2, index: { generation: 2, shardNumber: 7 } },
        b: { url: 'test:b', health: 'errored', dataGeneration: 1, indexGeneration: 1, failure: { ...failure, retry: 'later' } },
        c: { url: 'test:c', health: 'errored', dataGeneration: 1, indexGeneration: 1, failure: { ...failure, retry: 'never' } } }
      for (const [key, json] of Object.entries(records)) {
        await put(text.encode(`r${key}`), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 4, ...text.encode(JSON.stringify(json))))
        await put(Uint8Array.of(0x73, json.health === 'available' ? 2 : 0xf0, ...text.encode(key)), new Uint8Array(0))
      }
      await put(text.encode('mformat'), Uint8Array.of(0, 0, 0, 1))
      await put(text.encode('mnext'), Uint8Array.of(0, 0, 0, 8))
    }
    for (let cut = 0; cut < 4; cut++) {
      const db = newDatabase()
      await old(db)
      const rows = db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
      if (cut > 0) {
        // the upgrade writes three times: its mark, what is due, and the end of it
        let writes = 0
        const stop = async (): Promise<void> => { throw new Error('cut off') }
        const below = { batch: () => { throw new Error('cut off') } }
        const guarded = new Proxy(rows, { get: (target, name) => ['batch', 'db', 'del'].includes(String(name)) && ++writes >= cut ? (name === 'db' ? below : stop) : (Reflect.get(target, name) as unknown as { bind?: (to: object) => unknown }).bind?.(target) ?? Reflect.get(target, name) })
        await upgradeCatalogue(guarded, 2).catch(() => {})
      }
      const catalogue = await openCatalogue(db)
      expect(await catalogue.get('a')).toEqual({ record: indexed(7, { indexGeneration: 2, index: { generation: 2, shardNumber: 7 } }), version: 4n, damaged: false })
      expect((await catalogue.get('b'))?.record.failure).toMatchObject({ code: 'X', attempts: 1, nextRetryAt: '2026-01-02T03:04:05.000Z' })
      expect((await catalogue.get('c'))?.record.failure).toMatchObject({ code: 'X', attempts: 1, nextRetryAt: undefined })
      expect(await catalogue.due({ until: Number.MAX_SAFE_INTEGER, limit: 9 })).toEqual([{ key: 'b', at: Date.parse('2026-01-02T03:04:05.000Z') }])
      expect(catalogue.takeNumber()).toBe(8)
      expect(await rows.get(text.encode('mformat'))).toEqual(Uint8Array.of(0, 0, 0, 2))
      expect(await rows.get(text.encode('mupgrade'))).toBeUndefined()
    }
  })

  it('has every commit that was done after a crash', async () => {
    const level = await createCrashLevel({ seed: 'commits' })
    const catalogue = await openCatalogue(level)
    for (let at = 0; at < 20; at++) await catalogue.commit([{ key: `k${at}`, ifVersion: 'absent', record: indexed(catalogue.takeNumber()) }])
    const next = await openCatalogue(await level.recover(1))
    expect(await next.page({ limit: 100 })).toHaveLength(20)
    expect(next.takeNumber()).toBe(21)
  })

  it('puts no value without bytes, whose memory classic-level never frees', async () => {
    const level = await createCrashLevel({ seed: 'values' })
    const catalogue = await openCatalogue(level)
    await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record(), garbage: [{ kind: 'data', generation: 1 }] }])
    await catalogue.commit([{ key: 'b', ifVersion: 'absent', record: indexed(catalogue.takeNumber()) }])
    const rows: number[] = []
    for await (const value of level.values<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' })) rows.push(value.byteLength)
    expect(rows.length).toBeGreaterThan(5)
    expect(Math.min(...rows)).toBeGreaterThan(0)
  })

  it('says that its storage failed, and commits nothing then', async () => {
    const level = await createCrashLevel({ seed: 'fails' })
    const catalogue = await openCatalogue(level)
    level.faults.failAt(({ kind }) => kind === 'batch', new Error('disk'))
    expect(codeOf(await rejection(catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record() }])))).toBe('DAGSTORE_STORAGE_FAILED')
    expect(catalogue.unindexed).toBe(0)
    expect(await catalogue.commit([{ key: 'a', ifVersion: 'absent', record: record() }])).toBe('done')
    expect(catalogue.unindexed).toBe(1)
  })
})

describe('decodeRecord', () => {
  const bytes = encodeRecord(indexed(3), 7n)
  const altered = (change: (json: Record<string, unknown>) => unknown): Uint8Array => {
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(8))) as Record<string, unknown>
    return Uint8Array.of(...bytes.subarray(0, 8), ...new TextEncoder().encode(JSON.stringify(change(json))))
  }

  it.each<{ why: string, bytes: Uint8Array }>([
    { why: 'it is empty', bytes: new Uint8Array(0) },
    { why: 'it is cut off', bytes: bytes.subarray(0, bytes.byteLength - 1) },
    { why: 'it is no UTF-8', bytes: Uint8Array.of(...bytes.subarray(0, 9), 0xff, ...bytes.subarray(10)) },
    { why: 'it is a list', bytes: altered(() => []) },
    { why: 'it has an unknown member', bytes: altered((json) => ({ ...json, later: 1 })) },
    { why: 'a member is missing', bytes: altered((json) => ({ ...json, url: undefined })) },
    { why: 'the health is unknown', bytes: altered((json) => ({ ...json, health: 'fine' })) },
    { why: 'a generation is negative', bytes: altered((json) => ({ ...json, dataGeneration: -1 })) },
    { why: 'a number is above 2^53', bytes: altered((json) => ({ ...json, indexGeneration: 2 ** 60 })) },
    { why: 'a shard number is above a u32', bytes: altered((json) => ({ ...json, index: { generation: 1, shardNumber: 2 ** 32 } })) },
    { why: 'the index is a number', bytes: altered((json) => ({ ...json, index: 1 })) },
    { why: 'the retry is unknown', bytes: altered((json) => ({ ...json, failure: { code: 'a', message: '', at: '', retry: 'soon' } })) },
    { why: 'destroying is false, which is never written', bytes: altered((json) => ({ ...json, destroying: false })) },
  ])('shows a record as errored when $why', ({ bytes }) => {
    expect(decodeRecord(bytes)).toMatchObject({ damaged: true, record: { health: 'errored', failure: { code: 'DAGSTORE_BAD_RECORD', retry: 'never' } } })
  })

  it('gives back what was encoded', () => {
    expect(decodeRecord(bytes)).toEqual({ record: indexed(3), version: 7n, damaged: false })
  })
})
