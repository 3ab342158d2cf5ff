/** What of an index goes into the top-level index. */
import type { IndexFacts } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import { create as createMultihash } from 'multiformats/hashes/digest'

/** An index file, or one that is being made. */
export interface ListedIndex {
  readonly facts: IndexFacts
  entries(options?: CallOptions): AsyncIterable<{ readonly code: number | undefined, readonly digest: Uint8Array }>
}

/** Roots that are looked for among the sections; where there are more, all are listed once again. */
const MAX_COMPARED = 16

/**
 * The multihashes of the sections, in the order of the index so that repeats are neighbours, then those of the roots that are no
 * sections: identity roots, and roots of partial DAGs. Each is good until the next one is asked for.
 *
 * @throws {TypeError} an index without hash codes
 */
export async function * multihashesOf (index: ListedIndex, { signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const roots = (index.facts.roots ?? []).map(({ multihash }) => multihash.bytes)
  let compared = roots.length <= MAX_COMPARED ? roots : []
  let multihash = new Uint8Array(0)
  let group = { code: -1, bytes: -1, head: 0 }
  for await (const { code, digest } of index.entries({ signal })) {
    if (code === undefined) throw new TypeError('an index without hash codes')
    if (code !== group.code || digest.byteLength !== group.bytes) {
      multihash = Uint8Array.from(createMultihash(code, digest).bytes)
      group = { code, bytes: digest.byteLength, head: multihash.byteLength - digest.byteLength }
    } else {
      multihash.set(digest, group.head)
    }
    yield multihash
    if (compared.some((root) => equal(root, multihash))) compared = compared.filter((root) => !equal(root, multihash))
  }
  yield * roots.length <= MAX_COMPARED ? compared : roots
}

/** Whether the header of the CAR names the block as a root. */
export const isRoot = ({ roots }: IndexFacts, multihash: Uint8Array): boolean => roots?.some((root) => equal(root.multihash.bytes, multihash)) === true

const equal = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.byteLength !== b.byteLength) return false
  // of two multihashes of a kind, the ends differ first
  for (let at = a.byteLength - 1; at >= 0; at--) if (a[at] !== b[at]) return false
  return true
}
