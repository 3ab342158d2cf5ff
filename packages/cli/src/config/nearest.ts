/** What somebody may have meant who mistyped a name. */

/** The most letters that a mistyped name may be away from the one meant. */
const MOST = 3

/** The nearest of `names`, regardless of case; `undefined`: none is near. */
export const nearest = (given: string, names: Iterable<string>): string | undefined => {
  let best: string | undefined
  let least = Math.min(MOST, Math.ceil(given.length / 3)) + 1
  for (const name of names) {
    const far = distance(given.toLowerCase(), name.toLowerCase())
    if (far < least) [best, least] = [name, far]
  }
  return best
}

/** Letters to put in, take out, replace or swap with their neighbour. */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1), swapped))
    }
    ;[before, row] = [row, next]
  }
  return row.at(-1) ?? 0
}
