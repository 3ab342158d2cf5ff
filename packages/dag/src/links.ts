/** Which blocks a block links to, by the codec of its CID. */
import * as dagPb from '@ipld/dag-pb'
import type { CID } from 'multiformats/cid'
import { cborLinks } from './cbor-links.ts'
import { DagError } from './errors.ts'
import { jsonLinks } from './json-links.ts'

const NO_LINKS = (): readonly CID[] => []

/** By multicodec code: raw, dag-pb, dag-cbor, dag-json, and the forms of JSON and CBOR that have no links. */
const LINKS_BY_CODEC: ReadonlyMap<number, (bytes: Uint8Array) => readonly CID[]> = new Map<number, (bytes: Uint8Array) => readonly CID[]>([
  [0x55, NO_LINKS],
  [0x70, (bytes) => dagPb.decode(bytes).Links.map((link) => link.Hash)],
  [0x71, cborLinks],
  [0x0129, jsonLinks],
  [0x51, NO_LINKS],
  [0x0200, NO_LINKS],
])

/**
 * The links of a block, in the order in which they stand in it, repeats included. `bytes` are not verified here. A CID with
 * an identity hash links to what its own digest holds.
 *
 * @throws {DagError} `DAG_UNKNOWN_CODEC`: no decoder for the codec of `cid`. `DAG_BAD_BLOCK`: the bytes are not of that codec.
 */
export const linksOf = (cid: CID, bytes: Uint8Array): readonly CID[] => {
  const decode = LINKS_BY_CODEC.get(cid.code)
  if (decode === undefined) throw new DagError('DAG_UNKNOWN_CODEC', `no decoder for the codec; codec=0x${cid.code.toString(16)}`, cid)
  try {
    return decode(bytes)
  } catch (cause) {
    throw new DagError('DAG_BAD_BLOCK', `block is not of its codec; codec=0x${cid.code.toString(16)}`, cid, { cause })
  }
}
