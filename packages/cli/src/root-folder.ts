/** Which store a command means, and whether there is one. */
import { existsSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import { CommandError, explain } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { printable } from './text.ts'

export const DEFAULT_ROOT = '.dagstore'

export interface RootFolder {
  /** Absolute. */
  readonly path: string
  /** As the user named it, for messages and results. */
  readonly label: string
}

/** `--root DIR`, else `DAGSTORE_PATH`, else `./.dagstore`. @throws {CommandError} `COMMAND_USAGE`: the option is empty */
export const rootFolder = (option: string | undefined, terminal: Terminal): RootFolder => {
  // what a script meant to fill in and did not must not make the folder at hand a store
  if (option === '') throw new CommandError('COMMAND_USAGE', 'name a folder: --root DIR')
  const label = option ?? (terminal.env['DAGSTORE_PATH'] || DEFAULT_ROOT)
  return { path: resolve(terminal.cwd, label), label }
}

/** @throws {CommandError} `COMMAND_NO_STORE`: nothing there; commands that only look create nothing */
export const existingRoot = (option: string | undefined, terminal: Terminal): RootFolder => {
  const root = rootFolder(option, terminal)
  if (hasStore(root)) return root
  throw new CommandError('COMMAND_NO_STORE', `no DAG store at ${root.label} (use --root or DAGSTORE_PATH)`)
}

/** Its database names its newest state in this file from its first moment on. */
export const hasStore = ({ path }: RootFolder): boolean => existsSync(join(path, 'db', 'CURRENT'))

/**
 * The folder itself, and those above it that are not there. One by one: Node tries for ever to make all of them at once where
 * none can be made, as below `/proc`.
 *
 * @throws {CommandError} `COMMAND_REFUSED`
 */
export const makeRoot = async ({ path, label }: RootFolder): Promise<void> => {
  try {
    await makeFolder(path)
    // a link that leads nowhere is in the way of a folder, and is none
    if (!existsSync(path)) throw new CommandError('COMMAND_REFUSED', `${printable(label)} is a link to a folder that is not there; is its disk mounted?`)
  } catch (error) {
    if (error instanceof CommandError) throw error
    const cause = classifyNodeError(error, 'the folder of the store could not be made')
    throw new CommandError('COMMAND_REFUSED', explain(cause, label, [path]), { cause })
  }
}

const makeFolder = async (path: string): Promise<void> => {
  const found = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (found !== undefined) return
  await makeFolder(dirname(path))
  await mkdir(path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
}
