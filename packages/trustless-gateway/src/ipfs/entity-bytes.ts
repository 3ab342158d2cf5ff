/** The parameter `entity-bytes`: `from:to`, both included; negative ones count from the end, `*` is the end. */
import type { EntityBytes } from '@dagstore/dag'

const RANGE = /^(-?\d{1,19}):(?:\*|(-?\d{1,19}))$/

/** Beyond what a file can have: as good as its ends. `undefined`: no range. */
export const entityBytesOf = (text: string): EntityBytes | undefined => {
  const [whole, first = '', last] = RANGE.exec(text) ?? []
  if (whole === undefined) return undefined
  const from = clamped(first)
  if (last === undefined) return { from }
  const to = clamped(last)
  // counted from the same end they can be compared without a file
  return from > to && first.startsWith('-') === last.startsWith('-') ? undefined : { from, to }
}

const clamped = (text: string): number => {
  const value = Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number(text), Number.MAX_SAFE_INTEGER))
  return value === 0 ? 0 : value
}
