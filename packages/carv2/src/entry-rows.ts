/**
 * Entries of one multihash code and digest length, growing, in rows of bytes:
 *
 *     digest | u64 offset of the section | u32 data length | u8 prefix row          little-endian
 *
 * The first two are an entry of the standard index, the others a record of the trailer, so that sorting only moves bytes.
 * Rows lie in slabs, so that growing copies nothing but the first of them.
 */
import { sortedOrder } from './sort-digests.ts'

/** u64 offset behind each digest. */
export const OFFSET_BYTES = 8
/** One record of the trailer: u32 data length, u8 row of the prefix table. */
export const RECORD_BYTES = 5

const FIRST_BYTES = 1024
const SLAB_BYTES = 1 << 20
/** Rows of one part, and parts at most. */
const PART_ROWS = 512
const MAX_PART_BITS = 12

export class EntryRows {
  readonly code: number
  readonly digestBytes: number
  readonly rowBytes: number
  count = 0
  #slabs: DataView[] = []
  readonly #slabRows: number
  readonly #slabBits: number
  /** Of the slab that is being filled. */
  #slab: DataView
  #at = 0
  #from: Uint8Array = new Uint8Array(0)
  #fromView: DataView = new DataView(this.#from.buffer)

  constructor (code: number, digestBytes: number) {
    this.code = code
    this.digestBytes = digestBytes
    this.rowBytes = digestBytes + OFFSET_BYTES + RECORD_BYTES
    this.#slabBits = Math.max(4, Math.floor(Math.log2(SLAB_BYTES / this.rowBytes)))
    this.#slabRows = 2 ** this.#slabBits
    this.#slab = new DataView(new ArrayBuffer(0))
    this.#slabs.push(this.#slab)
  }

  /** Copies the digest that starts at `digestAt` in `bytes`. Gives how much memory was taken for more rows. */
  push (bytes: Uint8Array, digestAt: number, offset: number, dataBytes: number, prefixRow: number): number {
    if (bytes !== this.#from) {
      this.#from = bytes
      this.#fromView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    const grown = this.#at === this.#slab.byteLength ? this.#grow() : 0
    const slab = this.#slab
    copyShort(this.#fromView, digestAt, slab, this.#at, this.digestBytes)
    const at = this.#at + this.digestBytes
    slab.setUint32(at, offset >>> 0, true)
    slab.setUint32(at + 4, Math.floor(offset / 2 ** 32), true)
    slab.setUint32(at + 8, dataBytes, true)
    slab.setUint8(at + 12, prefixRow)
    this.#at = at + OFFSET_BYTES + RECORD_BYTES
    this.count++
    return grown
  }

  #grow (): number {
    const { rowBytes } = this
    const before = this.#slab.byteLength
    if (before < this.#slabRows * rowBytes) {
      const rows = Math.min(this.#slabRows, Math.max(1, Math.floor(FIRST_BYTES / rowBytes), 4 * before / rowBytes))
      const longer = new Uint8Array(rows * rowBytes)
      longer.set(new Uint8Array(this.#slab.buffer))
      this.#slab = new DataView(longer.buffer)
      this.#slabs[this.#slabs.length - 1] = this.#slab
      return longer.byteLength - before
    }
    this.#slab = new DataView(new ArrayBuffer(before))
    this.#slabs.push(this.#slab)
    this.#at = 0
    return before
  }

  /** Put the entries at `entriesAt`, and their records at `recordsAt`, both by digest, equal ones by offset. */
  writeSorted (into: Uint8Array, entriesAt: number, recordsAt: number): void {
    const { rowBytes } = this
    const out = new DataView(into.buffer, into.byteOffset, into.byteLength)
    let done = 0
    for (const { rows, order } of this.#sortedParts()) {
      writePart(rows, order, rowBytes, out, entriesAt + done * (rowBytes - RECORD_BYTES), recordsAt + done * RECORD_BYTES)
      done += order.length
    }
  }

  /** The rows in the same order, in chunks of at most `chunkBytes` or one row, whose memory is used again. */
  * sortedRows (chunkBytes: number): Generator<Uint8Array, void, undefined> {
    const { count, rowBytes } = this
    const chunk = new Uint8Array(Math.min(Math.max(1, Math.floor(chunkBytes / rowBytes)), count) * rowBytes)
    const out = new DataView(chunk.buffer)
    let at = 0
    for (const { rows, order } of this.#sortedParts()) {
      for (const row of order) {
        copyShort(rows, row * rowBytes, out, at, rowBytes)
        at += rowBytes
        if (at < chunk.byteLength) continue
        yield chunk
        at = 0
      }
    }
    if (at > 0) yield chunk.subarray(0, at)
  }

  /** Many rows are dealt out by the first bits of their digests, so that what is sorted at a time stays in the processor's cache. */
  * #sortedParts (): Generator<{ readonly rows: DataView, readonly order: Uint32Array }, void, undefined> {
    const { count, rowBytes, digestBytes } = this
    const bits = Math.min(MAX_PART_BITS, Math.floor(Math.log2(Math.max(1, count / PART_ROWS))))
    const keys = new Uint32Array(count)
    this.#slabs.forEach((slab, i) => {
      const first = i << this.#slabBits
      fillKeys(keys.subarray(first, first + this.#slabRows), slab, rowBytes, digestBytes)
    })
    // by 32 - bits; a shift by 32 would be one by 0
    const shift = 31 - bits
    const starts = partStarts(keys, shift, 2 ** bits)
    const dealt = this.#slabs.length === 1 && bits === 0 ? this.#slab : this.#deal(keys, shift, starts.slice())
    for (let part = 0; part < starts.length - 1; part++) {
      const first = starts[part]!
      const size = starts[part + 1]! - first
      if (size > 0) yield sortedPart(new DataView(dealt.buffer, first * rowBytes, size * rowBytes), keys.subarray(0, size), rowBytes, digestBytes)
    }
  }

  /** @param ends - where the next row of each part goes; counts up */
  #deal (keys: Uint32Array, shift: number, ends: Uint32Array): DataView {
    const { rowBytes } = this
    const out = new DataView(new ArrayBuffer(this.count * rowBytes))
    this.#slabs.forEach((slab, i) => {
      const first = i << this.#slabBits
      dealRows(slab, keys.subarray(first, first + this.#slabRows), shift, ends, out, rowBytes)
    })
    return out
  }

  /** Forget all rows and give their memory back. */
  clear (): void {
    this.count = 0
    this.#slab = new DataView(new ArrayBuffer(0))
    this.#slabs = [this.#slab]
    this.#at = 0
  }
}

// Loops over rows stand alone: what the compiler learns of one is not thrown away with what it did not know of the next.

const fillKeys = (keys: Uint32Array, rows: DataView, rowBytes: number, digestBytes: number): void => {
  for (let i = 0, at = 0; i < keys.length; i++, at += rowBytes) keys[i] = keyOf(rows, at, digestBytes)
}

/** Where each part begins, and the last one ends. */
const partStarts = (keys: Uint32Array, shift: number, parts: number): Uint32Array => {
  const starts = new Uint32Array(parts + 1)
  countKeys(keys, shift, starts)
  for (let part = 0; part < parts; part++) starts[part + 1]! += starts[part]!
  return starts
}

const countKeys = (keys: Uint32Array, shift: number, counts: Uint32Array): void => {
  for (let i = 0; i < keys.length; i++) counts[(keys[i]! >>> 1 >>> shift) + 1]!++
}

const dealRows = (from: DataView, keys: Uint32Array, shift: number, ends: Uint32Array, to: DataView, rowBytes: number): void => {
  for (let i = 0, at = 0; i < keys.length; i++, at += rowBytes) copyShort(from, at, to, ends[keys[i]! >>> 1 >>> shift]!++ * rowBytes, rowBytes)
}

/** @param keys - room for those of the rows */
const sortedPart = (rows: DataView, keys: Uint32Array, rowBytes: number, digestBytes: number): { readonly rows: DataView, readonly order: Uint32Array } => {
  fillKeys(keys, rows, rowBytes, digestBytes)
  return { rows, order: sortedOrder(keys, (a, b) => compareRows(rows, a * rowBytes, rows, b * rowBytes, digestBytes)) }
}

/** Entries and records of rows in that order. */
const writePart = (rows: DataView, order: Uint32Array, rowBytes: number, to: DataView, entriesAt: number, recordsAt: number): void => {
  const width = rowBytes - RECORD_BYTES
  for (let n = 0, at = entriesAt, recordAt = recordsAt; n < order.length; n++, at += width, recordAt += RECORD_BYTES) {
    const from = order[n]! * rowBytes
    copyShort(rows, from, to, at, width)
    to.setUint32(recordAt, rows.getUint32(from + width))
    to.setUint8(recordAt + 4, rows.getUint8(from + width + 4))
  }
}

/** For a few bytes a loop is faster than a view and `set`. */
const copyShort = (from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void => {
  let i = 0
  for (const last = length - 4; i <= last; i += 4) to.setUint32(toAt + i, from.getUint32(fromAt + i))
  for (; i < length; i++) to.setUint8(toAt + i, from.getUint8(fromAt + i))
}

/** The first four bytes as a number, zeros behind a shorter digest. */
const keyOf = (rows: DataView, at: number, digestBytes: number): number =>
  digestBytes >= 4 ? rows.getUint32(at) : (rows.getUint32(at) & ~(0xffffffff >>> (8 * digestBytes))) >>> 0

/** By digest, bytewise, then by offset as u64 little-endian behind it. */
export const compareRows = (a: DataView, aAt: number, b: DataView, bAt: number, digestBytes: number): number => {
  const byDigest = compareDigests(a, aAt, b, bAt, digestBytes)
  if (byDigest !== 0) return byDigest
  const high = a.getUint32(aAt + digestBytes + 4, true) - b.getUint32(bAt + digestBytes + 4, true)
  return high !== 0 ? high : a.getUint32(aAt + digestBytes, true) - b.getUint32(bAt + digestBytes, true)
}

/** Bytewise. */
export const compareDigests = (a: DataView, aAt: number, b: DataView, bAt: number, digestBytes: number): number => {
  for (let i = 0; i < digestBytes; i++) {
    const difference = a.getUint8(aAt + i) - b.getUint8(bAt + i)
    if (difference !== 0) return difference
  }
  return 0
}
