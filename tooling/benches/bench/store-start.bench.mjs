import { join } from 'node:path'
import { openDagstore } from '@dagstore/node'
import { keyOf, registerShards, writeIndexNames } from '../src/many-shards.mjs'

export const title = 'Start a store with many shards at rest'
export const packages = ['dagstore', 'node']

const FEW = 1000
const FORMS = { small: 10_000, default: 100_000, large: 1_000_000 }
const MIB_MORE = 32
const child = new URL('children/start-store.mjs', import.meta.url)

const text = (count) => `${count.toLocaleString('en-GB')} shards`

/** Opening until one shard is answered for; the one before is closed in between, which does not count. */
const starting = (folder, count) => {
  let store
  const close = async () => {
    await store?.close()
    store = undefined
  }
  const run = async () => {
    store = await openDagstore(folder)
    if (await store.shard(keyOf(count >> 1)) === undefined) throw new Error('a shard is missing')
  }
  return { prepare: close, run, close }
}

export const run = async ({ compare, amounts, inChild, scratch, form }) => {
  const many = FORMS[form]
  const kinds = [
    { name: text(FEW), role: 'floor', count: FEW, folder: join(scratch, 'few') },
    { name: text(many), role: 'ours', count: many, folder: join(scratch, 'many') },
    { name: `${text(many)}, as many files in index/`, role: 'ours', count: many, folder: join(scratch, 'indexed'), files: true },
  ]
  const registering = []
  for (const { name, count, folder, files } of kinds) {
    const ms = await registerShards(folder, count)
    if (files) writeIndexNames(folder, count)
    registering.push({ name, ms, count })
    // what the log of the database holds goes into tables, which the first opening after many writes does
    await (await openDagstore(folder)).close()
  }
  const cases = kinds.map(({ name, role, count, folder }) => ({ name, role, ...starting(folder, count) }))
  await compare({
    what: 'from opening to the answer about one shard',
    cases,
    wanted: kinds.filter(({ role }) => role === 'ours').map(({ name }) => ({ name, against: text(FEW), atLeast: 0.33 })),
  })
  for (const { close } of cases) await close()

  const figures = []
  for (const { name, role, count, folder } of kinds) {
    const { live, peakMiB } = await inChild(child, { folder, key: keyOf(count >> 1) })
    figures.push({ name, role, live: live.rssMiB, peak: peakMiB })
  }
  const [few, ...rest] = figures
  amounts({
    what: `Resident memory of a started store above that of ${few.name}`,
    unit: 'MiB',
    figures: rest.flatMap(({ name, role, live, peak }) => [
      { name: `${name}, held`, role, value: Math.max(0, live - few.live), atMost: MIB_MORE },
      { name: `${name}, highest`, role, value: Math.max(0, peak - few.peak), atMost: MIB_MORE },
    ]),
  })
  amounts({ what: 'registerMany, beforehand', unit: 'shards/s', figures: registering.slice(1, 2).map(({ name, ms, count }) => ({ name, role: 'ours', value: count / ms * 1000 })) })
}
