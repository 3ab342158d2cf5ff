/**
 * A dag-pb node, found in its bytes without building it.
 *
 *     node   field 1, bytes: Data, at most once; field 2, message: a link, any number, all before or all behind Data
 *     link   field 1, bytes: CID; field 2, string: name; field 3, varint: size; in this order, each at most once
 *
 * Source: IPLD DAG-PB specification, "Protobuf Strictness"; accepts what `@ipld/dag-pb` decodes, refuses what it refuses.
 */
import type { CID } from 'multiformats/cid'
import { cidAt } from './cid-bytes.ts'
import { LinkLimitError } from './link-limit.ts'

export interface PbNode {
  /** A view of the block. */
  readonly data: Uint8Array | undefined
  readonly linkCount: number
  /** Where the links stand: four offsets for each, see {@link PLACES_PER_LINK}. */
  readonly places: readonly number[]
}

/** Start and end of the CID, start and end of the name (both -1 without one). */
export const PLACES_PER_LINK = 4

/** Where the last varint ended; there is one reader at a time. */
let position = 0

const varint = (bytes: Uint8Array, from: number, end: number): number => {
  let value = 0
  let at = from
  for (let shift = 0; ; shift += 7) {
    if (shift >= 64) throw new Error(`varint too long; at=${from}`)
    if (at >= end) throw new Error(`ends early; at=${at}`)
    const byte = bytes[at++]!
    value += shift < 28 ? (byte & 0x7f) << shift : (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  position = at
  return value
}

/** End of the bytes whose length stands at `from`; they start at {@link position}. */
const endOfBytes = (bytes: Uint8Array, from: number, end: number): number => {
  const length = varint(bytes, from, end)
  if (length > end - position) throw new Error(`ends early; at=${position} length=${length}`)
  return position + length
}

/** @throws {Error} not dag-pb; the CIDs of links are not looked into. More than `maxLinks` links: a {@link LinkLimitError}. */
export const scanPb = (bytes: Uint8Array, maxLinks: number = Infinity): PbNode => {
  const end = bytes.byteLength
  const places: number[] = []
  let linkCount = 0
  let dataFrom = -1
  let dataTo = -1
  let closed = false
  let at = 0
  while (at < end) {
    const key = varint(bytes, at, end)
    if ((key & 7) !== 2) throw new Error(`node wire type; at=${at} want=2 got=${key & 7}`)
    const field = key >> 3
    const to = endOfBytes(bytes, position, end)
    if (field === 2) {
      if (closed) throw new Error(`links on both sides of the data; at=${at}`)
      if (++linkCount > maxLinks) throw new LinkLimitError(maxLinks)
      scanLink(bytes, position, to, places)
    } else if (field === 1) {
      if (dataFrom >= 0) throw new Error(`data twice; at=${at}`)
      dataFrom = position
      dataTo = to
      closed = linkCount > 0
    } else {
      throw new Error(`node field; at=${at} want=1,2 got=${field}`)
    }
    at = to
  }
  return { data: dataFrom < 0 ? undefined : bytes.subarray(dataFrom, dataTo), linkCount, places }
}

const scanLink = (bytes: Uint8Array, from: number, end: number, places: number[]): void => {
  let hashFrom = -1
  let hashTo = -1
  let nameFrom = -1
  let nameTo = -1
  let last = 0
  let at = from
  while (at < end) {
    const key = varint(bytes, at, end)
    const field = key >> 3
    if (field < 1 || field > 3) throw new Error(`link field; at=${at} want=1,2,3 got=${field}`)
    if (field <= last) throw new Error(`link field twice or out of order; at=${at} field=${field}`)
    if ((key & 7) !== (field === 3 ? 0 : 2)) throw new Error(`link wire type; at=${at} field=${field} got=${key & 7}`)
    last = field
    if (field === 3) {
      varint(bytes, position, end)
      at = position
      continue
    }
    const to = endOfBytes(bytes, position, end)
    if (field === 1) {
      hashFrom = position
      hashTo = to
    } else {
      nameFrom = position
      nameTo = to
    }
    at = to
  }
  if (hashFrom < 0) throw new Error(`link without a CID; at=${from}`)
  places.push(hashFrom, hashTo, nameFrom, nameTo)
}

/** CID of the n-th link. @throws {Error} not a CID */
export const pbLinkCid = (bytes: Uint8Array, { places }: PbNode, n: number): CID => cidAt(bytes, places[PLACES_PER_LINK * n]!, places[PLACES_PER_LINK * n + 1]!)

/** Length of the n-th link's name in bytes; -1 when it has none. */
export const pbNameLength = ({ places }: PbNode, n: number): number => {
  const from = places[PLACES_PER_LINK * n + 2]!
  return from < 0 ? -1 : places[PLACES_PER_LINK * n + 3]! - from
}

/** Whether the n-th link's name, without its first `skipped` bytes, is `name`. A link without a name has an empty one. */
export const pbNameEquals = (bytes: Uint8Array, node: PbNode, n: number, name: Uint8Array, skipped = 0): boolean => {
  if (Math.max(pbNameLength(node, n), 0) - skipped !== name.byteLength) return false
  const from = node.places[PLACES_PER_LINK * n + 2]! + skipped
  for (let i = 0; i < name.byteLength; i++) if (bytes[from + i] !== name[i]) return false
  return true
}

/** All links, in their order. @throws {Error} not dag-pb, or a link that is not a CID; a {@link LinkLimitError} */
export const pbLinks = (bytes: Uint8Array, maxLinks: number = Infinity): CID[] => {
  const node = scanPb(bytes, maxLinks)
  const links: CID[] = []
  for (let n = 0; n < node.linkCount; n++) links.push(pbLinkCid(bytes, node, n))
  return links
}
