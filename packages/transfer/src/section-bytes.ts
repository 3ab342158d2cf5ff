/** Sections of a payload as bytes: how long one is, and how it is written. */
import { joinBytes } from '@dagstore/io'
import { encodeVarint } from '@dagstore/carv2'
import type { CID } from 'multiformats/cid'

/** The whole section of a block of so many bytes, with its length in front. */
export const sectionBytes = (cid: CID, dataBytes: number): number => {
  const body = cid.bytes.byteLength + dataBytes
  return encodeVarint(body).byteLength + body
}

export const writeSection = (cid: CID, data: Uint8Array): Uint8Array => {
  const length = encodeVarint(cid.bytes.byteLength + data.byteLength)
  const section = new Uint8Array(length.byteLength + cid.bytes.byteLength + data.byteLength)
  section.set(length)
  section.set(cid.bytes, length.byteLength)
  section.set(data, length.byteLength + cid.bytes.byteLength)
  return section
}

export const joined = (parts: readonly Uint8Array[], bytes: number): Uint8Array => {
  const [first] = parts
  if (parts.length === 1 && first?.byteLength === bytes) return first
  return joinBytes(parts, bytes)
}

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.byteLength !== b.byteLength) return false
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false
  return true
}
