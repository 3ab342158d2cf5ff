/** Amounts of FIL and times on the command line. */
import { InvalidArgumentError } from 'commander'
import { parseEpochs } from '../epochs.ts'
import { parseFil } from '../fil.ts'

const told = <T>(parse: (text: string) => T): ((text: string) => T) => (text) => {
  try {
    return parse(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : '')
  }
}

/** In attoFIL. @throws {InvalidArgumentError} wrong usage */
export const fil: (text: string) => bigint = told(parseFil)

/** @throws {InvalidArgumentError} wrong usage */
export const epochs: (text: string) => number = told(parseEpochs)
