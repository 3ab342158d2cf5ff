/** What the PATHs of `add` stand for: files as they were named, and those in folders that a pattern matches. */
import { realpath, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { readLayout, refuseReferences } from '@dagstore/carv2'
import { classifyNodeError, openFileSource } from '@dagstore/io/node'
import { CommandError } from '../failure.ts'
import { isBelow } from './keep.ts'
import { walkFolder } from './walk.ts'

/** One PATH of the command line. */
export interface AddArgument {
  /** As the user named it. */
  readonly label: string
  /** Absolute. */
  readonly path: string
  readonly kind: 'file' | 'folder'
}

export interface AddFile {
  readonly argument: AddArgument
  /** As the user would name it. */
  readonly label: string
  /** Absolute. */
  readonly path: string
  /** What `--key name` makes of it. */
  readonly name: string
  /** Nobody has looked whether it is there. */
  readonly unsure: boolean
}

/** @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`. @throws {CommandError} `COMMAND_REFUSED`: empty, or neither file nor folder */
export const readArgument = async (label: string, cwd: string): Promise<AddArgument> => {
  if (label === '') throw new CommandError('COMMAND_REFUSED', 'the path is empty')
  const path = resolve(cwd, label)
  const facts = await stat(path).catch((error: unknown) => { throw classifyNodeError(error, 'cannot be read') })
  if (facts.isDirectory()) return { label, path, kind: 'folder' }
  if (facts.isFile()) return { label, path, kind: 'file' }
  throw new CommandError('COMMAND_REFUSED', 'is neither a file nor a folder')
}

export interface FilesOptions {
  readonly glob: string
  /** The store's folder; it need not be there. Absolute. */
  readonly root: string
  readonly signal: AbortSignal
}

/**
 * Of a folder its matching files, but not those of the store, unless its folder is the one that was named, or lies above. A
 * file that was named has to begin as a CAR does; those of a pattern are believed to be what they are called.
 *
 * @throws {CarV2Error} no CAR; `CARV2_REFERENCES`: one without its data. `IO_*`
 */
export const filesOf = async function * (argument: AddArgument, { glob, root, signal }: FilesOptions): AsyncGenerator<AddFile, void, undefined> {
  const { label, path, kind } = argument
  if (kind === 'file') {
    const source = await openFileSource(path, { label, signal })
    try {
      await refuseReferences(source, await readLayout(source, { badIndex: 'report', signal }), 'the file', { signal })
    } finally {
      await source.close()
    }
    yield { argument, label, path, name: basename(path), unsure: false }
    return
  }
  const store = await realpath(root).catch(() => root)
  if (isBelow(await realpath(path), store) && isBelow(store, await realpath(path))) throw new CommandError('COMMAND_REFUSED', 'is the folder of the store itself')
  const prefix = label.endsWith('/') ? label : `${label}/`
  for await (const file of walkFolder(path, { glob, except: store, signal })) yield { argument, label: `${prefix}${file.name}`, ...file }
}
