import { createReadStream, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openDagstore } from '@dagstore/node'
import { CarBlockIterator } from '@ipld/car'
import { FsBlockstore } from 'blockstore-fs'
import { LevelBlockstore } from 'blockstore-level'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { buildGoPeer, goRun } from '../src/go-peer.mjs'
import { bytesBelow } from '../src/many-shards.mjs'

export const title = 'Acquire a shard and get blocks, beside the Go dagstore; and beside importing the same CARs into a blockstore'
export const packages = ['dagstore', 'node']

const FORMS = { small: { cars: 3, blocks: 1000 }, default: { cars: 10, blocks: 2000 }, large: { cars: 50, blocks: 20_000 } }
/** Blocks that are got from one lease. */
const PER_LEASE = [1, 100]
const TIMES = 50
const GO_TIMES = 5
const GETS = 2000
const ROUNDS = 3

const drain = async (stream) => { for await (const chunk of stream) if (chunk === undefined) throw new Error('nothing') }

const scattered = (blocks, count) => Array.from({ length: count }, (_, i) => blocks[(i * 7919) % blocks.length])

const timed = async (work) => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Acquire, get, close, and the bare reads of the same bytes, in turns; the first tenth does not count. */
const leases = async (store, key, path, wanted) => {
  const lease = async () => {
    const acquired = await store.acquire(key)
    for (const { cid } of wanted) await acquired.blockstore.bytes(cid)
    await acquired.close()
  }
  const bare = async () => {
    const file = await open(path)
    for (const { offset, length } of wanted) await file.read(Buffer.allocUnsafe(length), 0, length, offset)
    await file.close()
  }
  const times = { lease: [], bare: [] }
  for (let i = 0; i < TIMES * 1.1; i++) {
    times.lease.push(await timed(lease))
    times.bare.push(await timed(bare))
  }
  return { lease: times.lease.slice(-TIMES), bare: times.bare.slice(-TIMES) }
}

const besideGo = async ({ compare, scratch, form }) => {
  const path = join(scratch, 'one.car')
  const { blocks } = writeCarFile(path, makeBlocks(1, FORMS[form].blocks * 10, 1024, 4096))
  const folder = join(scratch, 'one')
  const store = await openDagstore(folder)
  await store.register('one', pathToFileURL(path).href, { indexing: 'eager' })
  const go = buildGoPeer(scratch)
  const goIndex = join(scratch, 'go.idx')
  if (go !== undefined) goRun(go, 'writeindex', { n: 1 }, path, goIndex)
  for (const gets of PER_LEASE) {
    // its blockstore is that of go-car, and its gets are timed there
    const acquired = go === undefined ? [] : goRun(go, 'acquire', { n: GO_TIMES }, path, goIndex).ms
    const got = go === undefined ? [] : goRun(go, 'get', { n: GO_TIMES, gets }, path).ms
    const times = await leases(store, 'one', path, scattered(blocks, gets))
    await compare({
      what: `A shard of ${blocks.length.toLocaleString('en-GB')} blocks of 1 to 4 KiB: acquire, ${gets} ${gets === 1 ? 'get' : 'gets one after another'}, close`,
      work: { items: gets },
      rounds: TIMES,
      cases: [],
      measured: [
        { name: 'dagstore, verified', role: 'ours', times: times.lease },
        { name: 'open, fs.read, close', role: 'floor', times: times.bare },
        ...(go === undefined ? [] : [{ name: 'Go dagstore acquire and go-car Get, not verified', role: 'peer', times: acquired.map((ms, i) => ms + got[i]) }]),
      ],
    })
  }
  await store.close()
}

/** Bytes that this process has given to the system to write since it began; `undefined` where the system does not say. */
const writtenBytes = () => { try { return Number(/^wchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]) } catch { return undefined } }

/** Every block of the CARs into a blockstore, as importers do. */
const importAll = async (store, cars) => {
  const pairs = async function * () {
    for (const { path } of cars) for await (const { cid, bytes } of await CarBlockIterator.fromIterable(createReadStream(path))) yield { cid, bytes }
  }
  await drain(store.putMany(pairs()))
}

const STORES = [
  { name: 'blockstore-level', make: (folder) => new LevelBlockstore(folder) },
  { name: 'blockstore-fs', make: (folder) => { mkdirSync(folder); return new FsBlockstore(folder) } },
]

/** Ways from CAR files to a store that answers for all their blocks; each `open(folder)` gives `get` and `close`. */
const ways = (cars) => [
  {
    name: 'dagstore, all indexed',
    role: 'ours',
    open: async (folder) => {
      const store = await openDagstore(folder)
      for await (const { ok, error } of store.registerMany(cars.map(({ key, url }) => ({ key, mountUrl: url })))) if (!ok) throw error
      for await (const { ok, error } of store.initializeAll()) if (!ok) throw error
      return { get: ({ cid }) => store.blockstore.bytes(cid), close: () => store.close() }
    },
  },
  {
    name: 'dagstore, only the shard that is read',
    role: 'ours',
    open: async (folder) => {
      const store = await openDagstore(folder)
      for await (const { ok, error } of store.registerMany(cars.map(({ key, url }) => ({ key, mountUrl: url })))) if (!ok) throw error
      const lease = await store.acquire(cars.at(-1).key)
      return { get: ({ cid }) => lease.blockstore.bytes(cid), close: async () => { await lease.close(); await store.close() } }
    },
  },
  ...STORES.map(({ name, make }) => ({
    name: `${name}, all imported`,
    role: 'peer',
    open: async (folder) => {
      const store = make(folder)
      await store.open()
      await importAll(store, cars)
      return { get: ({ cid }) => drain(store.get(cid)), close: () => store.close() }
    },
  })),
]

const besideImports = async ({ compare, amounts, scratch, form }) => {
  const { cars: carCount, blocks: blockCount } = FORMS[form]
  const cars = Array.from({ length: carCount }, (_, i) => {
    const path = join(scratch, `${i}.car`)
    const { blocks, sizeBytes } = writeCarFile(path, makeBlocks(i + 2, blockCount, 1024, 4096))
    return { key: `car-${i}`, path, url: pathToFileURL(path).href, blocks, sizeBytes }
  })
  const what = `${carCount} CARs of ${blockCount.toLocaleString('en-GB')} blocks of 1 to 4 KiB`
  const last = cars.at(-1).blocks[blockCount >> 1]
  const kinds = ways(cars).map((way, i) => ({ ...way, folder: join(scratch, `way-${i}`), opened: undefined }))
  const clear = async (kind) => {
    await kind.opened?.close()
    kind.opened = undefined
    rmSync(kind.folder, { recursive: true, force: true })
  }
  await compare({
    what: `${what}: from the files to the first block, of the last CAR`,
    work: { items: carCount * blockCount, bytes: cars.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    rounds: ROUNDS,
    warmUps: 0,
    cases: kinds.map((kind) => ({
      name: kind.name,
      role: kind.role,
      prepare: () => clear(kind),
      run: async () => {
        const before = writtenBytes()
        kind.opened = await kind.open(kind.folder)
        await kind.opened.get(last)
        if (before !== undefined) kind.written = writtenBytes() - before
      },
    })),
  })
  const whole = kinds.filter(({ name }) => name !== 'dagstore, only the shard that is read')
  const wanted = scattered(cars.flatMap(({ blocks }) => blocks), GETS)
  await compare({
    what: `${what}: ${GETS.toLocaleString('en-GB')} gets by CID, one after another, anywhere`,
    work: { items: GETS },
    rounds: ROUNDS,
    cases: whole.map((kind) => ({ name: kind.name, role: kind.role, run: async () => { for (const block of wanted) await kind.opened.get(block) } })),
  })
  for (const kind of kinds) await kind.opened.close()
  const written = kinds.filter((kind) => kind.written !== undefined)
  if (written.length > 0) amounts({ what: `${what}: bytes written until the first block`, unit: 'MiB', figures: written.map((kind) => ({ name: kind.name, role: kind.role, value: kind.written / 2 ** 20 })) })
  amounts({
    what: `${what}: bytes on disk for them`,
    unit: 'MiB',
    figures: [
      { name: 'the CARs themselves', role: 'floor', value: cars.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 2 ** 20 },
      ...kinds.map(({ name, role, folder }) => ({ name, role, value: bytesBelow(folder) / 2 ** 20 })),
    ],
  })
}

export const run = async (context) => {
  await besideGo(context)
  await besideImports(context)
}
