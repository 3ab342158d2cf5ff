/**
 * Files that were given as copies. The record, one JSON document:
 *
 *     { "dagcopy-adoption": 1, "key", "generation", "mode", "path", "identity" }
 *
 * `path` is what was given (`borrow`), or where the file was before (`move`, `link`); `identity` is that of the file then.
 */
import { type ByteSource, type CallOptions, compareIdentity, type Directory, IoError, type SourceIdentity } from '@dagstore/io'
import type { CopyOwner } from './copy-trailer.ts'
import { bigintsAsText, countIn, fieldsOf, parseIdentity, textIn } from './identity-json.ts'
import { readJson } from './read-json.ts'

/** `borrow`: read where it is, never changed or deleted. `move`: it becomes ours. `link`: a second name of it becomes ours. */
export type AdoptMode = 'borrow' | 'move' | 'link'

/** Files outside of the directory of copies, by paths that only this port understands. */
export interface LocalFiles {
  /** How the path is written down: below the store's root relative to that, so that a moved root works. */
  recorded(path: string): string
  /** @param path - as recorded. @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED` (also: not a regular file) */
  open(path: string, options?: CallOptions): Promise<ByteSource>
  /** Durable on return: the file has the name `name` in the directory of copies, and not its old one. @throws {IoError} `IO_SOURCE_CHANGED`: it was written to meanwhile */
  move(path: string, name: string): Promise<void>
  /** As `move`, and it keeps its old name; a copy where there can be no second name. @throws {IoError} */
  link(path: string, name: string): Promise<void>
}

export interface Adoption extends CopyOwner {
  readonly mode: AdoptMode
  readonly path: string
  readonly identity: SourceIdentity
}

const VERSION = 'dagcopy-adoption'

export const writeAdoption = async (directory: Directory, name: string, { key, generation, mode, path, identity }: Adoption): Promise<number> => {
  const json = JSON.stringify({ [VERSION]: 1, key, generation, mode, path, identity }, bigintsAsText)
  return (await directory.writeAtomic(name, [new TextEncoder().encode(`${json}\n`)])).sizeBytes
}

/** `undefined`: there is none, or not what is written here. */
export const readAdoption = async (directory: Directory, name: string, options: CallOptions = {}): Promise<Adoption | undefined> => {
  const fields = fieldsOf(await readJson(directory, name, options))
  if (fields.get(VERSION) !== 1) return undefined
  try {
    const mode = fields.get('mode')
    const identity = parseIdentity(fields.get('identity'))
    if (identity === undefined || (mode !== 'borrow' && mode !== 'move' && mode !== 'link')) return undefined
    return { key: textIn(fields, 'key'), generation: countIn(fields, 'generation'), mode, path: textIn(fields, 'path'), identity }
  } catch {
    return undefined
  }
}

/** The file that was given; `undefined` when it has vanished, or is not what it was. */
export const openAdopted = async (adoption: Adoption, name: string, directory: Directory, files: LocalFiles | undefined, options: CallOptions): Promise<ByteSource | undefined> => {
  let source: ByteSource
  try {
    if (adoption.mode !== 'borrow') source = await directory.openSource(name, options)
    else if (files === undefined) return undefined
    else source = await files.open(adoption.path, options)
  } catch (error) {
    if (error instanceof IoError && (adoption.mode === 'borrow' || error.code === 'IO_NOT_FOUND')) return undefined
    throw error
  }
  // a file that is ours alone may have got another inode on its way; others may be written to by their owner
  const verdict = compareIdentity(adoption.identity, source.identity)
  if (verdict === 'same' || (verdict === 'unknown' && adoption.mode === 'move')) return source
  await source.close()
  return undefined
}
