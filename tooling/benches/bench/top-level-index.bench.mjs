import { createHash } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openTopLevelIndex } from '@dagstore/top-level-index'
import { ClassicLevel } from 'classic-level'

export const title = 'Publish the multihashes of a shard in the top-level index, and find them'
export const packages = ['top-level-index']

const COUNT = 200_000
const BATCH = 10_000
const FINDS = 10_000

const multihashes = Array.from({ length: COUNT }, (_, i) => Buffer.concat([Buffer.of(0x12, 32), createHash('sha256').update(String(i)).digest()]))

const stream = async function * () { yield * multihashes }

const bareBatches = async (db) => {
  const suffix = Buffer.alloc(4)
  const empty = new Uint8Array(0)
  for (let at = 0; at < COUNT; at += BATCH) {
    await db.batch(multihashes.slice(at, at + BATCH).map((multihash) => ({ type: 'put', key: Buffer.concat([multihash.subarray(2), suffix]), value: empty })), { keyEncoding: 'view', valueEncoding: 'view' })
  }
  await db.batch([{ type: 'put', key: Buffer.of(1), value: empty }], { keyEncoding: 'view', valueEncoding: 'view', sync: true })
}

const percentile = (values, share) => values.sort((a, b) => a - b)[Math.floor(values.length * share)]

/** Microseconds of each lookup on its own. */
const latencies = async (index, wanted) => {
  const times = []
  for (const multihash of wanted) {
    const start = performance.now()
    await index.find(multihash)
    times.push((performance.now() - start) * 1000)
  }
  return times
}

export const run = async ({ compare, amounts, scratch }) => {
  const path = join(scratch, 'db')
  let db
  const fresh = async () => {
    await db?.close()
    rmSync(path, { recursive: true, force: true })
    db = new ClassicLevel(path)
    await db.open()
  }
  const publish = async () => {
    const index = await openTopLevelIndex(db)
    await index.publish(1, stream())
    await index.close()
  }
  await compare({
    what: '200,000 multihashes of one shard',
    work: { items: COUNT },
    rounds: 4,
    cases: [
      { name: 'top-level-index publish', role: 'ours', prepare: fresh, run: publish },
      { name: 'bare classic-level batches', role: 'floor', prepare: fresh, run: () => bareBatches(db) },
    ],
    wanted: [{ name: 'top-level-index publish', against: 'bare classic-level batches', atLeast: 0.8 }],
  })
  await fresh()
  await publish()
  const index = await openTopLevelIndex(db)
  const wanted = Array.from({ length: FINDS }, (_, i) => multihashes[(i * 7919) % COUNT])
  await compare({
    what: '10,000 lookups, one after another',
    work: { items: FINDS },
    cases: [
      { name: 'top-level-index find', role: 'ours', run: async () => { for (const multihash of wanted) await index.find(multihash) } },
      { name: 'top-level-index findMany', role: 'ours', run: () => index.findMany(wanted) },
      { name: 'classic-level get of absent keys', role: 'floor', run: async () => { for (const multihash of wanted) await db.get(multihash, { keyEncoding: 'view', valueEncoding: 'view' }) } },
    ],
  })
  const times = await latencies(index, wanted)
  amounts({
    what: 'one lookup in 200,000 entries, none beside it',
    unit: 'µs',
    figures: [
      { name: 'top-level-index find, median', role: 'ours', value: percentile(times, 0.5) },
      { name: 'top-level-index find, 99 in 100 are faster', role: 'ours', value: percentile(times, 0.99) },
    ],
  })
  await index.close()
  // opening writes what the log holds into tables
  await db.close()
  await db.open()
  await db.close()
  const bytes = readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
  amounts({
    what: 'the folder of the database, per entry',
    unit: 'B',
    figures: [{ name: 'top-level-index, 200,000 sha2-256', role: 'ours', value: bytes / COUNT, atMost: 40 }],
  })
}
