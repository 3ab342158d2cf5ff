/** CARs of files and directories, made for the tests that take them apart. */
import { carV1, carV2 } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import type { TreeEntry } from '@dagstore/io'
import { buildTree, type Profile } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'

export interface TreeCar {
  readonly root: CID
  readonly blocks: readonly { readonly cid: Uint8Array, readonly multihash: Uint8Array, readonly data: Uint8Array }[]
  readonly v1: Uint8Array
  readonly v2: Uint8Array
}

/** @param leave - which blocks to leave out, by CID and bytes */
export const carOfTree = async (tree: TreeEntry, options: { readonly profile?: Profile, readonly leave?: (cid: CID, data: Uint8Array) => boolean } = {}): Promise<TreeCar> => {
  const found = new Map<string, TreeCar['blocks'][number]>()
  const put = (cid: CID, data: Uint8Array): void => {
    if (options.leave?.(cid, data) !== true) found.set(cid.toString(), { cid: cid.bytes, multihash: cid.multihash.bytes, data: data.slice() })
  }
  const { cid } = await buildTree(tree, { put }, { hashes: createHashes(), profile: options.profile ?? 'unixfs-v1-2025', links: 'keep' })
  const blocks = [...found.values()].reverse()
  return { root: cid, blocks, v1: carV1([cid.bytes], blocks), v2: carV2({ roots: [cid.bytes], blocks }) }
}
