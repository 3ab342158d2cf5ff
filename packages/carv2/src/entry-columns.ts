/** Entries of one multihash code and digest length, column by column, growing. */
import { sortedOrder } from './sort-digests.ts'

/** u64 offset behind each digest. */
export const OFFSET_BYTES = 8
/** One record of the trailer: u32 data length, u8 row of the prefix table. */
export const RECORD_BYTES = 5

export class EntryColumns {
  readonly code: number
  readonly digestBytes: number
  count = 0
  #digests: Uint8Array
  #offsets: Float64Array
  #lengths: Uint32Array
  #rows: Uint8Array

  constructor (code: number, digestBytes: number) {
    this.code = code
    this.digestBytes = digestBytes
    this.#digests = new Uint8Array(16 * digestBytes)
    this.#offsets = new Float64Array(16)
    this.#lengths = new Uint32Array(16)
    this.#rows = new Uint8Array(16)
  }

  /** Copies the digest that starts at `digestAt` in `bytes`. */
  push (bytes: Uint8Array, digestAt: number, offset: number, dataBytes: number, row: number): void {
    const { digestBytes } = this
    const n = this.count++
    if (n === this.#offsets.length) this.#grow()
    const digests = this.#digests
    for (let i = 0, to = n * digestBytes; i < digestBytes; i++) digests[to + i] = bytes[digestAt + i]!
    this.#offsets[n] = offset
    this.#lengths[n] = dataBytes
    this.#rows[n] = row
  }

  #grow (): void {
    const capacity = this.#offsets.length * 2
    const digests = new Uint8Array(capacity * this.digestBytes)
    digests.set(this.#digests)
    this.#digests = digests
    const offsets = new Float64Array(capacity)
    offsets.set(this.#offsets)
    this.#offsets = offsets
    const lengths = new Uint32Array(capacity)
    lengths.set(this.#lengths)
    this.#lengths = lengths
    const rows = new Uint8Array(capacity)
    rows.set(this.#rows)
    this.#rows = rows
  }

  /** Put the entries at `entriesAt`, and their records at `recordsAt`, both by digest, equal ones by offset. */
  writeSorted (into: Uint8Array, entriesAt: number, recordsAt: number): void {
    const { digestBytes, count } = this
    const digests = this.#digests
    const offsets = this.#offsets
    const lengths = this.#lengths
    const rows = this.#rows
    const order = sortedOrder(digests, digestBytes, offsets, count)
    let at = entriesAt
    let recordAt = recordsAt
    for (let n = 0; n < count; n++) {
      const i = order[n]!
      const from = i * digestBytes
      for (let k = 0; k < digestBytes; k++) into[at + k] = digests[from + k]!
      at += digestBytes
      const offset = offsets[i]!
      writeU32(into, at, offset >>> 0)
      writeU32(into, at + 4, Math.floor(offset / 2 ** 32))
      at += OFFSET_BYTES
      writeU32(into, recordAt, lengths[i]!)
      into[recordAt + 4] = rows[i]!
      recordAt += RECORD_BYTES
    }
  }
}

const writeU32 = (into: Uint8Array, at: number, value: number): void => {
  into[at] = value
  into[at + 1] = value >>> 8
  into[at + 2] = value >>> 16
  into[at + 3] = value >>> 24
}
