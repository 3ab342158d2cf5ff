/**
 * RLE+ version 0: a set of numbers as alternating runs, written bit by bit, lowest bit of a byte first.
 *
 *     00                      version
 *     b                       1: the first run is of set bits
 *     per run  1              length 1
 *              01 llll        length 2 to 15, four bits, lowest first
 *              00 varint      length from 16, unsigned LEB128, eight bits a byte
 *
 * A last run of unset bits is left out, and so are zero bytes at the end; the empty set is no byte at all.
 *
 * Source: go-bitfield rle `EncodeRuns`, `DecodeRLE`. Stricter: a run of length 0 is refused. Looser: lengths in a longer
 * form than they need are read.
 */
import { SectorError } from './errors.ts'
import { joinRanges, type SectorRange } from './range.ts'

const MAX_RANGES = 1 << 20
const MAX_VARINT_BYTES = 8

export interface RlePlusLimits {
  /** Where the last run must have ended. @default 2^53 - 1 */
  readonly maxEnd?: number
  /** @default 1,048,576 */
  readonly maxRanges?: number
}

/** @throws {RangeError} a range that is none, or two that overlap */
export const encodeRlePlus = (ranges: readonly SectorRange[]): Uint8Array => {
  const joined = joinRanges(ranges)
  const [first] = joined
  if (first === undefined) return new Uint8Array(0)
  const bits = new BitWriter()
  bits.write(0, 2)
  bits.write(first.start === 0 ? 1 : 0, 1)
  let at = 0
  for (const { start, length } of joined) {
    if (start > at) writeRun(bits, start - at)
    writeRun(bits, length)
    at = start + length
  }
  return bits.finish()
}

/**
 * The ranges of set bits, ascending, no two touching.
 *
 * @throws {SectorError} `SECTOR_BAD_TRAILER`: not RLE+ version 0, a run of no length, or beyond the limits
 */
export const decodeRlePlus = (bytes: Uint8Array, limits: RlePlusLimits = {}): SectorRange[] => {
  const { maxEnd = Number.MAX_SAFE_INTEGER, maxRanges = MAX_RANGES } = limits
  if (bytes.byteLength === 0) return []
  if (bytes.at(-1) === 0) throw bad('a zero byte at the end')
  const bits = new BitReader(bytes)
  const version = bits.read(2)
  if (version !== 0) throw bad(`unknown version; got=${version}`)
  const ranges: SectorRange[] = []
  let isSet = bits.read(1) === 1
  let at = 0
  for (; !bits.isAtEnd(); isSet = !isSet) {
    const length = readRun(bits)
    if (length === 0) throw bad('a run of no length')
    if (length > maxEnd - at) throw bad(`runs go beyond the end; max=${maxEnd} at=${at} length=${length}`)
    if (isSet) {
      if (ranges.length === maxRanges) throw bad(`too many ranges; max=${maxRanges}`)
      ranges.push({ start: at, length })
    }
    at += length
  }
  return ranges
}

const writeRun = (bits: BitWriter, length: number): void => {
  if (length === 1) return bits.write(1, 1)
  if (length < 16) {
    bits.write(0b10, 2)
    return bits.write(length, 4)
  }
  bits.write(0, 2)
  let rest = length
  for (; rest >= 128; rest = Math.floor(rest / 128)) bits.write(rest % 128 + 128, 8)
  bits.write(rest, 8)
}

const readRun = (bits: BitReader): number => {
  if (bits.read(1) === 1) return 1
  if (bits.read(1) === 1) return bits.read(4)
  let length = 0
  for (let at = 0; at < MAX_VARINT_BYTES; at++) {
    const byte = bits.read(8)
    length += (byte & 0x7f) * 128 ** at
    if (byte < 0x80) return length
  }
  throw bad('a run length that does not end')
}

class BitWriter {
  readonly #bytes: number[] = []
  #used = 0

  /** The lowest `count` bits of `value`, lowest first; at most eight. */
  write (value: number, count: number): void {
    for (let bit = 0; bit < count; bit++, this.#used++) {
      const at = this.#used >> 3
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (value >> bit & 1) << (this.#used & 7)
    }
  }

  finish (): Uint8Array {
    while (this.#bytes.at(-1) === 0) this.#bytes.pop()
    return Uint8Array.from(this.#bytes)
  }
}

/** Behind its bytes there are zeros: an encoder may have left out those of its last run. */
class BitReader {
  readonly #bytes: Uint8Array
  readonly #endBit: number
  #at = 0

  /** @param bytes - the last one not zero */
  constructor (bytes: Uint8Array) {
    this.#bytes = bytes
    this.#endBit = bytes.byteLength * 8 - Math.clz32(bytes.at(-1)! << 24)
  }

  /** No set bit is left, so no run is either. */
  isAtEnd (): boolean {
    return this.#at >= this.#endBit
  }

  read (count: number): number {
    let value = 0
    for (let bit = 0; bit < count; bit++, this.#at++) value |= ((this.#bytes[this.#at >> 3] ?? 0) >> (this.#at & 7) & 1) << bit
    return value
  }
}

const bad = (message: string): SectorError => new SectorError('SECTOR_BAD_TRAILER', `not a list of ranges: ${message}`)
