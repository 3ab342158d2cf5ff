/** An index against what the sections say, and the top-level index against the index. */
import type { CarLayout, IndexFacts, IndexStream, IndexView, KeyedIndexEntry } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import type { ShardNumber, TopLevelIndex } from '@dagstore/top-level-index'
import { create as createMultihash } from 'multiformats/hashes/digest'

/** The first thing that is wrong. */
export interface IndexFault { readonly code: string, readonly message: string }

/**
 * Entry by entry, both being in the order of the index.
 *
 * @returns `undefined`: they say the same
 * @throws what reading either of them throws
 */
export const compareEntries = async (expected: IndexStream, index: IndexView, options: CallOptions): Promise<IndexFault | undefined> => {
  const wanted = expected.entries(options)[Symbol.asyncIterator]()
  const found = index.entries(options)[Symbol.asyncIterator]()
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      const [want, have] = [await wanted.next(), await found.next()]
      if (want.done === true && have.done === true) return undefined
      const order = want.done === true ? 1 : have.done === true ? -1 : compare(want.value, have.value)
      if (order < 0) return { code: 'CARV2_INDEX_INCOMPLETE', message: `a block is not in the index; offset=${want.value.sectionOffset}` }
      if (order > 0) return { code: 'CARV2_BAD_INDEX', message: `the index lists a block where none is; offset=${have.value.sectionOffset}` }
      if (differ(want.value.headBytes, have.value.headBytes) || differ(want.value.dataBytes, have.value.dataBytes)) {
        return { code: 'CARV2_BAD_INDEX', message: `the index names other lengths; offset=${have.value.sectionOffset}` }
      }
    }
  } finally {
    await Promise.all([wanted.return?.(), found.return?.()])
  }
}

/** What the trailer says of the whole. */
export const compareFacts = ({ payloadStart, payloadEnd, entryCount, roots }: IndexFacts, layout: CarLayout, scannedEnd: number, expected: IndexStream): IndexFault | undefined => {
  const other = (what: string): IndexFault => ({ code: 'CARV2_BAD_INDEX', message: `the index names ${what}` })
  if (payloadStart !== layout.payloadStart || payloadEnd !== scannedEnd) return other('another payload')
  if (entryCount !== expected.entryCount) return other(`other blocks; want=${expected.entryCount} got=${entryCount}`)
  if (roots !== undefined && (roots.length !== layout.roots.length || roots.some((root, at) => !root.equals(layout.roots[at])))) return other('other roots')
  return undefined
}

/** Rows asked for at a time. */
const BATCH = 4096

const PACED_BATCH = 256

/** Rows of the top-level index that are looked up where not all are: a lookup costs more than all else about an entry. */
export const SAMPLED_ROWS = 1024

/** Each good until the next one is asked for. */
export type MultihashLists = AsyncIterable<Iterable<Uint8Array>> | Iterable<Iterable<Uint8Array>>

/**
 * Whether the top-level index names the shard for these blocks.
 *
 * @param pace - awaited before each batch, with its number of rows
 */
export const compareTopLevel = async (
  top: TopLevelIndex, number: ShardNumber, lists: MultihashLists, { signal, pace }: CallOptions & { readonly pace?: (rows: number) => Promise<void> }
): Promise<IndexFault | undefined> => {
  let batch: Uint8Array[] = []
  const size = pace === undefined ? BATCH : PACED_BATCH
  const look = async (): Promise<IndexFault | undefined> => {
    await pace?.(batch.length)
    const missing = batch[(await top.holds(number, batch, { signal })).indexOf(false)]
    batch = []
    return missing === undefined ? undefined : { code: 'TOP_LEVEL_INDEX_INCOMPLETE', message: `the top-level index does not name the shard for all of its blocks; first=${hex(missing)}` }
  }
  for await (const list of lists) {
    for (const multihash of list) {
      batch.push(multihash.slice())
      if (batch.length < size) continue
      const fault = await look()
      if (fault !== undefined) return fault
    }
  }
  return batch.length === 0 ? undefined : look()
}

export const multihashOf = ({ code, digest }: KeyedIndexEntry): Uint8Array => {
  if (code === undefined) throw new TypeError('an index of ours without hash codes')
  return createMultihash(code, digest).bytes
}

const differ = (a: number | undefined, b: number | undefined): boolean => a !== undefined && b !== undefined && a !== b

const compare = (a: KeyedIndexEntry, b: KeyedIndexEntry): number => {
  const groups = (a.code ?? 0) - (b.code ?? 0) || a.digest.byteLength - b.digest.byteLength
  if (groups !== 0) return groups
  for (let at = 0; at < a.digest.byteLength; at++) {
    const difference = (a.digest[at] ?? 0) - (b.digest[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.sectionOffset - b.sectionOffset
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
