/** Order of rows without one object per row: radix passes over a prefix, comparisons only where it ties. */

/** Below this a comparing sort is as fast as clearing the counters. */
const SMALL = 32
const DIGIT_BITS = 8
const DIGITS = 1 << DIGIT_BITS

/**
 * Which row comes 0th, 1st, …
 *
 * @param keys - the first four bytes of each row's digest as a number, zeros behind a shorter one
 * @param compare - the order of two rows in full
 */
export const sortedOrder = (keys: Uint32Array, compare: (a: number, b: number) => number): Uint32Array => {
  const order = new Uint32Array(keys.length)
  for (let i = 0; i < keys.length; i++) order[i] = i
  if (keys.length <= SMALL) return order.sort(compare)
  const sorted = radixSort(keys, order)
  sortTies(keys, sorted, compare)
  return sorted
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
    if (starts[(keys[0]! >>> shift) & (DIGITS - 1)] === count) continue // all the same
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
  const last = order.length - 1
  for (let i = 0; i < last;) {
    const key = keys[order[i]!]!
    let end = i + 1
    while (end <= last && keys[order[end]!]! === key) end++
    if (end - i > 1) order.subarray(i, end).sort(compare)
    i = end
  }
}
