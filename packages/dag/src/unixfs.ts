/**
 * The UnixFS message in the Data of a dag-pb node.
 *
 *     1  varint            type: 0 raw, 1 directory, 2 file, 3 metadata, 4 symlink, 5 HAMT shard
 *     2  bytes             data: content of a file, target of a symlink, bit field of a shard
 *     3  varint            file size
 *     4  varint, repeated  block sizes, also packed into one bytes field
 *     5  varint            hash function of a shard
 *     6  varint            fan-out of a shard
 *
 * Other fields (mode, time) are passed over. Source: UnixFS specification; go-unixfsnode `data.DecodeUnixFSData`.
 */

export type UnixfsType = 'raw' | 'directory' | 'file' | 'metadata' | 'symlink' | 'hamt'

const TYPES: readonly UnixfsType[] = ['raw', 'directory', 'file', 'metadata', 'symlink', 'hamt']

/** Sizes in bytes; a size above 2^53 - 1 is given as `Infinity`. */
export interface UnixfsNode {
  readonly type: UnixfsType
  /** A view of the block; empty when there is none. */
  readonly data: Uint8Array
  readonly hasData: boolean
  readonly fileSize: number | undefined
  readonly blockSizes: readonly number[]
  readonly hashType: number | undefined
  readonly fanout: number | undefined
}

/** `undefined`: not a UnixFS message. Keeps `bytes`. */
export const decodeUnixfs = (bytes: Uint8Array): UnixfsNode | undefined => {
  const end = bytes.byteLength
  const blockSizes: number[] = []
  const varints: (number | undefined)[] = []
  let data: Uint8Array | undefined
  let at = 0

  /** NaN: none here. */
  const varint = (limit: number): number => {
    let value = 0
    for (let shift = 0; shift < 70 && at < limit; shift += 7) {
      const byte = bytes[at++]!
      // the tenth byte of 64 bits holds one of them
      if (shift === 63 && byte > 1) return NaN
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : Infinity
    }
    return NaN
  }

  while (at < end) {
    const key = varint(end)
    const wire = key % 8
    const field = Math.floor(key / 8)
    if (!(field >= 1 && field < 2 ** 29)) return undefined
    if (wire === 0) {
      const value = varint(end)
      if (Number.isNaN(value) || field === 2 || field === 8) return undefined
      if (field === 4) blockSizes.push(value)
      else if (field <= 6) varints[field] = value
    } else if (wire === 2) {
      const length = varint(end)
      if (!(length <= end - at)) return undefined
      const to = at + length
      if (field === 2) data = bytes.subarray(at, to)
      else if (field === 4) {
        while (at < to) {
          const value = varint(to)
          if (Number.isNaN(value)) return undefined
          blockSizes.push(value)
        }
      } else if (field <= 7) return undefined
      at = to
    } else if (wire === 1 || wire === 5) {
      if (field <= 8) return undefined
      at += wire === 1 ? 8 : 4
      if (at > end) return undefined
    } else {
      return undefined
    }
  }
  const type = varints[1] === undefined ? undefined : TYPES[varints[1]]
  if (type === undefined) return undefined
  return { type, data: data ?? new Uint8Array(0), hasData: data !== undefined, fileSize: varints[3], blockSizes, hashType: varints[5], fanout: varints[6] }
}
