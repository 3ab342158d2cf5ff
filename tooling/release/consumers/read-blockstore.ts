import { BlockNotFoundError, hasBytes, readBlock, type ReadBlockstore } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

declare const ofJsStores: Blockstore

export const firstUse = async (cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> => {
  const store: ReadBlockstore = ofJsStores
  try {
    return hasBytes(store) ? await store.bytes(cid) : await readBlock(store, cid, { signal })
  } catch (error) {
    if (error instanceof BlockNotFoundError && error.unindexedShards === 0) return undefined
    throw error
  }
}
