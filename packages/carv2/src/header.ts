/**
 * The fixed start of a CARv2 file: an 11-byte pragma and 40 bytes of header.
 *
 *     at  size  field            encoding
 *     0   11    pragma           0a a1 67 76 65 72 73 69 6f 6e 02
 *     11  16    characteristics  bit field; byte 11 & 0x80: the index lists every block; others are kept
 *     27  8     data offset      u64 little-endian, from the start of the file; at least 51
 *     35  8     data size        u64 little-endian; at least 1
 *     43  8     index offset     u64 little-endian, from the start of the file; 0: no index
 *
 * Source: IPLD CARv2 specification, "Header"; go-car v2/car.go `Header.ReadFrom`. Stricter: the index lies behind the data.
 */
import { CarV2Error } from './errors.ts'
import { plainBytes } from './plain-bytes.ts'

export const PRAGMA: Uint8Array = Uint8Array.of(0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02)
export const PRAGMA_BYTES = 11
export const HEADER_BYTES = 40
const FULLY_INDEXED = 0x80

/** Length of the bit field at the start of the header. */
export const CHARACTERISTICS_BYTES = 16

/** Offsets and sizes in bytes; offsets from the start of the file; all of them safe integers. */
export interface CarV2Header {
  /** Bit 7 of the first byte of the characteristics: the index lists every block. */
  readonly fullyIndexed: boolean
  /** All 128 bits as they are in the file; those that nobody has named mean nothing and are kept. Left out: none but the one above. */
  readonly characteristics?: Uint8Array | undefined
  /** At least 51. */
  readonly dataOffset: number
  /** At least 1. */
  readonly dataSize: number
  /** At or after the end of the data; `undefined` when the file has no index. */
  readonly indexOffset: number | undefined
}

/**
 * Decode the 40 bytes behind the pragma. Keeps no reference to `bytes`.
 *
 * @throws {CarV2Error} `CARV2_TRUNCATED`: not exactly {@link HEADER_BYTES} long. `CARV2_NOT_FINALIZED`: all zero, as a writer
 *   leaves it until the end. `CARV2_BAD_HEADER`: a field out of range or above 2^53 - 1, or an index that starts inside
 *   the data; `offset` is the field's place in the file.
 */
export const decodeHeader = (bytes: Uint8Array): CarV2Header => {
  if (bytes.byteLength !== HEADER_BYTES) {
    throw new CarV2Error('CARV2_TRUNCATED', `header length; want=${HEADER_BYTES} got=${bytes.byteLength}`, { offset: PRAGMA_BYTES })
  }
  if (bytes.every((byte) => byte === 0)) {
    throw new CarV2Error('CARV2_NOT_FINALIZED', 'the header was never written: the file was not finalized', { offset: PRAGMA_BYTES })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  const dataOffset = readField(view, 16, PRAGMA_BYTES + HEADER_BYTES)
  const dataSize = readField(view, 24, 1)
  if (!Number.isSafeInteger(dataOffset + dataSize)) {
    throw new CarV2Error('CARV2_BAD_HEADER', `data end above 2^53 - 1; offset=${dataOffset} size=${dataSize}`, { offset: PRAGMA_BYTES + 24 })
  }
  const indexOffset = view.getBigUint64(32, true) === 0n ? undefined : readField(view, 32, dataOffset + dataSize)
  return { fullyIndexed: (bytes[0]! & FULLY_INDEXED) !== 0, characteristics: plainBytes(bytes).slice(0, CHARACTERISTICS_BYTES), dataOffset, dataSize, indexOffset }
}

/**
 * The 40 bytes behind the pragma. `fullyIndexed` decides about its bit, whatever `characteristics` say of it.
 *
 * @throws {RangeError} a field that {@link decodeHeader} would refuse, or characteristics of another length than 16
 */
export const encodeHeader = (header: CarV2Header): Uint8Array => {
  const { dataOffset, dataSize, indexOffset, characteristics } = header
  if (characteristics !== undefined && characteristics.byteLength !== CHARACTERISTICS_BYTES) {
    throw new RangeError(`characteristics length; want=${CHARACTERISTICS_BYTES} got=${characteristics.byteLength}`)
  }
  checkField('dataOffset', dataOffset, PRAGMA_BYTES + HEADER_BYTES)
  checkField('dataSize', dataSize, 1)
  if (indexOffset !== undefined) checkField('indexOffset', indexOffset, dataOffset + dataSize)
  const out = new Uint8Array(HEADER_BYTES)
  const view = new DataView(out.buffer)
  if (characteristics !== undefined) out.set(characteristics)
  out[0] = header.fullyIndexed ? out[0]! | FULLY_INDEXED : out[0]! & ~FULLY_INDEXED
  view.setBigUint64(16, BigInt(dataOffset), true)
  view.setBigUint64(24, BigInt(dataSize), true)
  view.setBigUint64(32, BigInt(indexOffset ?? 0), true)
  return out
}

/** Whether `bytes` begin with the pragma. */
export const startsWithPragma = (bytes: Uint8Array): boolean =>
  bytes.byteLength >= PRAGMA_BYTES && PRAGMA.every((byte, i) => byte === bytes[i])

const readField = (view: DataView, at: number, min: number): number => {
  const value = view.getBigUint64(at, true)
  if (value >= BigInt(min) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  throw new CarV2Error('CARV2_BAD_HEADER', `header field; min=${min} got=${value}`, { offset: PRAGMA_BYTES + at })
}

const checkField = (name: string, value: number, min: number): void => {
  if (Number.isSafeInteger(value) && value >= min) return
  throw new RangeError(`CARv2 header ${name}; min=${min} got=${value}`)
}
