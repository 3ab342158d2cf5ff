/**
 * fr32 padding: 127 payload bytes become 128 bytes whose 32-byte words are field elements.
 *
 *     127 bytes, read as one little-endian number of 1016 bits, are four limbs of 254 bits;
 *     each limb, lowest first, becomes 32 little-endian bytes whose top two bits are zero.
 *
 * So payload bit b lands on bit b + 2 * floor(b / 254). Four chunks at a time are 127 aligned 32-bit words in and 128 out:
 * limb k of these 16 is shifted by 2k bits. That form does the work; single chunks and odd addresses go byte by byte.
 *
 * Source: lotus extern/sector-storage/fr32/fr32.go `Pad`, `Unpad`. Stricter: unpadding ignores the two bits that must be
 * zero, where Lotus lets them leak into the next byte.
 */
import type { Fr32 } from './engine.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED, paddedBytes, unpaddedBytes } from './sizes.ts'

const GROUP_CHUNKS = 4
const GROUP_UNPADDED = GROUP_CHUNKS * CHUNK_UNPADDED
const GROUP_PADDED = GROUP_CHUNKS * CHUNK_PADDED
const GROUP_UNPADDED_WORDS = GROUP_UNPADDED / 4
const GROUP_PADDED_WORDS = GROUP_PADDED / 4
const LIMB_WORDS = 8
const TOP_WORD = 0x3fff_ffff

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/**
 * Pad into new memory.
 *
 * @param input - a multiple of 127 bytes
 * @throws {RangeError} it is none
 */
export const padFr32 = (input: Uint8Array): Uint8Array => {
  const output = new Uint8Array(paddedBytes(input.byteLength))
  padFr32Into(input, output)
  return output
}

/**
 * Pad into the start of `output`, which must not share memory with `input`. Fastest when both start at a multiple of four.
 *
 * @param input - a multiple of 127 bytes
 * @returns bytes written, 128 for each 127
 * @throws {RangeError} `input` is none, or `output` is too short
 */
export const padFr32Into = (input: Uint8Array, output: Uint8Array): number => {
  const written = paddedBytes(input.byteLength)
  if (output.byteLength < written) throw new RangeError(`output too short; want=${written} got=${output.byteLength}`)
  const chunks = input.byteLength / CHUNK_UNPADDED
  let done = 0
  if (isAligned(input) && isAligned(output)) {
    const groups = Math.floor(chunks / GROUP_CHUNKS)
    padGroups(wordsOf(input, groups * GROUP_UNPADDED_WORDS), wordsOf(output, groups * GROUP_PADDED_WORDS), groups)
    done = groups * GROUP_CHUNKS
  }
  for (; done < chunks; done++) padChunk(input, done * CHUNK_UNPADDED, output, done * CHUNK_PADDED)
  return written
}

/**
 * Unpad into new memory. The two top bits of each 32-byte word are ignored.
 *
 * @param padded - a multiple of 128 bytes
 * @throws {RangeError} it is none
 */
export const unpadFr32 = (padded: Uint8Array): Uint8Array => {
  const output = new Uint8Array(unpaddedBytes(padded.byteLength))
  unpadFr32Into(padded, output)
  return output
}

/**
 * Unpad into the start of `output`, which may be `padded` itself. Fastest when both start at a multiple of four.
 *
 * @param padded - a multiple of 128 bytes
 * @returns bytes written, 127 for each 128
 * @throws {RangeError} `padded` is none, or `output` is too short
 */
export const unpadFr32Into = (padded: Uint8Array, output: Uint8Array): number => {
  const written = unpaddedBytes(padded.byteLength)
  if (output.byteLength < written) throw new RangeError(`output too short; want=${written} got=${output.byteLength}`)
  const chunks = padded.byteLength / CHUNK_PADDED
  let done = 0
  if (isAligned(padded) && isAligned(output)) {
    const groups = Math.floor(chunks / GROUP_CHUNKS)
    unpadGroups(wordsOf(padded, groups * GROUP_PADDED_WORDS), wordsOf(output, groups * GROUP_UNPADDED_WORDS), groups)
    done = groups * GROUP_CHUNKS
  }
  for (; done < chunks; done++) unpadChunk(padded, done * CHUNK_PADDED, output, done * CHUNK_UNPADDED)
  return written
}

/** In plain JavaScript, for every host. */
export const plainFr32: Fr32 = { padInto: padFr32Into, unpadInto: unpadFr32Into }

const isAligned = (bytes: Uint8Array): boolean => LITTLE_ENDIAN && bytes.byteOffset % 4 === 0

const wordsOf = (bytes: Uint8Array, words: number): Uint32Array => new Uint32Array(bytes.buffer, bytes.byteOffset, words)

const padGroups = (input: Uint32Array, output: Uint32Array, groups: number): void => {
  for (let group = 0; group < groups; group++) {
    let from = group * GROUP_UNPADDED_WORDS
    let to = group * GROUP_PADDED_WORDS
    for (let word = 0; word < LIMB_WORDS; word++) output[to++] = input[from++]!
    output[to - 1]! &= TOP_WORD
    // the limb before left its top bits in the word that was read last
    let last = input[from - 1]!
    for (let limb = 1; limb < GROUP_CHUNKS * 4; limb++) {
      const up = 2 * limb
      const down = 32 - up
      for (let word = 0; word < LIMB_WORDS - 1; word++) {
        const next = input[from++]!
        output[to++] = last >>> down | next << up
        last = next
      }
      if (limb < GROUP_CHUNKS * 4 - 1) {
        const next = input[from++]!
        output[to++] = (last >>> down | next << up) & TOP_WORD
        last = next
      } else {
        output[to++] = last >>> down
      }
    }
  }
}

const unpadGroups = (input: Uint32Array, output: Uint32Array, groups: number): void => {
  for (let group = 0; group < groups; group++) {
    let from = group * GROUP_PADDED_WORDS
    let to = group * GROUP_UNPADDED_WORDS
    for (let word = 0; word < LIMB_WORDS - 1; word++) output[to++] = input[from++]!
    // the low bits of the next word to write
    let last = input[from++]! & TOP_WORD
    for (let limb = 1; limb < GROUP_CHUNKS * 4; limb++) {
      const down = 2 * limb
      const up = 32 - down
      // bits that this limb lends to the word before its own
      for (let word = 0; word < LIMB_WORDS - 1; word++) {
        const next = input[from++]!
        output[to++] = last | next << up
        last = next >>> down
      }
      const top = input[from++]! & TOP_WORD
      output[to++] = last | top << up
      last = top >>> down
    }
  }
}

const padChunk = (input: Uint8Array, from: number, output: Uint8Array, to: number): void => {
  for (let at = 0; at < 32; at++) output[to + at] = input[from + at]!
  output[to + 31]! &= 0x3f
  for (let limb = 1; limb < 4; limb++) {
    const up = 2 * limb
    let last = input[from + 32 * limb - 1]!
    for (let at = 32 * limb; at < 32 * limb + 32; at++) {
      const next = at < CHUNK_UNPADDED ? input[from + at]! : 0
      output[to + at] = last >>> (8 - up) | next << up
      last = next
    }
    output[to + 32 * limb + 31]! &= 0x3f
  }
}

const unpadChunk = (input: Uint8Array, from: number, output: Uint8Array, to: number): void => {
  for (let at = 0; at < 32; at++) output[to + at] = input[from + at]!
  output[to + 31]! &= 0x3f
  for (let limb = 1; limb < 4; limb++) {
    const down = 2 * limb
    const start = 32 * limb
    let first = input[from + start]!
    output[to + start - 1]! |= first << (8 - down)
    for (let at = start + 1; at < start + 32; at++) {
      const next = at < start + 31 ? input[from + at]! : input[from + at]! & 0x3f
      output[to + at - 1] = first >>> down | next << (8 - down)
      first = next
    }
    if (limb < 3) output[to + start + 31] = first >>> down
  }
}
