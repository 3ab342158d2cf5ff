/** Parts of a sector, in padded bytes. */

export interface SectorRange {
  readonly start: number
  /** At least 1. */
  readonly length: number
}

/** Ascending, with no two that touch. @throws {RangeError} a range that is none, or two that overlap */
export const joinRanges = (ranges: readonly SectorRange[]): SectorRange[] => {
  const joined: { start: number, length: number }[] = []
  for (const { start, length } of [...ranges].sort((a, b) => a.start - b.start)) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || start < 0 || length < 1) {
      throw new RangeError(`not a range; start=${start} length=${length}`)
    }
    const last = joined.at(-1)
    const end = last === undefined ? -1 : last.start + last.length
    if (start < end) throw new RangeError(`ranges overlap; start=${start} end=${end}`)
    if (last !== undefined && start === end) last.length += length
    else joined.push({ start, length })
  }
  return joined
}

/** What is left of the ranges without [start, start + length), in their order. */
export const withoutRange = (ranges: readonly SectorRange[], start: number, length: number): SectorRange[] => {
  const end = start + length
  return ranges.flatMap((range) => {
    const rangeEnd = range.start + range.length
    if (rangeEnd <= start || end <= range.start) return [range]
    const left: SectorRange[] = []
    if (range.start < start) left.push({ start: range.start, length: start - range.start })
    if (end < rangeEnd) left.push({ start: end, length: rangeEnd - end })
    return left
  })
}

/** The parts of the ranges that lie in [start, start + length), in their order. */
export const withinRange = (ranges: readonly SectorRange[], start: number, length: number): SectorRange[] => ranges.flatMap((range) => {
  const from = Math.max(start, range.start)
  const to = Math.min(start + length, range.start + range.length)
  return from < to ? [{ start: from, length: to - from }] : []
})

/** Whether one of the joined ranges holds all of [start, start + length). */
export const covers = (joined: readonly SectorRange[], start: number, length: number): boolean => {
  let [from, to] = [0, joined.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (joined[middle]!.start <= start) from = middle + 1
    else to = middle
  }
  const range = joined[from - 1]
  return range !== undefined && start + length <= range.start + range.length
}

/** Whether any of the ranges has a byte in [start, start + length). */
export const touches = (ranges: readonly SectorRange[], start: number, length: number): boolean =>
  ranges.some((range) => range.start < start + length && start < range.start + range.length)

/** Bytes in all of the ranges. */
export const bytesIn = (ranges: readonly SectorRange[]): number => ranges.reduce((sum, { length }) => sum + length, 0)
