/**
 * Nodes of dag-pb with many links, encoded without an object for each.
 *
 *     PBNode   12 length link …, in order; then 0a length data
 *     link     0a length CID; 12 length name (UTF-8); 18 varint of the size of what it leads to
 *
 * Source: IPLD specification "DAG-PB", canonical form; equal to `@ipld/dag-pb` `encode`.
 */
import { putVarint, varintLength } from './varint.ts'

/** A link in bytes; nothing of it is kept. */
export interface EncodedLink {
  readonly cid: Uint8Array
  readonly name: Uint8Array
  /** `Tsize`. */
  readonly dagBytes: number
}

/** Bytes that one link adds to a node. */
export const linkLength = (cidBytes: number, nameBytes: number, dagBytes: number): number => {
  const body = bodyLength(cidBytes, nameBytes, dagBytes)
  return 1 + varintLength(body) + body
}

/** Bytes that the data add to a node. */
export const dataLength = (dataBytes: number): number => 1 + varintLength(dataBytes) + dataBytes

/** @param length - of the node: that of all links and of the data */
export const encodeNode = (links: Iterable<EncodedLink>, data: Uint8Array, length: number): Uint8Array => {
  const out = new Uint8Array(length)
  let at = 0
  const put = (field: number, bytes: Uint8Array): void => {
    out[at] = field
    at = putVarint(out, at + 1, bytes.byteLength)
    out.set(bytes, at)
    at += bytes.byteLength
  }
  for (const { cid, name, dagBytes } of links) {
    out[at] = 0x12
    at = putVarint(out, at + 1, bodyLength(cid.byteLength, name.byteLength, dagBytes))
    put(0x0a, cid)
    put(0x12, name)
    out[at] = 0x18
    at = putVarint(out, at + 1, dagBytes)
  }
  put(0x0a, data)
  return out
}

const bodyLength = (cidBytes: number, nameBytes: number, dagBytes: number): number =>
  3 + varintLength(cidBytes) + cidBytes + varintLength(nameBytes) + nameBytes + varintLength(dagBytes)
