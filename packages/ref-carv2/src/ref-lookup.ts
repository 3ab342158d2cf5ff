/** What a CAR has of a block: the block itself, or where it lies. */
import { isReferenceSection, MAX_REFERENCE_BYTES } from '@dagstore/carv2'
import { type Hashes, SHA2_256 } from '@dagstore/hashes'
import type { CallOptions } from '@dagstore/io'
import { type ShardBlockstore, type StoreCallOptions, verifyBlock } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { RefCarError } from './errors.ts'
import type { FileReference } from './file-reference.ts'
import { decodeReference, type Dialect, keyCid } from './reference.ts'

export interface PlacedReference extends FileReference { readonly dialect: Dialect }

export interface RefLookup {
  /** The block if a section holds it, verified. `undefined`: none does, or only keys do. */
  own(cid: CID, options: CallOptions): Promise<Uint8Array | undefined>
  /** Its length, if a section holds it. */
  ownSize(cid: CID, options: CallOptions): Promise<number | undefined>
  /** @throws {RefCarError} `REF_CAR_BAD_REFERENCE` */
  reference(cid: CID, options: CallOptions): Promise<PlacedReference | undefined>
}

/** The newer dialect first. */
const DIALECTS: readonly Dialect[] = ['sha2-keys', 'identity-keys']

/** @param sections - of the CAR, unverified; a block is looked for by multihash */
export const createRefLookup = (sections: ShardBlockstore, hashes: Hashes): RefLookup => {
  const isBlock = ({ multihash: { code, digest } }: CID, bytes: Uint8Array): boolean => hashes.has(code) && hashes.matches(code, digest, bytes)
  const isKey = ({ multihash: { code, digest } }: CID, bytes: Uint8Array): boolean => isReferenceSection(code, digest, bytes)
  const read = (cid: CID, { signal }: CallOptions): Promise<Uint8Array | undefined> => found(sections.bytes(cid, { signal }))

  return {
    own: async (cid, options) => {
      // asked first: most blocks are leaves, which no section has, and an error for each costs more than asking
      const bytes = await sections.has(cid, callOptions(options.signal)) ? await read(cid, options) : undefined
      if (bytes === undefined || isBlock(cid, bytes)) return bytes
      if (isKey(cid, bytes)) return undefined
      verifyBlock(hashes, cid, bytes)
      return bytes
    },
    ownSize: async (cid, options) => {
      const size = await found(Promise.resolve(sections.size(cid, options)))
      if (size === undefined || size > MAX_REFERENCE_BYTES) return size
      const bytes = await read(cid, options)
      return bytes === undefined || isKey(cid, bytes) ? undefined : size
    },
    reference: async (cid, options) => {
      const { bytes: multihash } = cid.multihash
      for (const dialect of DIALECTS) {
        const key = keyCid(multihash, dialect)
        const bytes = await read(key, options)
        // a file may hold the very text of a key
        if (bytes === undefined || (key.multihash.code === SHA2_256 && isBlock(key, bytes))) continue
        try {
          return { ...decodeReference(bytes), dialect }
        } catch (cause) {
          throw cause instanceof RefCarError ? new RefCarError(cause.code, `${cause.message}; cid=${cid.toString()}`, { cause, cid }) : cause
        }
      }
      return undefined
    },
  }
}

const found = async <T>(call: Promise<T>): Promise<T | undefined> => {
  try {
    return await call
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'BLOCKSTORE_NOT_FOUND'

/** As stores of other origin want their options. */
export const callOptions = (signal: AbortSignal | undefined): StoreCallOptions => signal === undefined ? {} : { signal }
