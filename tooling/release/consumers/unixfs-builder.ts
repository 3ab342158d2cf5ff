import type { Hashes } from '@dagstore/hashes'
import type { TreeEntry } from '@dagstore/io'
import { type BlockSink, buildFile, type BuiltNode, buildTree, UnixfsError } from '@dagstore/unixfs-builder'
import type { CID } from 'multiformats/cid'

export const firstUse = async (content: AsyncIterable<Uint8Array>, entry: TreeEntry, store: { put(cid: CID, bytes: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<CID> }, hashes: Hashes): Promise<BuiltNode> => {
  const sink: BlockSink = store
  try {
    return await buildTree(entry, sink, { hashes, profile: 'unixfs-v1-2025', links: 'skip' })
  } catch (error) {
    if (!(error instanceof UnixfsError)) throw error
    return await buildFile(content, { put: (cid, bytes) => { if (bytes.byteLength > 2 ** 20) throw new Error(cid.toString()) } }, { hashes })
  }
}
