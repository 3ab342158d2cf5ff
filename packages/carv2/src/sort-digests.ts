/** Order of rows of bytes without one object per row: radix passes over a prefix, comparisons only where it ties. */

/** Below this a comparing sort is as fast as clearing the counters. */
const SMALL = 256
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS
const OFFSET_BYTES = 8

/**
 * Which row comes 0th, 1st, …: by digest, bytewise, then by offset. A row of `stride` bytes begins with a digest of
 * `digestBytes` and an offset as u64 little-endian.
 */
export const sortedOrder = (rows: Uint8Array, stride: number, digestBytes: number, count: number): Uint32Array => {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  const compare = (a: number, b: number): number => compareRows(rows, a * stride, b * stride, digestBytes)
  if (count <= SMALL) return order.sort(compare)
  const keys = prefixes(rows, stride, digestBytes, count)
  const sorted = radixSort(keys, order)
  sortTies(keys, sorted, compare)
  return sorted
}

/** The first four bytes of each digest, big-endian, zeros behind a shorter one. */
const prefixes = (rows: Uint8Array, stride: number, digestBytes: number, count: number): Uint32Array => {
  const keys = new Uint32Array(count)
  // what stands behind a short digest is masked away
  const mask = digestBytes >= 4 ? 0xffffffff : ~(0xffffffff >>> (8 * digestBytes))
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    keys[i] = ((rows[at]! << 24) | (rows[at + 1]! << 16) | (rows[at + 2]! << 8) | rows[at + 3]!) & mask
  }
  return keys
}

/** Stable: equal keys keep their order. Uses up `order`. */
const radixSort = (keys: Uint32Array, order: Uint32Array): Uint32Array => {
  const count = order.length
  let from = order
  let to: Uint32Array = new Uint32Array(count)
  const starts = new Uint32Array(DIGITS)
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    starts.fill(0)
    for (let i = 0; i < count; i++) starts[(keys[i]! >>> shift) & (DIGITS - 1)]!++
    let sum = 0
    for (let digit = 0; digit < DIGITS; digit++) {
      const n = starts[digit]!
      starts[digit] = sum
      sum += n
    }
    for (let n = 0; n < count; n++) {
      const i = from[n]!
      to[starts[(keys[i]! >>> shift) & (DIGITS - 1)]!++] = i
    }
    const done = from
    from = to
    to = done
  }
  return from
}

const sortTies = (keys: Uint32Array, order: Uint32Array, compare: (a: number, b: number) => number): void => {
  let start = 0
  let key = keys[order[0]!]!
  for (let i = 1; i <= order.length; i++) {
    const next = i < order.length ? keys[order[i]!]! : -1
    if (next === key) continue
    if (i - start > 1) order.subarray(start, i).sort(compare)
    start = i
    key = next
  }
}

const compareRows = (rows: Uint8Array, a: number, b: number, digestBytes: number): number => {
  for (let i = 0; i < digestBytes; i++) {
    const difference = rows[a + i]! - rows[b + i]!
    if (difference !== 0) return difference
  }
  for (let i = digestBytes + OFFSET_BYTES - 1; i >= digestBytes; i--) {
    const difference = rows[a + i]! - rows[b + i]!
    if (difference !== 0) return difference
  }
  return 0
}
