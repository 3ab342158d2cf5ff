/** CRC-32 of IEEE 802.3, as in zip and gzip: of trailers, which are short. */

const POLYNOMIAL = 0xedb8_8320

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL
  return value
})

/** @returns a u32 */
export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ crc >>> 8
  return (crc ^ 0xffff_ffff) >>> 0
}
