/**
 * The message inside the nodes of UnixFS, as boxo writes it: fields in the order of their numbers, those that are absent left out.
 *
 *     08 type | 12 length data | 18 filesize | 20 blocksize … | 28 hash type | 30 fan-out
 *
 * Source: boxo ipld/unixfs/pb/unixfs.proto. By hand, since ipfs-unixfs 13 leaves out data of no length, which a symbolic link
 * may have, and writes sizes from 2^31 to 2^32 - 1 wrongly.
 */
import { putVarint, varintLength } from './varint.ts'

const TYPES = { directory: 1, file: 2, symlink: 4, shard: 5 } as const

export interface UnixfsData {
  readonly type: keyof typeof TYPES
  /** Content of a file, target of a link, bit field of a shard; `undefined`: no such field. */
  readonly data?: Uint8Array | undefined
  /** `filesize`, bytes of content below the node. */
  readonly fileBytes?: number
  /** Bytes of content below each link. */
  readonly blockSizes?: readonly number[]
  /** Multicodec code of the hash of names. */
  readonly hashType?: number
  /** Links of a full shard. */
  readonly fanOut?: number
}

export const encodeUnixfs = ({ type, data, fileBytes, blockSizes = [], hashType, fanOut }: UnixfsData): Uint8Array => {
  const numbers: [field: number, value: number][] = []
  if (fileBytes !== undefined) numbers.push([0x18, fileBytes])
  for (const size of blockSizes) numbers.push([0x20, size])
  if (hashType !== undefined) numbers.push([0x28, hashType])
  if (fanOut !== undefined) numbers.push([0x30, fanOut])
  const dataLength = data === undefined ? 0 : 1 + varintLength(data.byteLength) + data.byteLength
  const out = new Uint8Array(numbers.reduce((sum, [, value]) => sum + 1 + varintLength(value), 2 + dataLength))
  out[0] = 0x08
  out[1] = TYPES[type]
  let at = 2
  if (data !== undefined) {
    out[at] = 0x12
    at = putVarint(out, at + 1, data.byteLength)
    out.set(data, at)
    at += data.byteLength
  }
  for (const [field, value] of numbers) {
    out[at] = field
    at = putVarint(out, at + 1, value)
  }
  return out
}
