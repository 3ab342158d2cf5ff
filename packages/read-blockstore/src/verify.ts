/** Whether bytes are the block that a CID names. */
import type { CID } from 'multiformats/cid'
import { BlockstoreError } from './errors.ts'

/** What blocks are held against; the `Hashes` of `@dagstore/hashes` are. */
export interface BlockHashes {
  /** By multicodec code. */
  has(code: number): boolean
  matches(code: number, digest: Uint8Array, bytes: Uint8Array): boolean
}

/** @throws {BlockstoreError} `BLOCKSTORE_UNKNOWN_HASH`, `BLOCKSTORE_HASH_MISMATCH` */
export const verifyBlock = (hashes: BlockHashes, cid: CID, bytes: Uint8Array): void => {
  const { code, digest } = cid.multihash
  if (!hashes.has(code)) throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; hash=0x${code.toString(16)} cid=${cid.toString()}`, { cid })
  if (!hashes.matches(code, digest, bytes)) throw new BlockstoreError('BLOCKSTORE_HASH_MISMATCH', `block does not match its hash; cid=${cid.toString()}`, { cid })
}
