/** Blocks of the store as a gateway reads them. */
import { type BlockGetter, DagError } from '@dagstore/dag'
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import { BlockNotFoundError, BlockstoreError, type BlockBytesOptions, type BlockCallOptions, type BlockStretches, hasBytes, hasSizes, hasStretches, oneChunk, type ReadBlockstore, readBlock, type StoreCallOptions, toCid, verifyBlock } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

export interface ReaderParts {
  readonly blockstore: ReadBlockstore
  readonly hashes: Hashes
  readonly verify: 'always' | 'never'
}

/** Runs what may miss a block; again when it may be there later. */
export type Patience = <T>(find: () => Promise<T>) => Promise<T>

export interface Reader extends BlockGetter, Partial<BlockStretches> {
  /** The block as the store has it. @throws {BlockNotFoundError} and the store's other errors */
  bytes (cid: CID, options?: BlockBytesOptions): Promise<Uint8Array>
  /** Verified and of a length that is allowed; of an identity CID what it holds. @throws {DagError}, {BlockstoreError} */
  whole (cid: CID, options?: BlockBytesOptions): Promise<Uint8Array>
  /** Length of a block that is there, without reading it; `undefined`: the store does not tell. @throws {BlockNotFoundError}; {DagError} it is too long; {BlockstoreError} nothing could verify it */
  length (cid: CID, options?: BlockCallOptions): Promise<number | undefined>
}

/** @param maxBlockBytes - 0: no limit */
export const createReader = ({ blockstore, hashes, verify }: ReaderParts, patience: Patience, maxBlockBytes: number): Reader => {
  const checked = (cid: CID, length: number): number => {
    if (maxBlockBytes === 0 || length <= maxBlockBytes) return length
    throw new DagError('DAG_BLOCK_TOO_LARGE', `block is too long; max=${maxBlockBytes} got=${length}`, cid)
  }
  // our own stores bound what they read
  const isUnbound = maxBlockBytes > 0 && hasSizes(blockstore) && !hasBytes(blockstore)
  const bytes = (cid: CID, options: BlockBytesOptions = {}): Promise<Uint8Array> => patience(async () => {
    if (isUnbound) checked(cid, await blockstore.size(cid, options))
    return readBlock(blockstore, cid, options)
  })
  return {
    bytes,
    ...(hasStretches(blockstore) ? { stretch: (cid, maxBytes, options) => patience(() => blockstore.stretch(cid, maxBytes, options)) } satisfies BlockStretches : {}),
    get: (cid, options: StoreCallOptions = {}) => oneChunk(() => bytes(toCid(cid), options)),
    whole: async (cid, options) => {
      if (cid.multihash.code === IDENTITY) return cid.multihash.digest
      const block = await bytes(cid, options)
      checked(cid, block.byteLength)
      if (verify === 'always') verifyBlock(hashes, cid, block)
      return block
    },
    length: async (cid, options = {}) => {
      if (cid.multihash.code === IDENTITY) return cid.multihash.digest.byteLength
      const { signal } = options
      const length = hasSizes(blockstore) ? checked(cid, await patience(async () => blockstore.size(cid, options))) : undefined
      if (length === undefined && !await blockstore.has(cid, signal === undefined ? {} : { signal })) throw new BlockNotFoundError(cid)
      const { code } = cid.multihash
      if (verify === 'always' && !hashes.has(code)) throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; hash=0x${code.toString(16)} cid=${cid.toString()}`, { cid })
      return length
    },
  }
}
