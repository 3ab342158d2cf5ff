/**
 * Unsigned LEB128 as CARs use it: at most 9 bytes, minimal, and here at most 2^53 - 1.
 *
 * Source: multiformats unsigned-varint; go-varint `FromUvarint`. Stricter: values above 2^53 - 1 are refused.
 */
import { CarV2Error } from './errors.ts'

export const MAX_VARINT_BYTES = 9

/** {@link readVarint}: the bytes end before the varint does. */
export const VARINT_CUT = -1
/** {@link readVarint}: a longer form than needed. */
export const VARINT_NOT_MINIMAL = -2
/** {@link readVarint}: more than 9 bytes, or above 2^53 - 1. */
export const VARINT_TOO_LARGE = -3

/** The value at `at`, reading below `end`, or one of the negative codes above. Its length is {@link varintBytes} of the value. */
export const readVarint = (bytes: Uint8Array, at: number, end: number): number => {
  let value = 0
  let factor = 1
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    if (byte < 0x80) {
      if (byte === 0 && i > at) return VARINT_NOT_MINIMAL
      value += byte * factor
      return value <= Number.MAX_SAFE_INTEGER ? value : VARINT_TOO_LARGE
    }
    if (i - at === MAX_VARINT_BYTES - 1) return VARINT_TOO_LARGE
    value += (byte & 0x7f) * factor
    factor *= 128
  }
  return VARINT_CUT
}

/** Length in bytes of the varint of a safe integer from 0. */
export const varintBytes = (value: number): number => {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value < 0x1000_0000) return 4
  let bytes = 4
  for (let rest = Math.floor(value / 0x1000_0000); rest > 0; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** Put the varint of `value` at `at`; gives the position behind it. */
export const writeVarint = (into: Uint8Array, at: number, value: number): number => {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 0x80
  into[at++] = rest
  return at
}

/**
 * Decode the varint at `at`.
 *
 * @returns its value and its length in bytes
 * @throws {CarV2Error} `CARV2_TRUNCATED`: the bytes end first. `CARV2_BAD_VARINT`: not minimal, longer than 9 bytes, or
 *   above 2^53 - 1. `offset` is `at`.
 */
export const decodeVarint = (bytes: Uint8Array, at = 0): { readonly value: number, readonly length: number } => {
  const value = readVarint(bytes, at, bytes.byteLength)
  if (value >= 0) return { value, length: varintBytes(value) }
  if (value === VARINT_CUT) throw new CarV2Error('CARV2_TRUNCATED', `bytes end inside a varint; at=${at}`, { offset: at })
  throw new CarV2Error('CARV2_BAD_VARINT', `${varintFault(value)}; at=${at}`, { offset: at })
}

/** What a negative code of {@link readVarint} means, for messages. */
export const varintFault = (code: number): string =>
  code === VARINT_NOT_MINIMAL ? 'varint is not minimal' : code === VARINT_CUT ? 'varint is cut' : 'varint above 2^53 - 1'

/**
 * The varint of `value`.
 *
 * @throws {RangeError} not a safe integer from 0
 */
export const encodeVarint = (value: number): Uint8Array => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`varint value; want=safe integer from 0 got=${value}`)
  const out = new Uint8Array(varintBytes(value))
  writeVarint(out, 0, value)
  return out
}
