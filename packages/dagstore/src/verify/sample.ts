/** Some items of a stream of unknown length, each as likely as another, the same ones for the same seed. */

export interface Sample<T> {
  readonly items: readonly T[]
  see(item: () => T): void
}

/** Algorithm R. @param size - items kept at most */
export const createSample = <T>(size: number, seed: number): Sample<T> => {
  const items: T[] = []
  const next = numbersFrom(seed)
  let seen = 0
  return {
    items,
    see: (item) => {
      seen++
      if (items.length < size) {
        items.push(item())
        return
      }
      const at = Math.floor(next() * seen)
      if (at < size) items[at] = item()
    },
  }
}

/** mulberry32: from 0 up to 1. */
const numbersFrom = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
