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

/** Whether one of the joined ranges holds all of [start, start + length). */
export const covers = (joined: readonly SectorRange[], start: number, length: number): boolean =>
  joined.some((range) => range.start <= start && start + length <= range.start + range.length)

/** Whether any of the ranges has a byte in [start, start + length). */
export const touches = (ranges: readonly SectorRange[], start: number, length: number): boolean =>
  ranges.some((range) => range.start < start + length && start < range.start + range.length)
