/** Writes blake2b-rounds.ts: the twelve rounds of blake2b, which the language has no macros for. */

/** The order of the message words in each round: RFC 7693, section 2.7. */
const ORDER = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4], [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13], [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11], [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5], [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
]
const ROUNDS = 12
/** The columns of the state, then its diagonals. */
const QUARTERS = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]]
const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7]

const half = ([a, b, c, d], word, down, up) => [
  `  v${a} += v${b} + load<u64>(block, ${8 * word})`,
  `  v${d} = rotr(v${d} ^ v${a}, ${down})`,
  `  v${c} += v${d}`,
  `  v${b} = rotr(v${b} ^ v${c}, ${up})`,
]

const round = (order) => QUARTERS.flatMap((quarter, i) => [...half(quarter, order[2 * i], 32, 24), ...half(quarter, order[2 * i + 1], 16, 63)])

export const fileName = 'blake2b-rounds.ts'

export const text = () => [
  "import { CHAIN, IV } from './blake2b'",
  'export function mix (block: usize, count: u64, last: u64): void {',
  ...EIGHT.map((i) => `  let v${i} = load<u64>(CHAIN, ${8 * i})`),
  ...EIGHT.map((i) => `  let v${8 + i} = load<u64>(IV, ${8 * i})`),
  '  v12 ^= count',
  '  v14 ^= last',
  ...Array.from({ length: ROUNDS }, (_, i) => round(ORDER[i % ORDER.length])).flat(),
  ...EIGHT.map((i) => `  store<u64>(CHAIN, load<u64>(CHAIN, ${8 * i}) ^ v${i} ^ v${8 + i}, ${8 * i})`),
  '}',
].join('\n')
