import { DagError, linksOf, MissingBlockError, payloadForm, payloadSize, readEntity, resolvePath, walkDag, walkPath } from '@dagstore/dag'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

export const firstUse = async (store: Blockstore, root: CID): Promise<number> => {
  let links = 0
  try {
    for await (const { cid, bytes, depth } of walkDag(store, root, { maxDepth: 100 })) links += linksOf(cid, bytes).length + depth
    for await (const chunk of payloadForm(store, root)) links += chunk.byteLength
    for await (const { bytes } of walkPath(store, root, { path: 'a/b', entityBytes: { from: -10 }, lookAhead: 4, missing: 'stop' })) links += bytes.byteLength
    const { cid, kind, fileBytes = 0, blocks } = await resolvePath(store, root, ['a', 'b'])
    if (kind === 'file' || kind === 'raw') for await (const chunk of readEntity(store, cid, { from: 0, to: 9 })) links += chunk.byteLength + fileBytes + blocks.length
    return links + (await payloadSize(store, root)).blocks
  } catch (error) {
    if (error instanceof MissingBlockError) return error.depth
    if (error instanceof DagError && error.code === 'DAG_TOO_DEEP') return -1
    throw error
  }
}
