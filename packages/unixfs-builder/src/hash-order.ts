/** Entries in the order of the hashes of their names, in which those of one node of a sharded directory are neighbours. */
import { murmur3Into } from '@dagstore/hashes'
import type { EntryList } from './entry-list.ts'
import type { EncodedLink } from './pb-node.ts'

/** Of the hash, which is murmur3-x64-64. */
export const HASH_BYTES = 8

/** The link to an entry, and the hash of its name. */
export interface HashedEntry extends EncodedLink {
  /** Upper 32 bits. */
  readonly high: number
  /** Lower 32 bits. */
  readonly low: number
}

/** Numbers of the entries in order, and by their numbers the halves of the hashes, upper ones first; of equal hashes, as in the list. */
export const hashOrder = (entries: EntryList): { readonly order: Uint32Array, readonly hashes: Uint32Array } => {
  const hashes = new Uint32Array(2 * entries.count)
  for (let entry = 0; entry < entries.count; entry++) murmur3Into(entries.name(entry), hashes, 2 * entry)
  const order = Uint32Array.from({ length: entries.count }, (_, entry) => entry)
  order.sort((a, b) => hashes[2 * a]! - hashes[2 * b]! || hashes[2 * a + 1]! - hashes[2 * b + 1]!)
  return { order, hashes }
}

const BATCH_ENTRIES = 256

/** All entries of the list, some at a time; views of it. */
export const hashedBatches = function * (entries: EntryList): Generator<readonly HashedEntry[], void, undefined> {
  const { order, hashes } = hashOrder(entries)
  for (let from = 0; from < order.length; from += BATCH_ENTRIES) {
    const batch: HashedEntry[] = []
    for (const entry of order.subarray(from, from + BATCH_ENTRIES)) {
      batch.push({ high: hashes[2 * entry]!, low: hashes[2 * entry + 1]!, name: entries.name(entry), cid: entries.cid(entry), dagBytes: entries.dagBytes(entry) })
    }
    yield batch
  }
}
