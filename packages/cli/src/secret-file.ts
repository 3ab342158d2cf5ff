/** `<root>/jwt-secret`: what the tokens of a store are signed with, 64 hex digits, mode 0600. Whoever deletes it ends them all. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { SECRET_BYTES } from '@dagstore/rpc'
import { CommandError } from './failure.ts'
import { createPrivateFile, readPrivateFile } from './private-file.ts'

const FILE = 'jwt-secret'

/**
 * Made by whoever asks first.
 *
 * @param root - folder of the store @throws {CommandError} `COMMAND_REFUSED`: the file holds something else
 */
export const openSecret = async (root: string): Promise<Uint8Array> => {
  const path = join(root, FILE)
  if (await readPrivateFile(path) === undefined) await createPrivateFile(path, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
  const text = (await readPrivateFile(path))?.trim() ?? ''
  if (!new RegExp(`^[0-9a-f]{${SECRET_BYTES * 2}}$`).test(text)) throw new CommandError('COMMAND_REFUSED', `${FILE} in the folder of the store is no secret: delete it, and a new one is made; tokens made before end then`)
  return Buffer.from(text, 'hex')
}
