/**
 * The header `Content-Range` of ranged answers: `bytes 0-99/1234`; a star stands for the range when none could be given.
 *
 * Source: RFC 9110, section 14.4. Stricter: the whole length must be known.
 */

/** Positions in bytes; `end` is the first position behind the range. */
export interface ContentRange {
  /** `undefined`: no range could be given. */
  readonly range: { readonly start: number, readonly end: number } | undefined
  readonly sizeBytes: number
}

const PATTERN = /^bytes (?:(\d{1,16})-(\d{1,16})|\*)\/(\d{1,16})$/iu

/** `undefined` for anything else, an unknown or impossible length too. */
export const parseContentRange = (header: string | null): ContentRange | undefined => {
  const [, first, last, size] = PATTERN.exec(header?.trim() ?? '') ?? []
  const sizeBytes = Number(size)
  if (size === undefined || !Number.isSafeInteger(sizeBytes)) return undefined
  if (first === undefined || last === undefined) return { range: undefined, sizeBytes }
  const range = { start: Number(first), end: Number(last) + 1 }
  return range.start < range.end && range.end <= sizeBytes ? { range, sizeBytes } : undefined
}
