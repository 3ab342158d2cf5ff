/** CIDs of any origin at the edge of a package: of any multiformats major, or as bytes. */
import { CID } from 'multiformats/cid'

/** A CID of any multiformats major, or its bytes; turned into one of ours at the edge, never tested with `instanceof`. */
export type AnyCid =
  | Uint8Array
  | {
    readonly code: number
    readonly version: number
    readonly multihash: { readonly code: number, readonly digest: Uint8Array, readonly bytes: Uint8Array }
    readonly bytes: Uint8Array
  }

/**
 * The same CID in multiformats 14.
 *
 * @throws {TypeError} neither a CID nor the bytes of one
 */
export const toCid = (cid: AnyCid): CID => {
  try {
    if (cid instanceof Uint8Array) return CID.decode(cid)
    const own = CID.asCID(cid)
    if (own !== null) return own
  } catch (cause) {
    throw new TypeError('not the bytes of a CID', { cause })
  }
  throw new TypeError(`not a CID; got=${typeof cid}`)
}
