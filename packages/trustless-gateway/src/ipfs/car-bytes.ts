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
 * Where in the buffer of `data` its section begins, if that stands there already: a block that was read out of a CAR has its head
 * before it. `undefined`: there is something else.
 */
export const sectionStart = ({ bytes: cid }: CID, data: Uint8Array): number | undefined => {
  const cidAt = data.byteOffset - cid.byteLength
  if (cidAt < 1) return undefined
  const before = new Uint8Array(data.buffer, 0, data.byteOffset)
  for (let at = cid.byteLength - 1; at >= 0; at--) if (before[cidAt + at] !== cid[at]) return undefined
  const length = cid.byteLength + data.byteLength
  let lengthBytes = 1
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) lengthBytes++
  const start = cidAt - lengthBytes
  if (start < 0) return undefined
  let rest = length
  for (let at = start; at < cidAt - 1; at++) {
    if (before[at] !== (rest % 0x80 | 0x80)) return undefined
    rest = Math.floor(rest / 0x80)
  }
  return before[cidAt - 1] === rest ? start : undefined
}
