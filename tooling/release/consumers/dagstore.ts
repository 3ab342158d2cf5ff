import { type Dagstore, DagstoreError, type DagstoreEvent, openDagstore, type ShardInfo, type ShardLease, toLotusRecord } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory } from '@dagstore/io'
import { bytesMount, createMountRegistry } from '@dagstore/mounts'
import type { AbstractLevel } from 'abstract-level'
import type { CID } from 'multiformats/cid'

export const firstUse = async (db: AbstractLevel<any, any, any>, cid: CID): Promise<readonly string[]> => {
  const seen: DagstoreEvent[] = []
  const store: Dagstore = await openDagstore({ db, files: createMemoryDirectory(), mounts: createMountRegistry([bytesMount()]), hashes: createHashes(), onEvent: (event) => { seen.push(event) } })
  try {
    const info: ShardInfo = await store.register('shard', 'bytes:AA')
    const lease: ShardLease = await store.acquire(info.key)
    await lease.blockstore.bytes(cid)
    await lease.close()
    return [JSON.stringify(toLotusRecord(info)), ...await store.find(cid.multihash.bytes)]
  } catch (error) {
    if (error instanceof DagstoreError && error.code === 'DAGSTORE_SHARD_ERRORED') return seen.map(({ type }) => type)
    throw error
  } finally {
    await store.close()
  }
}
