/** What of an index goes into the top-level index. */
import type { DigestRows, IndexFacts } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import { create as createMultihash } from 'multiformats/hashes/digest'

/** An index file, or one that is being made. */
export interface ListedIndex {
  readonly facts: IndexFacts
  digests(options?: CallOptions): AsyncIterable<DigestRows>
}

/** Roots that are looked for among the sections; where there are more, all are listed once again. */
const MAX_COMPARED = 16

/**
 * The multihashes of the sections, in the order of the index so that repeats are neighbours, then those of the roots that are no
 * sections: identity roots, and roots of partial DAGs. Many at a time, each good until the next one is asked for.
 *
 * @throws {TypeError} an index without hash codes
 */
export async function * multihashesOf (index: ListedIndex, { signal }: CallOptions): AsyncGenerator<Iterable<Uint8Array>, void, undefined> {
  const roots = (index.facts.roots ?? []).map(({ multihash }) => multihash.bytes)
  const missing = new Set(roots)
  const sought = roots.length <= MAX_COMPARED ? missing : new Set<Uint8Array>()
  for await (const digests of index.digests({ signal })) yield multihashesIn(digests, sought)
  yield missing
}

/** @param sought - loses what is found */
function * multihashesIn ({ code, digestBytes, rows, rowBytes }: DigestRows, sought: Set<Uint8Array>): Generator<Uint8Array, void, undefined> {
  if (code === undefined) throw new TypeError('an index without hash codes')
  const multihash = createMultihash(code, new Uint8Array(digestBytes)).bytes
  const head = multihash.byteLength - digestBytes
  for (let at = 0; at < rows.byteLength; at += rowBytes) {
    for (let byte = 0; byte < digestBytes; byte++) multihash[head + byte] = rows[at + byte] as number
    yield multihash
    for (const root of sought) if (equal(root, multihash)) sought.delete(root)
  }
}

/** Whether the header of the CAR names the block as a root. */
export const isRoot = ({ roots }: IndexFacts, multihash: Uint8Array): boolean => roots?.some((root) => equal(root.multihash.bytes, multihash)) === true

const equal = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.byteLength !== b.byteLength) return false
  // of two multihashes of a kind, the ends differ first
  for (let at = a.byteLength - 1; at >= 0; at--) if (a[at] !== b[at]) return false
  return true
}
