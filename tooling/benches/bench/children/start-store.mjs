/** Open a store, ask for one shard, and hold it. */
import { openDagstore } from '@dagstore/node'
import { measured } from '../../src/child.mjs'

await measured(import.meta.url, async ({ folder, key }) => {
  const store = await openDagstore(folder)
  if (await store.shard(key) === undefined) throw new Error('a shard is missing')
  return { hold: () => store.close() }
})
