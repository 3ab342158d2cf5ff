/** The blocks of a CAR of references, by their own CIDs. */
import { isReferenceSection } from '@dagstore/carv2'
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import {
  type AnyCid, type BlockBytesOptions, BlockNotFoundError, type BlockCallOptions, type Gate, oneChunk, readBlock, type ShardBlockstore, type StoreCallOptions, toCid, verifyBlock,
} from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { RefCarError } from './errors.ts'
import type { FileReference } from './file-reference.ts'
import { listDag, textOf } from './listing.ts'
import type { RefLookup } from './ref-lookup.ts'
import { failure, type LeafFiles } from './referenced-files.ts'

export interface RefBlockstoreParts {
  readonly roots: readonly CID[]
  /** All of them, unverified. */
  readonly sections: ShardBlockstore
  readonly lookup: RefLookup
  readonly files: LeafFiles
  readonly hashes: Hashes
  readonly gate: Gate
}

interface Pair { cid: CID, bytes: AsyncGenerator<Uint8Array> }

export const createRefBlockstore = (parts: RefBlockstoreParts): ShardBlockstore => {
  const { roots, sections, lookup, hashes, gate } = parts
  /** Refused, answered from the CID itself, or looked up. */
  const start = (cid: AnyCid, signal: AbortSignal | undefined): CID => {
    signal?.throwIfAborted()
    gate.check()
    return toCid(cid)
  }
  const isInline = (cid: CID): boolean => cid.multihash.code === IDENTITY

  const read = async (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    if (isInline(cid)) return cid.multihash.digest.slice()
    const own = await lookup.own(cid, { signal })
    if (own !== undefined) return own
    const reference = await lookup.reference(cid, { signal })
    if (reference === undefined) throw new BlockNotFoundError(cid)
    return readLeaf(parts, cid, reference, signal)
  }
  const bytes = (cid: AnyCid, { signal }: BlockBytesOptions = {}): Promise<Uint8Array> => gate.pass(async () => {
    const block = await read(start(cid, signal), signal)
    signal?.throwIfAborted()
    return block
  })
  const sizeOf = async (cid: CID, signal: AbortSignal | undefined): Promise<number | undefined> => {
    if (isInline(cid)) return cid.multihash.digest.byteLength
    return await lookup.ownSize(cid, { signal }) ?? (await lookup.reference(cid, { signal }))?.size
  }
  const size = (cid: AnyCid, { signal }: BlockCallOptions = {}): Promise<number> => gate.pass(async () => {
    const own = start(cid, signal)
    const length = await sizeOf(own, signal)
    if (length === undefined) throw new BlockNotFoundError(own)
    return length
  })
  const has = (cid: AnyCid, { signal }: StoreCallOptions = {}): Promise<boolean> => gate.pass(async () => await sizeOf(start(cid, signal), signal) !== undefined)
  const bytesAt = async (cid: AnyCid, from: number, length: number, { signal }: BlockCallOptions = {}): Promise<Uint8Array> => {
    const whole = await bytes(cid, { signal })
    if (Number.isSafeInteger(from) && Number.isSafeInteger(length) && from >= 0 && length >= 0 && from + length <= whole.byteLength) return whole.slice(from, from + length)
    throw new RangeError(`outside of the block; from=${from} length=${length} size=${whole.byteLength}`)
  }
  const get = (cid: AnyCid, options?: StoreCallOptions): AsyncGenerator<Uint8Array, void, undefined> => oneChunk(() => bytes(cid, options))

  async function * getMany (cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options: StoreCallOptions = {}): AsyncGenerator<Pair, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    gate.check()
    for await (const cid of cids) {
      const own = start(cid, signal)
      yield { cid: own, bytes: oneChunk(() => bytes(own, options)) }
      signal?.throwIfAborted()
      gate.check()
    }
  }

  async function * getAll (options: StoreCallOptions = {}): AsyncGenerator<Pair, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    gate.check()
    const seen = new Set<string>()
    for await (const { cid, stored, reference } of listDag(lookup, roots, { signal })) {
      gate.check()
      const text = textOf(cid.multihash.bytes)
      if (seen.has(text) || (!stored && reference === undefined)) continue
      seen.add(text)
      yield { cid, bytes: oneChunk(() => bytes(cid, options)) }
      signal?.throwIfAborted()
      gate.check()
    }
    for await (const { cid, bytes: chunks } of sections.getAll(options)) {
      gate.check()
      if (seen.has(textOf(cid.multihash.bytes))) continue
      const data = await readBlock({ get: () => chunks }, cid)
      if (isReferenceSection(cid.multihash.code, cid.multihash.digest, data)) continue
      yield { cid, bytes: oneChunk(async () => verified(hashes, cid, data)) }
      signal?.throwIfAborted()
      gate.check()
    }
  }
  return { has, get, getMany, getAll, bytes, size, bytesAt }
}

const verified = (hashes: Hashes, cid: CID, data: Uint8Array): Uint8Array => {
  verifyBlock(hashes, cid, data)
  return data
}

/** From its file, hashed; once more from the file as it is now before it is called changed. */
const readLeaf = async ({ files, hashes }: Pick<RefBlockstoreParts, 'files' | 'hashes'>, cid: CID, reference: FileReference, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  const { code, digest } = cid.multihash
  if (!hashes.has(code)) verifyBlock(hashes, cid, new Uint8Array(0))
  const first = await files.read(cid, reference, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted()
    if (error instanceof RefCarError && error.code !== 'REF_CAR_FORBIDDEN') return undefined
    throw error
  })
  if (first !== undefined && hashes.matches(code, digest, first)) return first
  const again = await files.read(cid, reference, { signal, fresh: true })
  if (hashes.matches(code, digest, again)) return again
  throw failure('REF_CAR_FILE_CHANGED', cid, reference)
}
