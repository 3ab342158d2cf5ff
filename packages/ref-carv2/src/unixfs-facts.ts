/** As much of the UnixFS message of a node as tells what its links are. Source: UnixFS specification, `Data`. */

export interface UnixfsFacts {
  /** 0 raw, 1 directory, 2 file, 3 metadata, 4 symlink, 5 HAMT shard. */
  readonly type: number
  /** Length of what it holds itself. */
  readonly dataBytes: number
}

/** `undefined`: no such message. */
export const unixfsFactsOf = (bytes: Uint8Array): UnixfsFacts | undefined => {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; at < bytes.byteLength && factor < 2 ** 70; factor *= 128) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return NaN
  }
  let type: number | undefined
  let dataBytes = 0
  while (at < bytes.byteLength) {
    const tag = varint()
    const wire = tag % 8
    const field = Math.floor(tag / 8)
    if (wire === 0) {
      const value = varint()
      if (Number.isNaN(value)) return undefined
      if (field === 1) type = value
    } else {
      const length = wire === 2 ? varint() : wire === 5 ? 4 : wire === 1 ? 8 : NaN
      if (!(at + length <= bytes.byteLength)) return undefined
      if (field === 2) dataBytes = length
      at += length
    }
  }
  return type === undefined ? undefined : { type, dataBytes }
}
