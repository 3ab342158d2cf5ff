/** Which of the sections of one block is listed, when all are gone through: told by the index, so that little is remembered. */
import type { IndexEntry, Section } from '@dagstore/carv2'
import { IDENTITY } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import { keyOf } from './byte-key.ts'
import type { MountedIndex } from './mounted-index.ts'
import { equal, readHead, type SectionBytes } from './section-read.ts'

export interface FirstTestParts {
  readonly section: SectionBytes
  readonly index: MountedIndex
  readonly wholeCid: boolean
  readonly find: (cid: CID, limit: number | undefined, signal: AbortSignal | undefined) => Promise<readonly IndexEntry[]>
}

type Where = Pick<Section, 'sectionOffset' | 'cid'>

/** Entries of one block that are looked at before all of them are. */
const FEW_ENTRIES = 8
/** Identity CIDs that an index of go-car leaves out, remembered before another index is built. */
const MAX_UNLISTED = 4096

/**
 * For one way through all sections, in order. Makes a function that tells whether a section is the first of its block in the
 * file. An index in which that can not be seen, since it does not know the section, leads astray, or has many entries of the
 * block in an order of its own, is replaced by one that was built.
 */
export const createFirstTest = ({ section: bytes, index, wholeCid, find }: FirstTestParts): (section: Where, cid: CID, signal: AbortSignal | undefined) => Promise<boolean> => {
  /** Of multihashes with many sections: the whole CIDs of those gone by, so that each head is read once. */
  const gone = new Map<string, Set<string>>()
  const headsBefore = async (entries: readonly IndexEntry[], sectionOffset: number, signal: AbortSignal | undefined): Promise<Set<string>> => {
    const cids = new Set<string>()
    for (const entry of entries) {
      if (entry.sectionOffset < sectionOffset) cids.add(keyOf((await readHead(bytes, entry, 'head', signal)).cidBytes))
    }
    return cids
  }
  /** The same whole CID in a section before this one, of which there are others with its multihash. */
  const isRepeated = async ({ sectionOffset, cid: own }: Where, cid: CID, signal: AbortSignal | undefined): Promise<boolean> => {
    const block = keyOf(cid.multihash.bytes)
    let cids = gone.get(block)
    if (cids === undefined) {
      const few = await find(cid, FEW_ENTRIES, signal)
      if (few.length < FEW_ENTRIES) return (await headsBefore(few, sectionOffset, signal)).has(keyOf(own))
      gone.set(block, cids = await headsBefore(await find(cid, undefined, signal), sectionOffset, signal))
    }
    const key = keyOf(own)
    if (cids.has(key)) return true
    cids.add(key)
    return false
  }
  /** Whether there is a section of the block before this one; `undefined`: the index does not tell. */
  const hasEarlier = async ({ sectionOffset }: Where, cid: CID, signal: AbortSignal | undefined): Promise<boolean | undefined> => {
    const limit = index.ordered ? 1 : FEW_ENTRIES
    const entries = await find(cid, limit, signal)
    if (!index.ordered && entries.length === limit) return undefined
    const first = entries.reduce<IndexEntry | undefined>((least, entry) => least === undefined || entry.sectionOffset < least.sectionOffset ? entry : least, undefined)
    if (first === undefined || first.sectionOffset > sectionOffset) return undefined
    if (first.sectionOffset === sectionOffset) return false
    if (index.ordered) return true
    const found = await readHead(bytes, first, 'head', signal).catch(() => undefined) // told by who asks for the block
    signal?.throwIfAborted()
    return found !== undefined && equal(found.cid.multihash, cid.multihash.bytes) ? true : undefined
  }

  const unlisted = new Set<string>()

  return async (section, cid, signal) => {
    for (;;) {
      const earlier = await hasEarlier(section, cid, signal)
      if (earlier === undefined && cid.multihash.code === IDENTITY && !index.wholeOfIdentity && unlisted.size < MAX_UNLISTED) {
        const before = unlisted.size
        return unlisted.add(keyOf(wholeCid ? section.cid : cid.multihash.bytes)).size > before
      }
      if (earlier === false) return true
      if (earlier === true) return wholeCid && !await isRepeated(section, cid, signal)
      if (index.origin === 'built') return true
      await index.rebuild(`it does not tell which section of ${cid.toString()} is the first`, signal)
    }
  }
}
