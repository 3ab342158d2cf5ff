/** Which blocks a block links to, by the codec of its CID. */
import type { CID } from 'multiformats/cid'
import { cborLinks } from './cbor-links.ts'
import { pbLinks } from './dag-pb.ts'
import { DagError } from './errors.ts'
import { jsonLinks } from './json-links.ts'
import { LinkLimitError } from './link-limit.ts'

export const RAW = 0x55
export const DAG_PB = 0x70
export const DAG_CBOR = 0x71
export const DAG_JSON = 0x0129
export const CBOR = 0x51
export const JSON_CODEC = 0x0200

const NONE: readonly CID[] = []
const noLinks = (): readonly CID[] => NONE

/** By multicodec code: raw, dag-pb, dag-cbor, dag-json, and the forms of JSON and CBOR that have no links. */
const LINKS_BY_CODEC: ReadonlyMap<number, (bytes: Uint8Array, maxLinks?: number) => readonly CID[]> = new Map<number, (bytes: Uint8Array, maxLinks?: number) => readonly CID[]>([
  [RAW, noLinks],
  [DAG_PB, pbLinks],
  [DAG_CBOR, cborLinks],
  [DAG_JSON, jsonLinks],
  [CBOR, noLinks],
  [JSON_CODEC, noLinks],
])

/** Whether {@link linksOf} knows the codec. */
export const isKnownCodec = (code: number): boolean => LINKS_BY_CODEC.has(code)

/**
 * The links of a block, in the order in which they stand in it, repeats included. `bytes` are not verified here. A CID with
 * an identity hash links to what its own digest holds.
 *
 * @param maxLinks - the most links of a block @default no limit
 * @throws {DagError} `DAG_UNKNOWN_CODEC`: no decoder for the codec of `cid`. `DAG_BAD_BLOCK`: the bytes are not of that codec.
 *   `DAG_TOO_MANY_LINKS`
 */
export const linksOf = (cid: CID, bytes: Uint8Array, maxLinks: number = Infinity): readonly CID[] => {
  if (cid.code === RAW) return NONE
  const decode = LINKS_BY_CODEC.get(cid.code)
  if (decode === undefined) throw new DagError('DAG_UNKNOWN_CODEC', `no decoder for the codec; codec=0x${cid.code.toString(16)}`, cid)
  return decoding(cid, () => decode(bytes, maxLinks))
}

/** Whatever a decoder throws, as the error of a block. @throws {DagError} `DAG_BAD_BLOCK`; `DAG_TOO_MANY_LINKS` for a {@link LinkLimitError} */
export const decoding = <T>(cid: CID, decode: () => T): T => {
  try {
    return decode()
  } catch (cause) {
    if (cause instanceof DagError) throw cause
    if (cause instanceof LinkLimitError) throw new DagError('DAG_TOO_MANY_LINKS', cause.message, cid, { cause })
    throw new DagError('DAG_BAD_BLOCK', `block is not of its codec; codec=0x${cid.code.toString(16)}`, cid, { cause })
  }
}
