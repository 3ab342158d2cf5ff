/**
 * A store for a walk that is not interested in its beginning: while that lasts, raw leaves, which link to nothing, are not read.
 * What is given instead is an empty block that stands for one of a known length.
 */
import type { BlockGetter } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import { type AnyCid, type BlockBytes, type BlockCallOptions, type BlockSizes, hasBytes, hasSizes, oneChunk, readBlock, toCid, verifyBlock } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

const RAW = 0x55

export interface SkippingStore extends BlockGetter, BlockBytes {
  /** From now on blocks are read. */
  stopSkipping(): void
  /** Length of the block that these bytes stand for; `undefined`: they are the block. */
  skippedBytes(bytes: Uint8Array): number | undefined
  /** The block, verified. */
  read(cid: CID, options: BlockCallOptions): Promise<Uint8Array>
}

/** @param hashes - what blocks are verified with; `undefined`: the store has done so */
export const createSkippingStore = (store: BlockGetter, hashes: Hashes | undefined): SkippingStore => {
  const stands = new WeakMap<Uint8Array, number>()
  const sizes: BlockSizes | undefined = hasSizes(store) ? store : undefined
  let skipping = sizes !== undefined
  const read = async (cid: CID, options: BlockCallOptions): Promise<Uint8Array> => {
    const bytes = await (hasBytes(store) ? store.bytes(cid, options) : readBlock(store, cid, options))
    if (hashes !== undefined) verifyBlock(hashes, cid, bytes)
    return bytes
  }
  const bytes = async (asked: AnyCid, options: BlockCallOptions = {}): Promise<Uint8Array> => {
    const cid = toCid(asked)
    if (!skipping || sizes === undefined || cid.code !== RAW) return read(cid, options)
    const placeholder = new Uint8Array(0)
    stands.set(placeholder, await sizes.size(cid, options))
    return placeholder
  }
  return {
    read,
    bytes,
    get: (cid, options) => oneChunk(() => bytes(cid, options)),
    stopSkipping: () => { skipping = false },
    skippedBytes: (block) => stands.get(block),
  }
}
