import { DagError, linksOf, payloadForm, payloadSize, walkDag } from '@dagstore/dag'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

export const firstUse = async (store: Blockstore, root: CID): Promise<number> => {
  let links = 0
  try {
    for await (const { cid, bytes, depth } of walkDag(store, root, { maxDepth: 100 })) links += linksOf(cid, bytes).length + depth
    for await (const chunk of payloadForm(store, root)) links += chunk.byteLength
    return links + (await payloadSize(store, root)).blocks
  } catch (error) {
    if (error instanceof DagError && error.code === 'DAG_TOO_DEEP') return -1
    throw error
  }
}
