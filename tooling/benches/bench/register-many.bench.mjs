import { join } from 'node:path'
import { openDagstore } from '@dagstore/node'
import { ClassicLevel } from 'classic-level'
import { keyOf } from '../src/many-shards.mjs'

export const title = 'Register many shards whose mounts need no look'
export const packages = ['dagstore', 'node']

const FORMS = { small: 5000, default: 100_000, large: 1_000_000 }
/** Records in one write, as in the store. */
const GROUP = 256
const BYTES = { keyEncoding: 'view', valueEncoding: 'view' }

const urlOf = (i) => `file:///data/${keyOf(i)}.car`

/** The rows of a registration: the record, and its place among those that are new. */
const rowsOf = (i) => [
  { key: `!catalogue!r${keyOf(i)}`, value: `\0\0\0\0\0\0\0\x01${JSON.stringify({ url: urlOf(i), health: 'new', dataGeneration: 0, indexGeneration: 0 })}` },
  { key: `!catalogue!s\0${keyOf(i)}`, value: '' },
]

/** Batches of encoded rows, each written with a sync. */
const bare = (folder, count) => {
  const text = new TextEncoder()
  const groups = []
  for (let i = 0; i < count; i += GROUP) {
    groups.push(Array.from({ length: Math.min(GROUP, count - i) }, (_, at) => rowsOf(i + at)).flat().map(({ key, value }) => ({ type: 'put', key: text.encode(key), value: text.encode(value) })))
  }
  let round = 0
  let db
  return {
    prepare: async () => {
      await db?.close()
      db = new ClassicLevel(join(folder, `bare-${++round}`), BYTES)
      await db.open()
    },
    run: async () => { for (const group of groups) await db.batch(group, { ...BYTES, sync: true }) },
    close: () => db.close(),
  }
}

const registering = (folder, count, { again }) => {
  const items = function * () { for (let i = 0; i < count; i++) yield { key: keyOf(i), mountUrl: urlOf(i) } }
  const register = async () => { for await (const { ok, error } of store.registerMany(items())) if (!ok) throw error }
  let round = 0
  let store
  return {
    prepare: async () => {
      if (again && store !== undefined) return
      await store?.close()
      store = await openDagstore(join(folder, `store-${again ? 'again' : ++round}`))
      if (again) await register()
    },
    run: register,
    close: () => store.close(),
  }
}

export const run = async ({ compare, scratch, form }) => {
  const count = FORMS[form]
  const batches = 'batches of classic-level, synced'
  const cases = [
    { name: batches, role: 'floor', ...bare(scratch, count) },
    { name: 'registerMany', role: 'ours', ...registering(scratch, count, { again: false }) },
    { name: 'registerMany again', role: 'ours', ...registering(scratch, count, { again: true }) },
  ]
  await compare({
    what: `${count.toLocaleString('en-GB')} shards, ${GROUP} to a write`,
    work: { items: count },
    rounds: 3,
    cases,
    wanted: [{ name: 'registerMany', against: batches, atLeast: 0.5 }],
  })
  for (const { close } of cases) await close()
}
