import { everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { ImportOutcome } from '../src/index.ts'
import { codeOf, collectAll, makeCar, openHarness, rejection, Sources, until } from './harness.ts'

const car = makeCar(1)
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
  return text
}
const brief = (outcomes: readonly ImportOutcome[]): unknown[] => outcomes.map((outcome) => [outcome.line, outcome.key, outcome.ok ? 'ok' : codeOf(outcome.error)])

const EXPORT = '{"dagstore-shards":1}\n{"key":"a","url":"test:1"}\n{"key":"ä \\u0000\\"","url":"test:2"}\n{"end":2}\n'

describe('exportShards', () => {
  it('lists keys and URLs by key, whatever became of the shards, between a first and a last line', async () => {
    await using h = await openHarness()
    await h.store.register('ä \u0000"', 'test:2')
    await h.store.register('a', h.sources.put('1', car), { indexing: 'eager' })
    expect(await textOf(h.store.exportShards())).toBe(EXPORT)
  })

  it('is whole when there is nothing', async () => {
    await using h = await openHarness()
    expect(await textOf(h.store.exportShards())).toBe('{"dagstore-shards":1}\n{"end":0}\n')
    expect(await collectAll(h.store.importShards([bytesOf('{"dagstore-shards":1}\n{"end":0}\n')]))).toEqual([])
  })

  it('leaves out what is on its way out, and says which record it could not read', async () => {
    const first = await openHarness()
    for (const key of ['a', 'b', 'c']) await first.store.register(key, first.sources.put(key, car))
    const lease = await first.store.acquire('b')
    const destroyed = first.store.destroy('b')
    await until(async () => !(await textOf(first.store.exportShards())).includes('"b"'))
    await lease.close()
    await destroyed
    const rows = first.db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
    await rows.put(bytesOf('rc'), Uint8Array.of(1, 2, 3))
    const text = await textOf(first.store.exportShards())
    expect(text).toBe('{"dagstore-shards":1}\n{"key":"a","url":"test:a"}\n{"key":"c","damaged":true}\n{"end":2}\n')
    await using second = await openHarness({}, { sources: first.sources })
    expect(brief(await collectAll(second.store.importShards([bytesOf(text)])))).toEqual([[2, 'a', 'ok'], [3, 'c', 'DAGSTORE_BAD_RECORD']])
    await first.store.close()
  })

  it('makes chunks of bounded length of many shards, and stops with its signal and its store', async () => {
    const h = await openHarness()
    await collectAll(h.store.registerMany(Array.from({ length: 5000 }, (_, at) => ({ key: `${at}`.padStart(40, 'k'), mountUrl: 'test:1' }))))
    const sizes = (await collectAll(h.store.exportShards())).map(({ byteLength }) => byteLength)
    expect(sizes.length).toBeGreaterThan(4)
    expect(Math.max(...sizes)).toBeLessThan(70 << 10)
    const controller = new AbortController()
    controller.abort(new Error('left'))
    expect(await rejection(collectAll(h.store.exportShards({ signal: controller.signal })))).toBe(controller.signal.reason)
    const exporting = h.store.exportShards()
    await exporting.next()
    await h.store.close()
    expect(codeOf(await rejection(collectAll(exporting)))).toBe('DAGSTORE_CLOSED')
  })
})

describe('importShards', () => {
  it('makes of an export the shards that were exported, however it is cut into chunks', async () => {
    for (const size of [1, 7, 1000]) {
      await using h = await openHarness()
      const bytes = bytesOf(EXPORT)
      const chunks = Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
      expect(brief(await collectAll(h.store.importShards(chunks)))).toEqual([[2, 'a', 'ok'], [3, 'ä \u0000"', 'ok']])
      expect(await textOf(h.store.exportShards())).toBe(EXPORT)
      // again: nothing changes
      expect(brief(await collectAll(h.store.importShards(chunks)))).toEqual([[2, 'a', 'ok'], [3, 'ä \u0000"', 'ok']])
    }
  })

  it('answers bad lines with their numbers, in order, and imports the others', async () => {
    await using h = await openHarness()
    await h.store.register('taken', 'test:9')
    const progress: unknown[] = []
    const text = [
      '{"dagstore-shards":1,"made-by":"a later one"}', '{"key":"a","url":"test:1","colour":"red"}', '{"key":"b"', '', '[]', '{"url":"test:1"}', '{"key":7,"url":"test:1"}', '{"key":"c"}',
      '{"key":"d","url":"nope:1"}', '{"key":"taken","url":"test:1"}', '{"key":"","url":"test:1"}', `{"key":"e","url":"test:${'x'.repeat(1 << 20)}"}`, '{"key":"f","url":"test:1"}', '{"end":12}',
    ].join('\n')
    const outcomes = await collectAll(h.store.importShards([bytesOf(text)], { onProgress: (event) => { progress.push(event) } }))
    const bad = 'DAGSTORE_BAD_EXPORT'
    expect(brief(outcomes)).toEqual([
      [2, 'a', 'ok'], [3, undefined, bad], [4, undefined, bad], [5, undefined, bad], [6, undefined, bad], [7, undefined, bad], [8, undefined, bad],
      [9, 'd', 'MOUNT_UNKNOWN_SCHEME'], [10, 'taken', 'DAGSTORE_SHARD_EXISTS'], [11, '', 'DAGSTORE_BAD_KEY'], [12, undefined, bad], [13, 'f', 'ok'],
    ])
    expect(progress.at(-1)).toEqual({ done: 12, failed: 10, total: undefined })
  })

  it.each([
    { why: 'ends early', text: '{"dagstore-shards":1}\n{"key":"a","url":"test:1"}\n', last: [3, undefined, 'DAGSTORE_BAD_EXPORT'] },
    { why: 'ends inside a line', text: '{"dagstore-shards":1}\n{"key":"a","url":"test:1"}\n{"key":"b","u', last: [4, undefined, 'DAGSTORE_BAD_EXPORT'] },
    { why: 'lacks a line', text: '{"dagstore-shards":1}\n{"key":"a","url":"test:1"}\n{"end":2}\n', last: [3, undefined, 'DAGSTORE_BAD_EXPORT'] },
    { why: 'goes on behind its end', text: '{"dagstore-shards":1}\n{"key":"a","url":"test:1"}\n{"end":1}\n{"key":"b","url":"test:1"}\n', last: [4, undefined, 'DAGSTORE_BAD_EXPORT'] },
  ])('says so when an export $why', async ({ text, last }) => {
    await using h = await openHarness()
    const outcomes = await collectAll(h.store.importShards([bytesOf(text)]))
    expect(brief(outcomes).at(-1)).toEqual(last)
    expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual(['a'])
  })

  it.each([
    { why: 'is of a later version', text: '{"dagstore-shards":2}\n{"end":0}\n', code: 'DAGSTORE_BAD_FORMAT' },
    { why: 'is none', text: '{"key":"a","url":"test:1"}\n', code: 'DAGSTORE_BAD_EXPORT' },
    { why: 'is empty', text: '', code: 'DAGSTORE_BAD_EXPORT' },
    { why: 'is no text', text: '\u0000\u0001', code: 'DAGSTORE_BAD_EXPORT' },
  ])('refuses an export that $why', async ({ text, code }) => {
    await using h = await openHarness()
    expect(codeOf(await rejection(collectAll(h.store.importShards([bytesOf(text)]))))).toBe(code)
    expect(await collectAll(h.store.shards())).toEqual([])
  })

  it('passes on what its source throws, after what came before that', async () => {
    await using h = await openHarness()
    const chunks = async function * (): AsyncGenerator<Uint8Array> {
      yield bytesOf('{"dagstore-shards":1}\n{"key":"a","url":"test:1"}\n')
      throw new RangeError('disk')
    }
    const outcomes = h.store.importShards(chunks())
    expect((await outcomes.next()).value).toMatchObject({ key: 'a', ok: true })
    expect(await rejection(outcomes.next())).toBeInstanceOf(RangeError)
  })

  it('keeps what it acknowledged when it is cut off after any write, and is whole when it is repeated', async () => {
    const keys = Array.from({ length: 600 }, (_, at) => `k${String(at).padStart(4, '0')}`)
    const text = bytesOf(`{"dagstore-shards":1}\n${keys.map((key) => `{"key":"${key}","url":"test:1"}\n`).join('')}{"end":600}\n`)
    let acknowledged = new Set<string>()
    const cuts = await everyCrash({
      seed: 'import-shards',
      prepare: async () => { acknowledged = new Set() },
      run: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: new Sources() })
        try {
          for await (const { key, ok } of h.store.importShards([text])) if (ok && key !== undefined) acknowledged.add(key)
        } finally {
          await h.store.close()
        }
      },
      check: async ({ db, fs }) => {
        await using h = await openHarness({}, { db, files: fs.directory, sources: new Sources() })
        const found = new Set((await collectAll(h.store.shards())).map(({ key }) => key))
        expect([...acknowledged].filter((key) => !found.has(key))).toEqual([])
        expect((await collectAll(h.store.importShards([text]))).filter(({ ok }) => !ok)).toEqual([])
        expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual(keys)
      },
    })
    expect(cuts).toBeGreaterThan(3)
  })
})
