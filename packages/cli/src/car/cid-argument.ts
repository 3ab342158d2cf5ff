/** A CID on the command line. */
import { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'

/** @throws {CommandError} `COMMAND_USAGE` */
export const parseCid = (text: string): CID => {
  try {
    return CID.parse(text)
  } catch (cause) {
    throw new CommandError('COMMAND_USAGE', `not a CID: ${text}`, { cause })
  }
}
