/**
 * CRC-32 as in zlib, PNG and IEEE 802.3: polynomial edb88320 reflected, start and end inverted. Eight tables let one step
 * take eight bytes.
 */
const TABLES = 8

const makeTables = (): Uint32Array => {
  const tables = new Uint32Array(TABLES * 256)
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = (c & 1) === 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    tables[n] = c
  }
  for (let t = 1; t < TABLES; t++) {
    for (let n = 0; n < 256; n++) {
      const c = tables[(t - 1) * 256 + n]!
      tables[t * 256 + n] = tables[c & 0xff]! ^ (c >>> 8)
    }
  }
  return tables
}

let made: Uint32Array | undefined

/** The CRC-32 of bytes [from, to), as an unsigned number. */
export const crc32 = (bytes: Uint8Array, from = 0, to: number = bytes.byteLength): number => crc32Add(0, bytes, from, to)

/** The CRC-32 of bytes of which `sum` is the one so far, 0 of none, and of bytes [from, to) behind them. */
export const crc32Add = (sum: number, bytes: Uint8Array, from: number, to: number): number => {
  const t = made ??= makeTables()
  let c = ~sum
  let i = from
  for (const last = to - 8; i <= last; i += 8) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    c = t[1792 + (c & 0xff)]! ^ t[1536 + ((c >>> 8) & 0xff)]! ^ t[1280 + ((c >>> 16) & 0xff)]! ^ t[1024 + (c >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^ t[512 + bytes[i + 5]!]! ^ t[256 + bytes[i + 6]!]! ^ t[bytes[i + 7]!]!
  }
  for (; i < to; i++) c = t[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}
