/** What lies under the roots of a CAR, without reading a leaf. */
import { isKnownCodec, linksOf } from '@dagstore/dag'
import { IDENTITY } from '@dagstore/hashes'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { PlacedReference, RefLookup } from './ref-lookup.ts'

const RAW = 0x55

/** A block that is named in the DAG: stored, in a file, or neither. */
export interface Listed {
  readonly cid: CID
  readonly reference: PlacedReference | undefined
  readonly stored: boolean
}

export interface ListingOptions extends CallOptions {
  /** Told what keeps a block from being looked up or its links from being followed, and the walk goes on. @default it is thrown */
  readonly onFault?: ((cid: CID, error: unknown) => void) | undefined
}

/**
 * Depth first, parents before children, each whole CID once; identity CIDs are followed, not listed. Memory: some 100 bytes for
 * each CID.
 */
export async function * listDag (lookup: RefLookup, roots: readonly CID[], { signal, onFault }: ListingOptions = {}): AsyncGenerator<Listed, void, undefined> {
  const seen = new Set<string>()
  const stack: CID[] = roots.toReversed()
  for (let cid = stack.pop(); cid !== undefined; cid = stack.pop()) {
    signal?.throwIfAborted()
    const text = textOf(cid.bytes)
    if (seen.has(text)) continue
    seen.add(text)
    try {
      if (cid.multihash.code === IDENTITY) {
        follow(stack, cid, cid.multihash.digest)
        continue
      }
      const listed = await look(lookup, cid, stack, signal)
      yield listed
    } catch (error) {
      signal?.throwIfAborted()
      if (onFault === undefined) throw error
      onFault(cid, error)
    }
  }
}

const look = async (lookup: RefLookup, cid: CID, stack: CID[], signal: AbortSignal | undefined): Promise<Listed> => {
  if (cid.code === RAW || !isKnownCodec(cid.code)) {
    const stored = await lookup.ownSize(cid, { signal }) !== undefined
    return { cid, stored, reference: stored ? undefined : await lookup.reference(cid, { signal }) }
  }
  const bytes = await lookup.own(cid, { signal })
  if (bytes === undefined) return { cid, stored: false, reference: await lookup.reference(cid, { signal }) }
  follow(stack, cid, bytes)
  return { cid, stored: true, reference: undefined }
}

const follow = (stack: CID[], cid: CID, bytes: Uint8Array): void => {
  if (!isKnownCodec(cid.code)) return
  const links = linksOf(cid, bytes)
  for (let at = links.length - 1; at >= 0; at--) stack.push(links[at]!)
}

/** A key of a `Set`, shorter than the text of a CID. */
export const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
