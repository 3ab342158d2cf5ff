import { join } from 'node:path'
import { migrateDeals } from '@dagstore/deal-provider'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { openDagstore } from '@dagstore/node'
import { pieceCidV1 } from '@dagstore/piece'
import { openPieceStore } from '@dagstore/piece-store'
import { ClassicLevel } from 'classic-level'

export const title = 'Migrate the deals of another system'
export const packages = ['deal-provider', 'piece-store', 'dagstore']

const FORMS = { small: 5000, default: 100_000, large: 1_000_000 }
/** Records in one write, as in the store. */
const GROUP = 256
const BYTES = { keyEncoding: 'view', valueEncoding: 'view' }
const GIB_8 = 2 ** 33

const dealOf = (i) => ({ dealId: String(i), miner: 1000n, sector: BigInt(i >> 2), offsetPadded: (i & 3) * GIB_8, lengthPadded: GIB_8, state: 'StorageDealActive' })

const commitmentOf = (i) => {
  const commitment = new Uint8Array(32)
  const view = new DataView(commitment.buffer)
  for (let at = 0, mixed = i + 1; at < 32; at += 4) view.setUint32(at, mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) + at)
  view.setUint32(20, i)
  return commitment
}

/** What a migrated deal leaves: its shard, that it is new, where its piece lies, and what the journal says. */
const rowsOf = (i, { journal }) => {
  const text = new TextEncoder()
  const piece = pieceCidV1(commitmentOf(i)).toString()
  const { dealId, sector, offsetPadded, lengthPadded } = dealOf(i)
  const start = text.encode('!piece-store!p')
  const location = new Uint8Array(start.byteLength + 64)
  location.set(start)
  location.set(commitmentOf(i), start.byteLength)
  const view = new DataView(location.buffer, start.byteLength + 32)
  ;[1000n, sector, BigInt(offsetPadded), BigInt(lengthPadded)].forEach((field, at) => view.setBigUint64(8 * at, field))
  return [
    { key: text.encode(`!catalogue!r${piece}`), value: text.encode(`\0\0\0\0\0\0\0\x01${JSON.stringify({ url: `lotus://${piece}`, health: 'new', dataGeneration: 0, indexGeneration: 0 })}`) },
    { key: text.encode(`!catalogue!s\0${piece}`), value: Uint8Array.of(1) },
    { key: location, value: Uint8Array.of(0) },
    ...journal ? [{ key: text.encode(`!migration!p${piece}`), value: text.encode(`1000 ${sector} ${offsetPadded} ${lengthPadded}\n${dealId}`) }] : [],
  ]
}

/** Batches of encoded rows, each written with a sync. */
const bare = (folder, count, options) => {
  let groups
  let round = 0
  let db
  return {
    prepare: async () => {
      await db?.close()
      groups = []
      for (let i = 0; i < count; i += GROUP) {
        groups.push(Array.from({ length: Math.min(GROUP, count - i) }, (_, at) => rowsOf(i + at, options)).flat().map((row) => ({ type: 'put', ...row })))
      }
      db = new ClassicLevel(join(folder, `bare-${options.journal}-${++round}`), BYTES)
      await db.open()
    },
    run: async () => {
      for (const group of groups) await db.batch(group, { ...BYTES, sync: true })
      // nothing of it is left to the turn of another case
      groups = undefined
    },
    close: () => db.close(),
  }
}

const migrating = (folder, count, { again }) => {
  const deals = Array.from({ length: count }, (_, i) => ({ pieceCid: pieceCidV1(commitmentOf(i)), deals: [dealOf(i)] }))
  const reader = { name: 'bench', isWithSealing: () => true, list: async function * () { yield * deals } }
  const never = async () => { throw new Error('migrations read no data') }
  let round = 0
  let store
  let pieces
  let lines = 0
  const migrate = async () => {
    const { failed, deals: done } = await migrateDeals({ reader, dagstore: store, pieces, db: store.db, onReport: (more) => { lines += more.length } })
    if (failed > 0 || done !== count || lines < count) throw new Error('not all deals were migrated')
  }
  return {
    prepare: async () => {
      if (again && store !== undefined) return
      await store?.close()
      store = await openDagstore(join(folder, `store-${again ? 'again' : ++round}`), { mounts: [lotusMount({ stat: never, open: never })] })
      pieces = await openPieceStore(store.db)
      if (again) await migrate()
    },
    run: migrate,
    close: () => store.close(),
  }
}

export const run = async ({ compare, scratch, form }) => {
  const count = FORMS[form]
  const batches = 'batches of the same records, synced'
  const cases = [
    { name: batches, role: 'floor', ...bare(scratch, count, { journal: true }) },
    { name: 'the same without a journal', role: 'floor', ...bare(scratch, count, { journal: false }) },
    { name: 'migrateDeals', role: 'ours', ...migrating(scratch, count, { again: false }) },
    { name: 'migrateDeals again', role: 'ours', ...migrating(scratch, count, { again: true }) },
  ]
  await compare({
    what: `${count.toLocaleString('en-GB')} deals, ${GROUP} to a write`,
    work: { items: count },
    rounds: 3,
    cases,
    wanted: [{ name: 'migrateDeals', against: batches, atLeast: 0.5 }],
  })
  for (const { close } of cases) await close()
}
