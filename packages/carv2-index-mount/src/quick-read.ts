/** The usual case of reading a block, in as few steps as can be; whatever is not as it should be is left to the other path. */
import type { IndexEntry } from '@dagstore/carv2'
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import { type CallbackSource, canFill, type FillingSource, hasCallbacks } from '@dagstore/io'
import type { BlockBytesOptions, BlockMemory } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { MountedIndex } from './mounted-index.ts'
import { isHeadOf, type SectionBytes, spanOf } from './section-read.ts'

export interface QuickReadParts {
  readonly section: SectionBytes
  readonly index: MountedIndex
  readonly hashes: Hashes | undefined
  readonly wholeCid: boolean
}

/** How one read ends; each is called at most once, and one of them. */
export interface QuickReadEnds {
  found(data: Uint8Array): void
  /** Proven: the index has every section, and not this one. */
  absent(): void
  /** Nothing is known. */
  unclear(): void
}

/**
 * Makes a function that reads a block where the index tells where it and its head and data end: one lookup, one read, one
 * comparison, one hash.
 */
export const createQuickRead = ({ section, index, hashes, wholeCid }: QuickReadParts): (cid: CID, options: BlockBytesOptions | undefined, ends: QuickReadEnds) => void => {
  const { source } = section
  const callbacks: CallbackSource | undefined = hasCallbacks(source) ? source : undefined
  const filling: FillingSource | undefined = canFill(source) ? source : undefined

  /** The data in a section read as `entry` told. `undefined`: it is not that section, or not that block. */
  const dataOf = (cid: CID, entry: IndexEntry, bytes: Uint8Array): Uint8Array | undefined => {
    if (!isHeadOf(bytes, entry, cid, wholeCid)) return undefined
    const data = bytes.subarray(entry.headBytes!)
    if (hashes === undefined) return data
    const { code, digest } = cid.multihash
    return hashes.has(code) && hashes.matches(code, digest, data) ? data : undefined
  }
  const readEntry = (cid: CID, entry: IndexEntry | undefined, whole: boolean, { signal, memory }: BlockBytesOptions, ends: QuickReadEnds): void => {
    if (entry === undefined) return whole && cid.multihash.code !== IDENTITY ? ends.absent() : ends.unclear()
    if (entry.headBytes === undefined || entry.dataBytes === undefined) return ends.unclear()
    const { at, length } = spanOf(section, entry, 'section')
    const end = (data: Uint8Array | undefined): void => data === undefined ? ends.unclear() : ends.found(data)
    const peeked = source.peek(at, length)
    if (peeked !== undefined) return end(copyOf(dataOf(cid, entry, peeked)))
    const take = (bytes: Uint8Array): void => {
      let data: Uint8Array | undefined
      try {
        data = dataOf(cid, entry, bytes)
      } catch {} // a hasher that fails; told by the other path
      end(data === undefined || data.byteLength * 2 > length ? data : copyOf(data))
    }
    if (memory !== undefined && filling !== undefined && length >= memory.minBytes) void readInto(filling, memory, at, length, signal).then(take, ends.unclear)
    else if (callbacks === undefined || signal !== undefined) void source.read(at, length, { signal }).then(take, ends.unclear)
    else callbacks.readThen(at, length, (_error, bytes) => bytes === undefined ? ends.unclear() : take(bytes))
  }

  return (cid, options = {}, ends) => {
    const { signal } = options
    // of the index that is asked: when it answers another one may be in its place
    const { whole } = index
    // what is thrown here is thrown again, and told, by the other path
    const begin = (entries: readonly IndexEntry[]): void => {
      try {
        readEntry(cid, entries[0], whole, options, ends)
      } catch {
        ends.unclear()
      }
    }
    try {
      const entries = index.find(cid.multihash.bytes, 1, signal)
      if ('then' in entries) void entries.then(begin, ends.unclear)
      else readEntry(cid, entries[0], whole, options, ends)
    } catch {
      ends.unclear()
    }
  }
}

const readInto = async (source: FillingSource, memory: BlockMemory, at: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  const bytes = memory.take(length)
  // a source that ends early gives less, which is no section
  return bytes.subarray(0, await source.readInto(at, bytes, { signal }))
}

/** Not `slice`: of a Buffer that would be a view. */
const copyOf = <T extends Uint8Array | undefined>(bytes: T): Uint8Array | T => bytes === undefined ? bytes : new Uint8Array(bytes)
