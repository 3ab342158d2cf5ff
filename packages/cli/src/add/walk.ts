/** The files of a folder that a pattern matches, one after another: neither names nor folders are collected. */
import type { Dirent } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import picomatch from 'picomatch'

export interface FoundFile {
  /** Absolute. */
  readonly path: string
  /** Relative to the folder, parts joined by `/`. */
  readonly name: string
  /** Nobody has looked whether it is there: a link, or a name that is not UTF-8. */
  readonly unsure: boolean
}

/** What stands in a name for bytes that are no UTF-8; the file is not found by it. */
export const UNREADABLE: string = '\ufffd'

export interface WalkOptions {
  /** As of a shell, over the names relative to the folder: `**\/*.car`. Names that begin with a dot have to be asked for by one. */
  readonly glob: string
  /** A folder that is not entered; the store's own. Absolute, without symbolic links. */
  readonly except: string
  readonly signal: AbortSignal
}

/**
 * Regular files, and links to such; folders behind links are not entered.
 *
 * @throws {IoError} with the path in its message: a folder cannot be read
 */
export const walkFolder = async function * (folder: string, { glob, except, signal }: WalkOptions): AsyncGenerator<FoundFile, void, undefined> {
  const dot = /(^|[/{,(])\./.test(glob)
  const matches = picomatch(glob, { dot })
  const walk = async function * (path: string, prefix: string): AsyncGenerator<FoundFile, void, undefined> {
    for await (const entry of entriesOf(path, signal)) {
      if (!dot && entry.name.startsWith('.')) continue
      const name = `${prefix}${entry.name}`
      const at = join(path, entry.name)
      if (entry.isDirectory()) {
        if (at !== except) yield * walk(at, `${name}/`)
      } else if (matches(name) && await isFile(entry, at)) {
        yield { path: at, name, unsure: entry.isSymbolicLink() || name.includes(UNREADABLE) }
      }
    }
  }
  // the store's folder is told by its real path, and so is everything below this one
  const real = await realpath(folder)
  for await (const { path, ...file } of walk(real, '')) yield { ...file, path: join(folder, path.slice(real.length)) }
}

/** In pages; the folder is closed whatever happens. */
const entriesOf = async function * (path: string, signal: AbortSignal): AsyncGenerator<Dirent, void, undefined> {
  try {
    for await (const entry of await opendir(path, { bufferSize: 1024 })) {
      signal.throwIfAborted()
      yield entry
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof Error) || !('syscall' in error)) throw error
    throw classifyNodeError(error, `folder cannot be read; path=${path}`)
  }
}

const isFile = async (entry: Dirent, path: string): Promise<boolean> => {
  if (!entry.isSymbolicLink()) return entry.isFile()
  try {
    return (await stat(path)).isFile()
  } catch {
    return true // a link that leads nowhere is said to do so when it is added
  }
}
