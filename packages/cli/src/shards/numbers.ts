/** Whole numbers on the command line. */
import { InvalidArgumentError } from 'commander'

/** From 1. @throws {InvalidArgumentError} wrong usage */
export const positiveNumber = (text: string): number => {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('it is a whole number from 1')
}

/** From 0. @throws {InvalidArgumentError} wrong usage */
export const wholeNumber = (text: string): number => text === '0' ? 0 : positiveNumber(text)
