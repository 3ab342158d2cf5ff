/** The blocks of a CAR, looked up in its index and verified. */
import { CarV2Error, INDEX_SORTED, type IndexEntry, scanSections } from '@dagstore/carv2'
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import { IoError } from '@dagstore/io'
import {
  type AnyCid, type BlockBytesOptions, BlockNotFoundError, type BlockCallOptions, BlockstoreError, type BlockStretch, type BlockStretches, type Gate, oneChunk, type ShardBlockstore, type StoreCallOptions,
  toCid, verifyBlock,
} from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { createFirstTest } from './first-section.ts'
import { lookAhead } from './look-ahead.ts'
import type { MountedIndex } from './mounted-index.ts'
import { createQuickRead } from './quick-read.ts'
import { createReadAhead } from './read-ahead.ts'
import { equal, readData, readHead, type SectionBytes, type SectionHead } from './section-read.ts'
import { createStretches } from './stretch.ts'

export interface MountedBlockstoreParts extends SectionBytes {
  readonly index: MountedIndex
  /** `undefined`: blocks are given as they are. */
  readonly hashes: Hashes | undefined
  readonly wholeCid: boolean
  /** An identity CID without a section is answered from itself. */
  readonly inline: boolean
  /** 0: nothing is read ahead. */
  readonly readAheadBytes: number
  readonly gate: Gate
}

/** What a section may be that only an index takes for one of the block. */
const MISLED: ReadonlySet<string> = new Set(['BLOCKSTORE_UNREADABLE', 'BLOCKSTORE_HASH_MISMATCH', 'BLOCKSTORE_TOO_LARGE'])

/** Entries looked at first; a block may stand in a CAR a million times. */
const FIRST_ENTRIES = 8

export const createMountedBlockstore = (parts: MountedBlockstoreParts): ShardBlockstore & BlockStretches => {
  const { source, layout, limits, index, hashes, wholeCid, gate } = parts
  const isInline = (cid: CID): boolean => parts.inline && cid.multihash.code === IDENTITY

  const start = (cid: AnyCid, signal: AbortSignal | undefined): CID => {
    signal?.throwIfAborted()
    gate.check()
    return toCid(cid)
  }
  const isWanted = (cid: CID, head: SectionHead): boolean =>
    wholeCid ? equal(head.cidBytes, cid.bytes) : equal(head.cid.multihash, cid.multihash.bytes)
  /** An index by multihash that leads to another one is wrong; one by digest alone may rightly do so. */
  const checkIndexed = (cid: CID, head: SectionHead): void => {
    const { digest, multihash } = head.cid
    const right = index.view.facts.codec === INDEX_SORTED ? equal(digest, cid.multihash.digest) : equal(multihash, cid.multihash.bytes)
    if (!right) throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `index leads to another block; cid=${cid.toString()}`, { cid })
  }

  /**
   * What `use` makes of the first section that is the block asked for. A section that can not be used does not hide another
   * one of the same block; when none can, its failure is the answer. `undefined`: proven absent.
   */
  const firstOf = async <T>(cid: CID, entries: readonly IndexEntry[], want: 'head' | 'section', signal: AbortSignal | undefined, use: (head: SectionHead) => Promise<T>): Promise<{ readonly value: T } | undefined> => {
    let failure: { readonly error: unknown } | undefined
    for (const entry of entries) {
      try {
        const head = await readHead(parts, entry, want, signal)
        checkIndexed(cid, head)
        if (isWanted(cid, head)) return { value: await use(head) }
      } catch (error) {
        signal?.throwIfAborted()
        failure ??= { error: named(error, cid) }
      }
    }
    if (failure !== undefined) throw failure.error
    return undefined
  }
  const search = async <T>(cid: CID, want: 'head' | 'section', signal: AbortSignal | undefined, use: (head: SectionHead) => Promise<T>): Promise<{ readonly value: T } | undefined> => {
    const first = await find(cid, FIRST_ENTRIES, signal)
    // an index that is to be replaced anyway is not followed a million times
    if (first.length < FIRST_ENTRIES || !index.whole) return firstOf(cid, first, want, signal, use)
    const found = await firstOf(cid, first, want, signal, use).catch(() => undefined) // told again by the search of all below
    return found ?? firstOf(cid, await find(cid, undefined, signal), want, signal, use)
  }
  const find = async (cid: CID, limit: number | undefined, signal: AbortSignal | undefined): Promise<readonly IndexEntry[]> => {
    try {
      return await index.find(cid.multihash.bytes, limit, signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw named(error, cid)
    }
  }

  /**
   * As {@link search}, with two answers more: an identity CID holds its own block when no section does; an index that is
   * not known to be whole is replaced before it may say no, or fail.
   */
  const locate = async <T>(cid: CID, want: 'head' | 'section', signal: AbortSignal | undefined, use: (head: SectionHead) => Promise<T>): Promise<{ readonly value: T } | 'inline' | undefined> => {
    const inline = isInline(cid)
    if (!(cid.multihash.code === IDENTITY ? index.wholeOfIdentity || (inline && index.whole) : index.whole)) {
      let why = `it does not have ${cid.toString()}`
      try {
        const found = await search(cid, want, signal, use)
        if (found !== undefined || inline) return found ?? 'inline'
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof BlockstoreError) || !MISLED.has(error.code) || error.cause instanceof IoError) throw error
        why = error.message
      }
      try {
        await index.rebuild(why, signal)
      } catch (error) {
        signal?.throwIfAborted()
        throw named(error, cid)
      }
    }
    return await search(cid, want, signal, use) ?? (inline ? 'inline' : undefined)
  }

  const quickRead = createQuickRead({ section: parts, index, hashes, wholeCid })
  const quickBytes = (cid: AnyCid, options?: BlockBytesOptions): Promise<Uint8Array> => new Promise((resolve, reject) => {
    const signal = options?.signal
    const own = start(cid, signal)
    gate.enter()
    quickRead(own, options, {
      found: (data) => {
        gate.leave()
        resolve(data)
      },
      absent: () => {
        gate.leave()
        reject(new BlockNotFoundError(own))
      },
      unclear: () => {
        around(own, signal).finally(gate.leave).then(resolve, reject)
      },
    })
  })
  const readAhead = parts.readAheadBytes === 0 ? undefined : createReadAhead({ section: parts, index, hashes, wholeCid, maxBytes: parts.readAheadBytes })
  const bytes = readAhead === undefined ? quickBytes : (cid: AnyCid, { signal }: BlockCallOptions = {}): Promise<Uint8Array> => gate.pass(async () => {
    const own = start(cid, signal)
    return await readAhead(own, signal) ?? around(own, signal)
  })
  const around = async (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const found = await locate(cid, 'section', signal, async (head) => {
      const data = await readData(parts, head, signal)
      signal?.throwIfAborted()
      if (hashes !== undefined) verifyBlock(hashes, cid, data)
      return data
    })
    if (found === 'inline') return cid.multihash.digest.slice()
    if (found === undefined) throw new BlockNotFoundError(cid)
    return found.value
  }

  const readStretch = createStretches({ section: parts, index, hashes, wholeCid })
  const stretch = (cid: AnyCid, maxBytes: number, { signal }: BlockCallOptions = {}): Promise<BlockStretch> => gate.pass(async () => {
    const own = start(cid, signal)
    return await readStretch(own, maxBytes, signal) ?? { bytes: await around(own, signal), isSpent: true, take: () => undefined }
  })

  const size = (cid: AnyCid, { signal }: BlockCallOptions = {}): Promise<number> => gate.pass(async () => {
    const own = start(cid, signal)
    const [entry] = trustsEntries() ? await find(own, 1, signal) : []
    if (entry?.dataBytes !== undefined) return entry.dataBytes
    const found = await locate(own, 'head', signal, async (head) => head.dataBytes)
    if (found === 'inline') return own.multihash.digest.byteLength
    if (found === undefined) throw new BlockNotFoundError(own)
    return found.value
  })
  /** Whether an entry of the index is proof enough that the block is there. */
  const trustsEntries = (): boolean => index.whole && !wholeCid && index.view.facts.codec !== INDEX_SORTED && index.view.facts.payloadEnd !== undefined

  const has = (cid: AnyCid, { signal }: StoreCallOptions = {}): Promise<boolean> => gate.pass(async () => {
    const own = start(cid, signal)
    if (isInline(own)) return true
    if (trustsEntries() && own.multihash.code !== IDENTITY) return (await find(own, 1, signal)).length > 0
    return await locate(own, 'head', signal, async () => true) !== undefined
  })

  const bytesAt = async (cid: AnyCid, from: number, length: number, { signal }: BlockCallOptions = {}): Promise<Uint8Array> => {
    const part = async (dataBytes: number, read: () => Promise<Uint8Array>): Promise<Uint8Array> => {
      if (Number.isSafeInteger(from) && Number.isSafeInteger(length) && from >= 0 && length >= 0 && from + length <= dataBytes) return read()
      throw new RangeError(`outside of the block; from=${from} length=${length} size=${dataBytes}`)
    }
    if (hashes !== undefined) {
      const whole = await bytes(cid, { signal })
      return part(whole.byteLength, async () => whole.slice(from, from + length))
    }
    return gate.pass(async () => {
      const own = start(cid, signal)
      const found = await locate(own, 'head', signal, async (head) => part(head.dataBytes, () => source.read(head.dataAt + from, length, { signal })))
      const { digest } = own.multihash
      if (found === 'inline') return part(digest.byteLength, async () => digest.slice(from, from + length))
      if (found === undefined) throw new BlockNotFoundError(own)
      return found.value
    })
  }

  const get = (cid: AnyCid, options?: StoreCallOptions): AsyncGenerator<Uint8Array, void, undefined> => oneChunk(() => bytes(cid, options))

  async function * getMany (cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options: StoreCallOptions = {}): AsyncGenerator<Pair, void, undefined> {
    yield * lookAhead(cids, { toCid, read: (cid) => bytes(cid, options), check: gate.check, signal: options.signal })
  }

  async function * getAll (options: StoreCallOptions = {}): AsyncGenerator<Pair, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    gate.check()
    const isFirst = createFirstTest({ section: parts, index, wholeCid, find })
    try {
      for await (const section of scanSections(source, layout, { ...limits, signal, data: true })) {
        gate.check()
        const { data } = section
        const cid = CID.decode(section.cid)
        if (data !== undefined && await isFirst(section, cid, signal)) yield { cid, bytes: oneChunk(() => verified(cid, data)) }
        signal?.throwIfAborted()
        gate.check()
      }
    } catch (error) {
      signal?.throwIfAborted()
      gate.check()
      throw named(error, undefined)
    }
  }
  const verified = async (cid: CID, data: Uint8Array): Promise<Uint8Array> => {
    if (hashes !== undefined) verifyBlock(hashes, cid, data)
    return data
  }

  return { has, get, getMany, getAll, bytes, size, bytesAt, stretch }
}

interface Pair { cid: CID, bytes: AsyncGenerator<Uint8Array> }

/** Damage and failures of reading under the code that callers branch on, with their cause; anything else as it is. */
const named = (error: unknown, cid: CID | undefined): unknown => {
  if (!(error instanceof CarV2Error || error instanceof IoError)) return error
  return new BlockstoreError('BLOCKSTORE_UNREADABLE', `${error.message}; code=${error.code}`, cid === undefined ? { cause: error } : { cause: error, cid })
}
