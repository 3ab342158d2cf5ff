/** What a store is told about retrying by itself. */
import type { Random } from '@dagstore/io'

export interface RetryOptions {
  /** Failures in a row, the first one included, after which only a caller tries again; 0 and 1: nothing is retried. @default 5 */
  readonly attempts?: number
  /** Before the second try, in milliseconds; doubled for each one after it, less up to half of it by chance. @default 1000 */
  readonly baseMs?: number
  /** The longest wait, in milliseconds. @default 600000 */
  readonly maxMs?: number
}

export type RetrySettings = Required<RetryOptions>

export const RETRY_DEFAULTS: RetrySettings = Object.freeze({ attempts: 5, baseMs: 1000, maxMs: 600_000 })

/** @throws {RangeError} an option out of range */
export const retrySettings = (options: RetryOptions = {}): RetrySettings => {
  const settings = { ...RETRY_DEFAULTS, ...options }
  if (!Number.isSafeInteger(settings.attempts) || settings.attempts < 0) throw new RangeError(`retry.attempts; want=a whole number from 0 got=${settings.attempts}`)
  for (const name of ['baseMs', 'maxMs'] as const) {
    if (!(settings[name] >= 1 && settings[name] <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`retry.${name}; want=1 or more got=${settings[name]}`)
  }
  return settings
}

/** Evenly from 0 to 1. */
export const drawFrom = (random: Random): number => {
  const bytes = random.bytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32
}
