/**
 * The bytes of which a CARv1 consists.
 *
 *     header   varint length, DAG-CBOR { roots: [the CID that was asked for], version: 1 }
 *     section  varint length of what follows, CID, data
 *
 * Source: CARv1 specification.
 */
import { createWriter, headerLength } from '@ipld/car/buffer-writer'
import type { CID } from 'multiformats/cid'

export const carHeader = (root: CID): Uint8Array => createWriter(new ArrayBuffer(headerLength({ roots: [root] })), { roots: [root] }).close()

/** What stands before the data of a section. */
export const sectionHead = ({ bytes: cid }: CID, dataBytes: number): Uint8Array => {
  const length = cid.byteLength + dataBytes
  let lengthBytes = 1
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) lengthBytes++
  const head = new Uint8Array(lengthBytes + cid.byteLength)
  let rest = length
  for (let at = 0; at < lengthBytes - 1; at++) {
    head[at] = rest % 0x80 | 0x80
    rest = Math.floor(rest / 0x80)
  }
  head[lengthBytes - 1] = rest
  head.set(cid, lengthBytes)
  return head
}

/**
 * The section as it stands in memory already: a block that was read out of a CAR has its head before it. `undefined`: there is
 * something else.
 */
export const sectionAround = (head: Uint8Array, data: Uint8Array): Uint8Array | undefined => {
  const start = data.byteOffset - head.byteLength
  if (start < 0) return undefined
  const section = new Uint8Array(data.buffer, start, head.byteLength + data.byteLength)
  for (let at = 0; at < head.byteLength; at++) if (section[at] !== head[at]) return undefined
  return section
}
