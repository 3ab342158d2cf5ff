/** Folders of a store that may be links to other disks: each is looked at before anything is made in its place. */
import { lstat, readdir, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import { codeOf, CommandError, explain } from './failure.ts'
import type { RootFolder } from './root-folder.ts'
import { printable } from './text.ts'

/** What is made there belongs together: files are renamed within a folder, never from one to another. */
const PARTS = ['db', 'index', 'transients'] as const
/** Lotus's name of the database folder. */
const LOTUS_DATABASE = 'datastore'
/** What Lotus makes in the folder of its DAG store. */
const LOTUS_MARK = '.shard-registration-complete'

/**
 * Refuses a link that leads nowhere, as one to a disk that is not mounted, since a folder made in its place would hide what is on
 * that disk. A link called `datastore`, as Lotus names the database, is that of `db`.
 *
 * @param root - is there @throws {CommandError} `COMMAND_REFUSED`
 */
export const checkLayout = async (root: RootFolder): Promise<void> => {
  const kinds = new Map(await Promise.all([...PARTS, LOTUS_DATABASE].map(async (name) => [name, await kindOf(root, name)] as const)))
  for (const [name, kind] of kinds) {
    if (kind === 'dangling') throw refusal(root, `${name} is a link to a folder that is not there; is its disk mounted?`)
    if (kind === 'other') throw refusal(root, `${name} is no folder`)
  }
  if (kinds.get('db') !== 'none') return
  if (kinds.get(LOTUS_DATABASE) === 'folder' || await kindOf(root, LOTUS_MARK) === 'other') {
    throw refusal(root, 'a Lotus node keeps its DAG store in this folder; `dagstore adopt` takes it over into another one')
  }
  if (kinds.get(LOTUS_DATABASE) !== 'link') return
  if ((await readdir(join(root.path, LOTUS_DATABASE))).length > 0) throw refusal(root, `${LOTUS_DATABASE} is a link to a folder that is not empty; link an empty one, or call the link db`)
  await symlink(LOTUS_DATABASE, join(root.path, 'db')).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error // another command was first
  })
}

type Kind = 'none' | 'folder' | 'link' | 'dangling' | 'other'

/** `link`: to a folder. */
const kindOf = async (root: RootFolder, name: string): Promise<Kind> => {
  const path = join(root.path, name)
  const found = await looked(root, name, () => lstat(path))
  if (found === undefined) return 'none'
  if (!found.isSymbolicLink()) return found.isDirectory() ? 'folder' : 'other'
  const target = await looked(root, name, () => stat(path))
  return target === undefined ? 'dangling' : target.isDirectory() ? 'link' : 'other'
}

/** `undefined`: nothing is there. */
const looked = async <T>(root: RootFolder, name: string, look: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await look()
  } catch (error) {
    const cause = classifyNodeError(error, `${name} could not be looked at`)
    if (cause.code === 'IO_NOT_FOUND') return undefined
    throw new CommandError('COMMAND_REFUSED', explain(cause, root.label, [root.path]), { cause })
  }
}

const refusal = (root: RootFolder, what: string): CommandError => new CommandError('COMMAND_REFUSED', `${printable(root.label)}: ${what}`)
