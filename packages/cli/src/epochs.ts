/** Times of the chain: epochs of 30 seconds. */

export const EPOCHS_A_DAY = 2880

/** Ten years; no deal lasts longer, and more is a slip of the pen. */
const MAX_EPOCHS = 3650 * EPOCHS_A_DAY

const IN_EPOCHS: Readonly<Record<string, number>> = { '': 1, h: EPOCHS_A_DAY / 24, d: EPOCHS_A_DAY, w: 7 * EPOCHS_A_DAY, y: 365 * EPOCHS_A_DAY }

/**
 * `518400` epochs, `180d`, `26w`, `1y`, `12h`.
 *
 * @throws {RangeError} anything else, none, and more than ten years; the message says what is wanted
 */
export const parseEpochs = (text: string): number => {
  const [, digits = '', unit = ''] = /^(\d{1,9})\s*([hdwy]?)$/i.exec(text.trim()) ?? []
  const epochs = Number(digits) * (IN_EPOCHS[unit.toLowerCase()] ?? 0)
  if (digits !== '' && epochs > 0 && epochs <= MAX_EPOCHS) return epochs
  throw new RangeError('it is a number of epochs (2880 a day), or a time such as 180d, 26w or 1y')
}

/** `518400 epochs (180 days)`. */
export const showEpochs = (epochs: number): string => {
  const days = Math.round(epochs / EPOCHS_A_DAY * 10) / 10
  return `${epochs} epochs (${days} day${days === 1 ? '' : 's'})`
}
