/** Randomness that a seed repeats: for tests alone. */
import type { Random } from '@dagstore/io'

export interface SeededRandom extends Random {
  /** What it was made from; put it into the test's name. */
  readonly seed: string
  /** A whole number in [0, maxExclusive); `maxExclusive` at least 1 and at most 2^32. */
  int(maxExclusive: number): number
  /** True with this chance. */
  chance(probability: number): boolean
  /** One of the items. @throws {RangeError} there are none */
  pick<T>(items: readonly T[]): T
  /** A new array in another order. */
  shuffle<T>(items: readonly T[]): T[]
  /** An independent stream, the same for the same label. */
  fork(label: string): SeededRandom
}

/** FNV-1a over UTF-16 units, widened to four words, so that near seeds give far streams. */
const wordsOf = (seed: string): [number, number, number, number] => {
  const word = (salt: number): number => {
    let h = 0x811c9dc5 ^ salt
    for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 0x01000193)
    h ^= h >>> 15
    return Math.imul(h, 0x2c1b3c6d) >>> 0
  }
  return [word(1), word(2), word(3), word(4) | 1]
}

export const seededRandom = (seed: number | string): SeededRandom => {
  const name = String(seed)
  let [a, b, c, d] = wordsOf(name)
  // sfc32 by Chris Doty-Humphrey: 128 bits of state, passes PractRand
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next()

  const random: SeededRandom = {
    seed: name,
    int: (max) => {
      if (!Number.isInteger(max) || max < 1 || max > 2 ** 32) throw new RangeError(`bound out of range; got=${max}`)
      return Math.floor((next() / 2 ** 32) * max)
    },
    chance: (probability) => next() / 2 ** 32 < probability,
    bytes: (length) => {
      const out = new Uint8Array(length)
      for (let at = 0; at < length; at += 4) {
        const word = next()
        for (let i = 0; i < 4 && at + i < length; i++) out[at + i] = word >>> (8 * i)
      }
      return out
    },
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('nothing to pick from')
      return items[random.int(items.length)] as T
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        const j = random.int(i + 1)
        const kept = out[i] as T
        out[i] = out[j] as T
        out[j] = kept
      }
      return out
    },
    fork: (label) => seededRandom(`${name}/${label}`),
  }
  return random
}
