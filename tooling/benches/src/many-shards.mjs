/** Stores with many shards in them, for measurements. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDagstore } from '@dagstore/node'

export const keyOf = (i) => `shard-${String(i).padStart(8, '0')}`

/** `count` shards that were registered and not read yet, in a store in `folder`; it is closed. The milliseconds of the registration. */
export const registerShards = async (folder, count) => {
  const items = function * () { for (let i = 0; i < count; i++) yield { key: keyOf(i), mountUrl: `file:///data/${keyOf(i)}.car` } }
  const store = await openDagstore(folder)
  const start = performance.now()
  for await (const { ok, error } of store.registerMany(items())) if (!ok) throw error
  const ms = performance.now() - start
  await store.close()
  return ms
}

/** Files named like indices, `count` of them, empty, as a store with so many indexed shards has them. */
export const writeIndexNames = (folder, count) => {
  for (let i = 0; i < count; i++) {
    const fanOut = join(folder, 'index', (i % 256).toString(16).padStart(2, '0'))
    if (i < 256) mkdirSync(fanOut, { recursive: true })
    writeFileSync(join(fanOut, `${keyOf(i)}.1.full.idx`), '')
  }
}

/** Bytes of all files below a folder. */
export const bytesBelow = (folder) => readdirSync(folder, { withFileTypes: true, recursive: true })
  .reduce((sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath ?? entry.path, entry.name)).size : 0), 0)
