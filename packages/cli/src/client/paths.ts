/** Paths on the command line of a client: they are resolved here, since a daemon may have been started anywhere. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import type { AskedClient } from './with-client.ts'
import { aboutFile } from '../commands/files.ts'
import { CommandError } from '../failure.ts'
import type { Terminal } from '../terminal.ts'

export interface NamedPath {
  /** As the user named it. */
  readonly label: string
  /** Absolute. */
  readonly path: string
}

/** @throws {CommandError} `COMMAND_USAGE`: it is empty, as a variable that a script has not set */
export const namedPath = (label: string, { cwd }: Pick<Terminal, 'cwd'>): NamedPath => {
  if (label === '') throw new CommandError('COMMAND_USAGE', 'name a file')
  return { label, path: resolve(cwd, label) }
}

/** A daemon at an address may see other files than this machine, so then it is asked. @throws {CommandError} `COMMAND_REFUSED` */
export const mustBeThere = ({ label, path }: NamedPath, { isHere }: Pick<AskedClient, 'isHere'>): Promise<void> => isHere
  ? aboutFile(label, async () => { await stat(path).catch((error: unknown) => { throw classifyNodeError(error, 'cannot be read') }) }, path)
  : Promise.resolve()
