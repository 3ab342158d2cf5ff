/** Which index a command writes, as its user says it. */
import { type Command, Option } from 'commander'
import { IDENTITY_POLICIES, type IdentityPolicyName, INDEX_SORTED, type WrapOptions } from '@dagstore/carv2'
import { CommandError } from '../failure.ts'
import { INDEX_CODECS } from './code-names.ts'
import type { OutputOptions } from './output.ts'

export interface IndexOptions extends OutputOptions {
  readonly codec?: string
  readonly standard?: boolean
  readonly identity?: IdentityPolicyName
}

export const addIndexOptions = (command: Command): Command => command
  .addOption(new Option('-c, --codec <name>', 'the type of index').choices([...INDEX_CODECS.keys(), 'none']))
  .addOption(new Option('--standard', 'the standard bytes of the index alone, without our trailer of checksums and lengths'))
  .addOption(new Option('--identity <policy>', 'whether identity CIDs are in the index, and whether the header says so').choices(Object.keys(IDENTITY_POLICIES)).default('full'))

/** @throws {CommandError} `COMMAND_USAGE` */
export const indexOf = ({ codec = 'car-multihash-index-sorted', standard, identity }: IndexOptions): Pick<WrapOptions, 'index' | 'codec' | 'identity'> => {
  if (codec === 'none') return { index: 'none', identity }
  const code = INDEX_CODECS.get(codec)
  return { codec: code, index: standard === true || code === INDEX_SORTED ? 'standard' : 'trailer', identity }
}

/** @throws {CommandError} `COMMAND_USAGE` */
export const bytesOption = (name: string, text: string | undefined): number => {
  const bytes = text === undefined ? 0 : /^\d+$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(bytes)) throw new CommandError('COMMAND_USAGE', `${name} wants a number of bytes, not ${text ?? ''}`)
  return bytes
}
