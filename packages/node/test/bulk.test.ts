import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { openDirectory } from '@dagstore/io/node'
import { fileUrl } from '@dagstore/mounts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'

const cars = Object.fromEntries(['a', 'b', 'c'].map((key, at) => {
  const blocks = makeBlocks(at + 1, 30, { min: 10, max: 2000 })
  return [key, { blocks, bytes: carV1([blocks[0]!.cid], blocks) }]
}))

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dagstore-bulk-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

type Store = Awaited<ReturnType<typeof openDagstore>>
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
const exported = async (store: Store): Promise<Uint8Array> => Buffer.concat(await collect(store.exportShards()))
const checkBlocks = async (store: Store, keys: readonly string[]): Promise<void> => {
  for (const key of keys) for (const { cid, data } of cars[key]!.blocks) expect(Buffer.compare(await store.blockstore.bytes(cid), data)).toBe(0)
}

describe('a store whose data lies outside it', () => {
  it('is rebuilt from an earlier export alone after its root was deleted', async () => {
    const root = join(folder, 'store')
    for (const key of ['a', 'b', 'c']) await writeFile(join(folder, `${key}.car`), cars[key]!.bytes)
    const first = await openDagstore(root)
    await collect(first.registerMany(['a', 'b', 'c'].map((key) => ({ key, mountUrl: fileUrl(join(folder, `${key}.car`)), indexing: 'eager' as const }))))
    await writeFile(join(folder, 'shards.ndjson'), await exported(first))
    const before = (await collect(first.shards())).map(({ key, mountUrl }) => [key, mountUrl])
    await first.close()
    await rm(root, { recursive: true })
    const second = await openDagstore(root)
    try {
      expect((await collect(second.importShards([await readFile(join(folder, 'shards.ndjson'))]))).map(({ key, ok }) => [key, ok])).toEqual([['a', true], ['b', true], ['c', true]])
      expect((await collect(second.shards())).map(({ key, mountUrl }) => [key, mountUrl])).toEqual(before)
      expect((await collect(second.initializeAll())).filter(({ ok }) => !ok)).toEqual([])
      await checkBlocks(second, ['a', 'b', 'c'])
      expect(Buffer.compare(await exported(second), await readFile(join(folder, 'shards.ndjson')))).toBe(0)
    } finally {
      await second.close()
    }
  })
})

describe('a copy that was lent', () => {
  it('is lent again by an import, and done without where it is gone', async () => {
    for (const name of ['a.car', 'copy.car']) await writeFile(join(folder, name), cars['a']!.bytes)
    const first = await openDagstore(join(folder, 'one'))
    await first.register('a', fileUrl(join(folder, 'a.car')), { localCopy: { path: join(folder, 'copy.car'), mode: 'borrow' } })
    const text = await exported(first)
    await first.close()
    expect(JSON.parse(new TextDecoder().decode(text).split('\n')[1]!)).toMatchObject({ key: 'a', borrowed: join(folder, 'copy.car') })
    for (const root of ['two', 'three']) {
      const store = await openDagstore(join(folder, root))
      try {
        expect((await collect(store.importShards([text]))).map(({ key, ok }) => [key, ok])).toEqual([['a', true]])
        expect((await collect(store.initializeAll())).map(({ ok }) => ok)).toEqual([true])
        await checkBlocks(store, ['a'])
        expect((await store.gc()).items.filter(({ kind }) => kind === 'orphan')).toEqual([])
        expect(new TextDecoder().decode(await exported(store)).includes('borrowed')).toBe(root === 'two')
      } finally {
        await store.close()
      }
      await rm(join(folder, 'copy.car'), { force: true })
    }
    expect(await readdir(folder)).toContain('a.car')
  })
})

describe('a store that was moved', () => {
  it('serves, exports and imports what lies below its root', async () => {
    const root = join(folder, 'store')
    await mkdir(join(root, 'cars'), { recursive: true })
    await writeFile(join(root, 'cars', 'a.car'), cars['a']!.bytes)
    const first = await openDagstore(root)
    await first.register('a', fileUrl(join(root, 'cars', 'a.car')), { indexing: 'eager' })
    const text = await exported(first)
    expect(new TextDecoder().decode(text)).toBe('{"dagstore-shards":1}\n{"key":"a","url":"file:cars/a.car"}\n{"end":1}\n')
    await first.close()
    const moved = join(folder, 'elsewhere', 'moved')
    await mkdir(join(folder, 'elsewhere'))
    await rename(root, moved)
    await rm(join(moved, 'db'), { recursive: true })
    await rm(join(moved, 'index'), { recursive: true })
    const second = await openDagstore(moved)
    try {
      await collect(second.importShards([text]))
      expect((await collect(second.initializeAll())).map(({ ok }) => ok)).toEqual([true])
      await checkBlocks(second, ['a'])
    } finally {
      await second.close()
    }
  })
})

describe('indices in a folder as Go keeps it', () => {
  it('are written, and taken over by a store that has none', async () => {
    for (const key of ['a', 'b']) await writeFile(join(folder, `${key}.car`), cars[key]!.bytes)
    const items = ['a', 'b'].map((key) => ({ key, mountUrl: fileUrl(join(folder, `${key}.car`)) }))
    const flat = openDirectory(join(folder, 'flat'))
    const first = await openDagstore(join(folder, 'one'))
    await collect(first.registerMany(items))
    await collect(first.initializeAll())
    expect((await collect(first.exportIndices(flat))).map(({ key, ok }) => [key, ok])).toEqual([['a', true], ['b', true]])
    await first.close()
    expect((await readdir(join(folder, 'flat'))).sort()).toEqual(['.version', 'a.full.idx', 'b.full.idx'])
    expect(await readFile(join(folder, 'flat', '.version'), 'utf8')).toBe('1')
    const second = await openDagstore(join(folder, 'two'))
    try {
      await collect(second.registerMany(items))
      expect(await collect(second.adoptIndices(flat))).toEqual(['a', 'b'].map((key) => ({ key, ok: true, adopted: true, entries: 30 })))
      await checkBlocks(second, ['a', 'b'])
      expect(await second.rebuildTopLevelIndex()).toMatchObject({ failures: [] })
      expect((await second.gc({ dryRun: true })).items.filter(({ kind }) => kind === 'orphan' || kind === 'transient')).toEqual([])
    } finally {
      await second.close()
    }
  })
})

describe('registerMany on a folder', () => {
  it('is durable for each outcome that was seen, and goes on by being repeated', async () => {
    const root = join(folder, 'store')
    const items = Array.from({ length: 2000 }, (_, at) => ({ key: `k${at}`, mountUrl: `file:cars/${at}.car` }))
    const first = await openDagstore(root)
    const seen: string[] = []
    for await (const { key } of first.registerMany(items)) if (seen.push(key) === 700) break
    await first.close()
    const second = await openDagstore(root)
    try {
      for (const key of seen) expect(await second.shard(key)).toMatchObject({ health: 'new' })
      expect((await collect(second.registerMany(items))).every(({ ok }) => ok)).toBe(true)
      expect(await collect(second.shards())).toHaveLength(2000)
    } finally {
      await second.close()
    }
  })
})
