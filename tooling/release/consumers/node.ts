import { type NodeDagstore, openDagstore } from '@dagstore/node'
import type { CID } from 'multiformats/cid'

export const firstUse = async (folder: string, cid: CID): Promise<number> => {
  const store: NodeDagstore = await openDagstore(folder, { maxOpenShards: 10 })
  await store.register('shard', 'file:///a.car')
  let bytes = 0
  for await (const chunk of store.blockstore.get(cid)) bytes += chunk.byteLength
  for await (const { key, error } of store.shards()) bytes += key.length + (error?.message.length ?? 0)
  await store.close()
  return bytes
}
