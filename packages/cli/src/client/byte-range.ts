/** A part of a file, `FROM:TO`, as `entity-bytes` of trustless gateways has it. */
import { CommandError } from '../failure.ts'

export interface ByteRange {
  /** Bytes from the start of the file; below 0: from its end. */
  readonly from: number
  /** The last byte itself; `undefined`: to the end. */
  readonly to: number | undefined
}

/** `0:1023`, `-1024:*`, `4096:*`. @throws {CommandError} `COMMAND_USAGE` */
export const parseByteRange = (text: string): ByteRange => {
  const [, from = '', to = ''] = /^(-?\d{1,16}):(\*|-?\d{1,16})$/.exec(text) ?? []
  const range: ByteRange = { from: Number(from), to: to === '*' ? undefined : Number(to) }
  const safe = [range.from, range.to ?? 0].every(Number.isSafeInteger)
  // with a sign on one side alone it takes the length of the file to tell
  const sameSide = range.to === undefined || (range.from < 0) !== (range.to < 0) || range.to >= range.from
  if (from !== '' && to !== '' && safe && sameSide) return range
  throw new CommandError('COMMAND_USAGE', `not a range of bytes such as 0:1023, 4096:* or -1024:*: ${text}`)
}
