/** Amounts of FIL: attoFIL as exact integers within, decimal FIL on the command line and in tables. */

const DIGITS = 18
const ATTO = 10n ** BigInt(DIGITS)
/** As many as exist, a number of ten digits, and then some. */
const MAX_TEXT = 64

/** `0.0125 FIL`. */
export const showFil = (atto: bigint): string => {
  const sign = atto < 0n ? '-' : ''
  const amount = atto < 0n ? -atto : atto
  const rest = (amount % ATTO).toString().padStart(DIGITS, '0').replace(/0+$/, '')
  return `${sign}${amount / ATTO}${rest === '' ? '' : `.${rest}`} FIL`
}

/**
 * `0.0125`, `0.0125 FIL`, `12500000000000000 attoFIL`: in attoFIL.
 *
 * Source: lotus chain/types/fil.go `ParseFIL`. Stricter: no signs, no exponents, nothing finer than an attoFIL.
 *
 * @throws {RangeError} anything else; the message says what is wanted
 */
export const parseFil = (text: string): bigint => {
  const found = text.length > MAX_TEXT ? null : /^(\d+)(?:\.(\d+))?\s*(fil|attofil|afil)?$/i.exec(text.trim())
  const [, whole = '', fraction = '', unit = 'fil'] = found ?? []
  const isAtto = unit.toLowerCase() !== 'fil'
  if (found === null || fraction.length > (isAtto ? 0 : DIGITS)) throw new RangeError('it is an amount such as 0.0125 (FIL) or 12500attofil')
  return isAtto ? BigInt(whole) : BigInt(whole) * ATTO + BigInt(fraction.padEnd(DIGITS, '0'))
}
