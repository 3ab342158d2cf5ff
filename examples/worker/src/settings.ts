/** What the deployment says, checked. */
import type { Env } from './bindings.ts'

export interface Settings {
  readonly collection: string
  readonly denylist: string | undefined
  readonly maxSubrequests: number
  readonly readAheadBytes: number
  readonly refreshMs: number
}

/** @throws {RangeError} a number that is none, or out of range */
export const settingsOf = (env: Env): Settings => ({
  collection: env.COLLECTION ?? 'collection.idx',
  denylist: env.DENYLIST,
  // fewer would not do for a first block
  maxSubrequests: numberOf('MAX_SUBREQUESTS', env.MAX_SUBREQUESTS ?? '40', 8, 100_000),
  readAheadBytes: numberOf('READ_AHEAD_MIB', env.READ_AHEAD_MIB ?? '2', 0, 16) << 20,
  refreshMs: numberOf('REFRESH_S', env.REFRESH_S ?? '60', 0, 86_400) * 1000,
})

const numberOf = (name: string, text: string, least: number, most: number): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`${name}; want=${least} to ${most} got=${text}`)
}
