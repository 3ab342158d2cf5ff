/**
 * Entries of one multihash code and digest length, growing, in rows of bytes:
 *
 *     digest | u64 offset of the section | u32 data length | u8 prefix row          little-endian
 *
 * The first two are an entry of the standard index, the others a record of the trailer, so that sorting only moves bytes.
 */
import { sortedOrder } from './sort-digests.ts'

/** u64 offset behind each digest. */
export const OFFSET_BYTES = 8
/** One record of the trailer: u32 data length, u8 row of the prefix table. */
export const RECORD_BYTES = 5

const FIRST_CAPACITY = 16

export class EntryRows {
  readonly code: number
  readonly digestBytes: number
  count = 0
  readonly #stride: number
  #rows: Uint8Array

  constructor (code: number, digestBytes: number) {
    this.code = code
    this.digestBytes = digestBytes
    this.#stride = digestBytes + OFFSET_BYTES + RECORD_BYTES
    this.#rows = new Uint8Array(FIRST_CAPACITY * this.#stride)
  }

  /** Copies the digest that starts at `digestAt` in `bytes`. */
  push (bytes: Uint8Array, digestAt: number, offset: number, dataBytes: number, prefixRow: number): void {
    let at = this.count++ * this.#stride
    if (at === this.#rows.byteLength) this.#grow()
    const rows = this.#rows
    copyShort(bytes, digestAt, rows, at, this.digestBytes)
    at += this.digestBytes
    writeU32(rows, at, offset >>> 0)
    writeU32(rows, at + 4, Math.floor(offset / 2 ** 32))
    writeU32(rows, at + 8, dataBytes)
    rows[at + 12] = prefixRow
  }

  #grow (): void {
    const rows = new Uint8Array(this.#rows.byteLength * 2)
    rows.set(this.#rows)
    this.#rows = rows
  }

  /** Put the entries at `entriesAt`, and their records at `recordsAt`, both by digest, equal ones by offset. */
  writeSorted (into: Uint8Array, entriesAt: number, recordsAt: number): void {
    const { digestBytes, count } = this
    const stride = this.#stride
    const rows = this.#rows
    const width = digestBytes + OFFSET_BYTES
    const order = sortedOrder(rows, stride, digestBytes, count)
    for (let n = 0, at = entriesAt, recordAt = recordsAt; n < count; n++, at += width, recordAt += RECORD_BYTES) {
      const from = order[n]! * stride
      copyShort(rows, from, into, at, width)
      copyShort(rows, from + width, into, recordAt, RECORD_BYTES)
    }
  }
}

/** For a few bytes a loop is faster than a view and `set`. */
const copyShort = (from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void => {
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!
}

const writeU32 = (into: Uint8Array, at: number, value: number): void => {
  into[at] = value
  into[at + 1] = value >>> 8
  into[at + 2] = value >>> 16
  into[at + 3] = value >>> 24
}
