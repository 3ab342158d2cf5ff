/** `Range` of one part in bytes. Source: RFC 9110, 14.1 and 14.2. */

/** Both ends included. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

// no two parts of it that take the same characters stand side by side: what does not match is found out in one pass
const ONE_RANGE = /^bytes\s*=[\s,]*(?:(\d+)\s*-(?:\s*(\d+))?|-\s*(\d+))[\s,]*$/i

/**
 * The part of `size` bytes that is asked for. `undefined`: the whole, since the header is of another unit, of several parts, or
 * of none; `outside`: no byte of it is there.
 */
export const partOf = (range: string, size: number): ByteRange | 'outside' | undefined => {
  const [, first, last, suffix] = ONE_RANGE.exec(range) ?? []
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size)
    return length === 0 ? 'outside' : { from: size - length, to: size - 1 }
  }
  if (first === undefined) return undefined
  const from = Number(first)
  const to = last === undefined ? Infinity : Number(last)
  if (to < from) return undefined
  return from >= size ? 'outside' : { from, to: Math.min(to, size - 1) }
}
