import { createMemoryDirectory, type Directory } from '@dagstore/io'
import fc from 'fast-check'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { encodeAdoptLine } from '../src/index.ts'
import { carAt, filesIn, folderOf, goIndex, goRecordsOf, keyAt, NUMBERS, openAdoptHarness } from './adopt-harness.ts'
import { rowsOf } from './migrate-harness.ts'

const cars = { 1: carAt(1), 2: carAt(2), 3: carAt(3), 4: carAt(4), 5: carAt(5), 6: carAt(6) }
const indexName = (at: number): string => `index/${keyAt(at)}.full.idx`
const transientName = (at: number): string => `transients/transient-${keyAt(at)}.complete`

describe('adoptDagstore', () => {
  it('makes of each record the shard that the Go store would start with, and reads it at once where there is an index', async () => {
    const folder = await folderOf({
      [indexName(1)]: await goIndex(cars[1]), [indexName(2)]: await goIndex(cars[2], 0x0400), [indexName(3)]: await goIndex(cars[3]), [indexName(5)]: await goIndex(cars[5]),
      '.shard-registration-complete': new Uint8Array(0),
    })
    const records = await goRecordsOf({
      1: { state: NUMBERS.available }, 2: { state: NUMBERS.serving }, 3: { state: NUMBERS.initializing }, 4: { state: NUMBERS.new },
      5: { state: NUMBERS.errored, error: 'failed to fetch: boom' }, 6: { state: NUMBERS.recovering },
    })
    const before = [await filesIn(folder), await rowsOf(records)]
    await using h = await openAdoptHarness(cars)
    expect(await h.adopt(folder, records)).toEqual({
      records: 6, registered: 6, already: 0, failed: 0, problems: 0, indices: 3, missingIndices: 0, damagedIndices: 0, borrowed: 0, markedByLotus: true,
    })
    expect(h.opened.size).toBe(0)
    for (const at of [1, 2, 3] as const) {
      expect(h.line(at)).toMatchObject({ outcome: 'registered', index: 'adopted', copy: 'none', reason: undefined })
      const lease = await h.dagstore.acquire(keyAt(at))
      for (const { cid, data } of cars[at].blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
      await lease.close()
    }
    for (const at of [4, 6]) expect([h.line(at).index, (await h.dagstore.shard(keyAt(at)))?.health]).toEqual(['none', 'new'])
    expect(await h.dagstore.shard(keyAt(5))).toMatchObject({ health: 'errored', error: { message: 'failed to fetch: boom', retry: 'later' } })
    await (await h.dagstore.acquire(keyAt(5))).close()
    expect(await h.dagstore.shard(keyAt(5))).toMatchObject({ health: 'available' })
    expect([await filesIn(folder), await rowsOf(records)]).toEqual(before)
  })

  it('says of an index that is not there or not to be believed that it is not used, and the shard is new', async () => {
    const good = await goIndex(cars[1])
    const unsorted = good.slice()
    // the first digest of the only bucket becomes larger than the ones behind it
    unsorted[good.byteLength - cars[1].blocks.length * 40] = 0xff
    const folder = await folderOf({ [indexName(2)]: good.subarray(0, 60), [indexName(3)]: new Uint8Array(10), [indexName(4)]: unsorted, [indexName(5)]: good.slice(0, good.byteLength - 40) })
    await using h = await openAdoptHarness(cars)
    expect(await h.adopt(folder, await goRecordsOf({ 1: {}, 2: {}, 3: {}, 4: {}, 5: {} }))).toMatchObject({ registered: 5, indices: 0, missingIndices: 1, damagedIndices: 4 })
    expect(h.line(1)).toMatchObject({ outcome: 'registered', index: 'missing' })
    for (const at of [2, 3, 4, 5]) expect(h.line(at)).toMatchObject({ outcome: 'registered', index: 'damaged', reason: expect.stringContaining('CARV2_') as string })
    for await (const { health, indexGeneration } of h.dagstore.shards()) expect([health, indexGeneration]).toEqual(['new', 0])
    const lease = await h.dagstore.acquire(keyAt(4))
    expect(await lease.blockstore.bytes(cars[4].blocks[0]!.cid)).toEqual(cars[4].blocks[0]!.data)
    await lease.close()
  })

  it('leaves nothing open when it is stopped while it looks at a transient', async () => {
    const folder = await folderOf({ [indexName(1)]: await goIndex(cars[1]), [transientName(1)]: cars[1].bytes })
    const stop = new AbortController()
    let open = 0
    const watched = (directory: Directory): Directory => ({
      ...directory,
      openSource: async (name, options) => {
        const source = await directory.openSource(name, options)
        open++
        return {
          ...source,
          peek: () => undefined,
          read: async () => { stop.abort(new Error('stopped')); throw stop.signal.reason },
          close: async () => { open--; await source.close() },
        }
      },
    })
    await using h = await openAdoptHarness({}, { lent: folder })
    // the rest of the folder is read as it is
    const looked: Directory = { ...folder, child: (name) => name === 'transients' ? watched(folder.child(name)) : folder.child(name) }
    await expect(h.adopt(looked, await goRecordsOf({ 1: { transient: `/repo/dagstore/${transientName(1)}` } }), { signal: stop.signal })).rejects.toThrow('stopped')
    expect([stop.signal.aborted, open]).toEqual([true, 0])
  })

  it('L3: 6 reads transients where they are and never deletes them, whatever becomes of the shard', async () => {
    const folder = await folderOf({ [indexName(1)]: await goIndex(cars[1]), [transientName(1)]: cars[1].bytes, [transientName(2)]: cars[2].bytes, 'transients/other.complete': cars[3].bytes })
    const before = await filesIn(folder)
    const where = (at: number): string => `/repo/dagstore/${transientName(at)}`
    await using h = await openAdoptHarness({ 3: cars[3] }, { lent: folder })
    const records = await goRecordsOf({ 1: { transient: where(1) }, 2: { transient: where(2), state: NUMBERS.new }, 3: { transient: '/repo/deal-staging/fstmp1', state: NUMBERS.new } })
    expect(await h.adopt(folder, records)).toMatchObject({ registered: 3, indices: 1, borrowed: 2 })
    expect(h.line(3)).toMatchObject({ copy: 'left', reason: expect.stringContaining('outside') as string })
    for (const at of [1, 2] as const) {
      const lease = await h.dagstore.acquire(keyAt(at))
      expect(await lease.blockstore.bytes(cars[at].blocks[3]!.cid)).toEqual(cars[at].blocks[3]!.data)
      await lease.close()
      await h.dagstore.initialize(keyAt(at))
    }
    await h.dagstore.gc()
    for (const at of [1, 2, 3]) await h.dagstore.destroy(keyAt(at))
    await h.dagstore.gc()
    expect(await filesIn(folder)).toEqual(before)
  })

  it('compares an index with the transient, and takes neither where they contradict each other', async () => {
    const folder = await folderOf({
      [indexName(1)]: await goIndex(cars[2]), [transientName(1)]: cars[1].bytes,
      [indexName(2)]: await goIndex(cars[2]), [transientName(2)]: new Uint8Array(100).fill(7),
      [indexName(3)]: await goIndex(cars[3]), [transientName(3)]: cars[3].bytes.subarray(0, 200),
    })
    await using h = await openAdoptHarness(cars, { lent: folder })
    const records = await goRecordsOf(Object.fromEntries([1, 2, 3, 4].map((at) => [at, { transient: `/x/${transientName(at)}` }])))
    expect(await h.adopt(folder, records)).toMatchObject({ registered: 4, indices: 1, borrowed: 0, damagedIndices: 2, missingIndices: 1 })
    expect(h.line(1)).toMatchObject({ index: 'damaged', copy: 'left', reason: expect.stringContaining('contradict') as string })
    expect(h.line(2)).toMatchObject({ index: 'adopted', copy: 'left', reason: expect.stringContaining('no CAR') as string })
    expect(h.line(3)).toMatchObject({ index: 'damaged', copy: 'left' })
    expect(h.line(4)).toMatchObject({ index: 'missing', copy: 'left', reason: expect.stringContaining('IO_NOT_FOUND') as string })
    for (const at of [1, 2, 3, 4] as const) {
      const lease = await h.dagstore.acquire(keyAt(at))
      expect(await lease.blockstore.bytes(cars[at].blocks[0]!.cid)).toEqual(cars[at].blocks[0]!.data)
      await lease.close()
    }
  })

  it('changes nothing when it is repeated, nor in shards that are there', async () => {
    const folder = await folderOf({ [indexName(1)]: await goIndex(cars[1]), [indexName(2)]: new Uint8Array(9), [transientName(3)]: cars[3].bytes, [indexName(4)]: await goIndex(cars[4]) })
    const records = await goRecordsOf({ 1: {}, 2: {}, 3: { transient: transientName(3), state: NUMBERS.new }, 4: {}, 5: { state: NUMBERS.errored } })
    const db = new MemoryLevel<any, any>({ storeEncoding: 'view' })
    await using h = await openAdoptHarness(cars, { lent: folder, db })
    await h.dagstore.register(keyAt(4), `lotus://${keyAt(4)}`, { indexing: 'eager' })
    expect(await h.adopt(folder, records)).toMatchObject({ registered: 4, already: 1, indices: 1, borrowed: 1 })
    expect(h.line(4)).toMatchObject({ outcome: 'already', index: 'none' })
    const before = [await rowsOf(db), await filesIn(h.files)]
    expect(await h.adopt(folder, records)).toMatchObject({ registered: 0, already: 5, failed: 0, indices: 0, damagedIndices: 1 })
    expect(h.line(3)).toMatchObject({ outcome: 'already', copy: 'none' })
    expect([await rowsOf(db), await filesIn(h.files)]).toEqual(before)
  })

  it('does without a transient that the store cannot take', async () => {
    const folder = await folderOf({ [indexName(1)]: await goIndex(cars[1]), [transientName(1)]: cars[1].bytes })
    await using h = await openAdoptHarness(cars)
    const records = await goRecordsOf({ 1: { transient: transientName(1) }, 2: { transient: transientName(1), url: 'ftp://x' } })
    // a store without a port for local files
    expect(await h.adopt(folder, records, { transientPath: (name) => `transients/${name}` })).toMatchObject({ registered: 1, failed: 1, indices: 1, borrowed: 0 })
    expect(h.line(1)).toMatchObject({ outcome: 'registered', index: 'adopted', copy: 'left', reason: expect.stringContaining('not taken') as string })
    expect(h.line(2)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('MOUNT_') as string })
  })

  it('takes the index of a shard that was registered and never read', async () => {
    const folder = await folderOf({ [indexName(1)]: await goIndex(cars[1]) })
    await using h = await openAdoptHarness(cars)
    await h.dagstore.register(keyAt(1), `lotus://${keyAt(1)}`)
    expect(await h.adopt(folder, await goRecordsOf({ 1: {} }))).toMatchObject({ already: 1, indices: 1 })
  })

  it('says the same in a dry run, and writes nothing', async () => {
    const folder = await folderOf({ [indexName(1)]: await goIndex(cars[1]), [indexName(2)]: new Uint8Array(9), [transientName(3)]: cars[3].bytes })
    const records = await goRecordsOf({ 1: {}, 2: {}, 3: { transient: transientName(3), state: NUMBERS.new }, 4: { state: NUMBERS.errored } })
    const db = new MemoryLevel<any, any>({ storeEncoding: 'view' })
    await using h = await openAdoptHarness(cars, { lent: folder, db })
    const before = [await rowsOf(db), await filesIn(h.files)]
    const dry = await h.adopt(folder, records, { dryRun: true })
    const told = [...h.lines]
    expect([await rowsOf(db), await filesIn(h.files)]).toEqual(before)
    expect(await h.adopt(folder, records)).toEqual(dry)
    expect(h.lines).toEqual(told)
  })

  it('tells of shards that cannot be registered, and of rows that are no records', async () => {
    const records = await goRecordsOf({ 1: { url: 'ftp://x' }, 2: { url: '::' }, 3: { key: 'x'.repeat(600) }, 4: { state: 0x7f } })
    await records.put('/dagstore/bad', '{')
    await records.put('/dagstore/list', '[]')
    await records.put('/dagstore/nokey', '{"u":"lotus://x","s":2}')
    await records.put('/dagstore/huge', JSON.stringify({ k: 'a', u: 'x'.repeat(2 << 20), s: 2 }))
    await using h = await openAdoptHarness(cars)
    await h.dagstore.register(keyAt(5), 'bytes:AAAA')
    await records.put(`/dagstore/${keyAt(5)}`, JSON.stringify({ k: keyAt(5), u: `lotus://${keyAt(5)}`, s: 0 }))
    expect(await h.adopt(await folderOf({}), records)).toMatchObject({ records: 5, registered: 1, failed: 4, problems: 4 })
    expect(h.line(1)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('MOUNT_UNKNOWN_SCHEME') as string })
    expect(h.line(5)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('DAGSTORE_SHARD_EXISTS') as string })
    expect(h.line(4)).toMatchObject({ outcome: 'registered', state: undefined, reason: expect.stringContaining('unknown') as string })
    expect(h.lines.flatMap((line) => 'row' in line ? [line.row] : []).sort()).toEqual(['/dagstore/bad', '/dagstore/huge', '/dagstore/list', '/dagstore/nokey'])
    for (const line of h.lines) expect(JSON.parse(encodeAdoptLine(line))).toEqual(JSON.parse(JSON.stringify(line)))
  })

  it('refuses a folder whose indices are of another version, and takes one without any', async () => {
    const other = createMemoryDirectory('go')
    await other.writeAtomic('index/.version', [Uint8Array.of(0x32)])
    await using h = await openAdoptHarness(cars)
    await expect(h.adopt(other, await goRecordsOf({ 1: {} }))).rejects.toMatchObject({ code: 'DAGSTORE_BAD_FORMAT' })
    expect(await h.dagstore.shard(keyAt(1))).toBeUndefined()
    expect(await h.adopt(createMemoryDirectory('none'), await goRecordsOf({ 1: {} }))).toMatchObject({ registered: 1, missingIndices: 1, markedByLotus: false })
  })

  it('ends with its signal, and goes on where it was', async () => {
    const shards = Object.fromEntries(Array.from({ length: 600 }, (_, at) => [at, { state: NUMBERS.new }]))
    const controller = new AbortController()
    await using h = await openAdoptHarness(cars)
    const left = h.adopt(await folderOf({}), await goRecordsOf(shards), { signal: controller.signal, onProgress: () => { controller.abort(new Error('left')) } })
    await expect(left).rejects.toThrow('left')
    expect(h.lines).toHaveLength(256)
    expect(await h.adopt(await folderOf({}), await goRecordsOf(shards))).toMatchObject({ already: 256, registered: 344 })
  })

  it('lives through any foreign records and names: nothing outside of the folder is read, nothing in it changes', async () => {
    const names = fc.oneof(
      fc.constantFrom('../evil', '..', '.', '/etc/passwd', 'a/b', 'a\\b', 'a\0b', '.version', 'x/../../y', '%2e%2e', 'con', '\ud800'),
      fc.string({ unit: 'binary', maxLength: 300 })
    )
    const record = fc.record({
      k: names, u: fc.oneof(names.map((name) => `lotus://${name}`), names, fc.constant(`lotus://${keyAt(1)}`)),
      t: fc.oneof(names, names.map((name) => `transients/${name}`), names.map((name) => `/x/transients/${name}`)), s: fc.oneof(fc.constantFrom(...Object.values(NUMBERS)), fc.integer(), fc.double()), l: fc.boolean(), e: names,
    }, { requiredKeys: [] })
    const value = fc.oneof({ weight: 4, arbitrary: record.map((fields) => JSON.stringify(fields)) }, { weight: 1, arbitrary: fc.json() }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) })
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(names, value), { maxLength: 12 }), fc.uint8Array({ maxLength: 200 }), async (rows, bytes) => {
      const folder = await folderOf({ [indexName(1)]: bytes, 'index/evil.full.idx': bytes, 'transients/a': bytes, 'evil.full.idx': await goIndex(cars[1]) })
      const asked: string[] = []
      const watching = { ...folder, child: (name: string) => {
        const child = folder.child(name)
        return { ...child, openSource: (file: string) => { asked.push(`${name}/${file}`); return child.openSource(file) } }
      } }
      const records = new MemoryLevel<any, any>({ storeEncoding: 'view' })
      for (const [key, text] of rows) await records.put(`/dagstore/${key}`, text)
      const before = await filesIn(folder)
      await using h = await openAdoptHarness(cars, { lent: folder })
      const result = await h.adopt(watching, records)
      expect(result.records + result.problems).toBe(new Set((await rowsOf(records)).map((row) => row.split(' ')[0])).size)
      expect(h.lines).toHaveLength(result.records + result.problems)
      for (const name of asked) expect(name).toMatch(/^(?:index|transients)\/[^/\\]+$/u)
      expect(await filesIn(folder)).toEqual(before)
    }), { numRuns: 60 })
  })
})
