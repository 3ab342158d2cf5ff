/** Opening a directory of copies. */
import { TransientStore } from './transient-store.ts'
import type { Transients, TransientsOptions } from './transients.ts'

export const TRANSIENTS_DEFAULTS: { readonly highWatermark: number, readonly lowWatermark: number, readonly reserveBytes: number } =
  Object.freeze({ highWatermark: 0.9, lowWatermark: 0.7, reserveBytes: 128 << 20 })

/**
 * What there is in the directory is looked at when it is first needed.
 *
 * @throws {RangeError} an option out of range
 */
export const openTransients = async (options: TransientsOptions): Promise<Transients> => {
  const { quotaBytes = Number.POSITIVE_INFINITY, highWatermark = TRANSIENTS_DEFAULTS.highWatermark, lowWatermark = TRANSIENTS_DEFAULTS.lowWatermark } = options
  if (quotaBytes !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(quotaBytes) && quotaBytes >= 1)) throw new RangeError(`quotaBytes; want=a whole number from 1 got=${quotaBytes}`)
  if (!(lowWatermark >= 0 && lowWatermark <= highWatermark && highWatermark <= 1)) throw new RangeError(`watermarks; want=0 <= low <= high <= 1 got=${lowWatermark},${highWatermark}`)
  const wanted = options.reserveBytes ?? TRANSIENTS_DEFAULTS.reserveBytes
  if (!(Number.isSafeInteger(wanted) && wanted >= 1)) throw new RangeError(`reserveBytes; want=a whole number from 1 got=${wanted}`)
  const reserveBytes = wanted > quotaBytes ? Math.max(1, Math.floor(quotaBytes / 10)) : wanted
  return new TransientStore({ ...options, quotaBytes, highWatermark, lowWatermark, reserveBytes })
}
