/** Order of fixed-length digests without one object per entry: radix passes over a prefix, comparisons only where it ties. */

/** Below this a comparing sort is as fast as clearing the counters. */
const SMALL = 256
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS

/** Which entry comes 0th, 1st, …: by digest, bytewise, then by offset. */
export const sortedOrder = (digests: Uint8Array, digestBytes: number, offsets: Float64Array, count: number): Uint32Array => {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  const compare = (a: number, b: number): number => compareDigests(digests, a * digestBytes, b * digestBytes, digestBytes) || offsets[a]! - offsets[b]!
  if (count <= SMALL) return order.sort(compare)
  const keys = prefixes(digests, digestBytes, count)
  const sorted = radixSort(keys, order)
  sortTies(keys, sorted, compare)
  return sorted
}

/** The first four bytes of each digest, big-endian, zeros behind a shorter one. */
const prefixes = (digests: Uint8Array, digestBytes: number, count: number): Uint32Array => {
  const keys = new Uint32Array(count)
  const length = Math.min(4, digestBytes)
  for (let i = 0, at = 0; i < count; i++, at += digestBytes) {
    let key = 0
    for (let k = 0; k < 4; k++) key = (key << 8) | (k < length ? digests[at + k]! : 0)
    keys[i] = key
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
  for (let i = 1; i <= order.length; i++) {
    if (i < order.length && keys[order[i]!] === keys[order[start]!]) continue
    if (i - start > 1) order.subarray(start, i).sort(compare)
    start = i
  }
}

const compareDigests = (bytes: Uint8Array, a: number, b: number, length: number): number => {
  for (let i = 0; i < length; i++) {
    const difference = bytes[a + i]! - bytes[b + i]!
    if (difference !== 0) return difference
  }
  return 0
}
