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

/** Of a piece, version 1 or 2. @throws {CommandError} `COMMAND_USAGE` */
export const parsePieceCid = async (text: string): Promise<CID> => {
  const cid = parseCid(text)
  const { parsePieceCid: parse } = await import('@dagstore/piece')
  try {
    parse(cid)
    return cid
  } catch (cause) {
    throw new CommandError('COMMAND_USAGE', `not the CID of a piece: ${text}`, { cause })
  }
}
