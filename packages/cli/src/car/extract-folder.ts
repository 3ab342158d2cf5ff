/** Extracted files below a directory: each whole or not at all, none over another, nothing outside. */
import { lstat, mkdir, rm, symlink } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import { IoError } from '@dagstore/io'
import { classifyNodeError, openDirectory } from '@dagstore/io/node'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { aboutFile } from '../commands/files.ts'
import { CommandError } from '../failure.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type ExtractTarget, fileContent } from './extract-target.ts'
import type { Output } from './output.ts'

export const openFolderTarget = (store: Pick<ReadBlockstore, 'get'>, output: Output, terminal: Terminal, onBytes: (done: number) => void): ExtractTarget => {
  const label = (names: readonly string[]): string => join(output.label, ...names)
  /** Made, or there as a real directory: a link would lead what follows elsewhere. */
  const folder = async (names: readonly string[]): Promise<string> => {
    await real(output.path, output.label, true)
    let path = output.path
    for (const [i, name] of names.entries()) {
      path = join(path, checkName(name, names))
      await real(path, label(names.slice(0, i + 1)), false)
    }
    return path
  }
  /** Free, or freed by force. */
  const place = async (names: readonly string[]): Promise<{ readonly parent: string, readonly name: string }> => {
    const parent = await folder(names.slice(0, -1))
    const name = checkName(names.at(-1) ?? '', names)
    const found = await kindOf(join(parent, name))
    if (found === undefined) return { parent, name }
    if (!output.force || found === 'directory') throw new IoError('IO_EXISTS', 'is there already')
    if (found === 'other') await rm(join(parent, name))
    return { parent, name }
  }
  return {
    directory: async (names) => { await aboutFile(printable(label(names)), () => folder(names)) },
    file: async (cid, names) => {
      const at = printable(label(names))
      const { parent, name } = await aboutFile(at, () => place(names))
      await aboutFile(at, () => openDirectory(parent).writeAtomic(name, fileContent(store, cid, terminal.signal, onBytes), { signal: terminal.signal }))
      return label(names)
    },
    link: async (target, names) => {
      const at = printable(label(names))
      checkLink(target, names)
      const { parent, name } = await aboutFile(at, () => place(names))
      if (output.force) await rm(join(parent, name), { force: true })
      await aboutFile(at, () => symlink(target, join(parent, name)))
      return label(names)
    },
  }
}

const kindOf = async (path: string): Promise<'file' | 'directory' | 'other' | undefined> => {
  try {
    const found = await lstat(path)
    return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other'
  } catch (error) {
    const known = classifyNodeError(error, 'looking at it failed')
    if (known.code === 'IO_NOT_FOUND') return undefined
    throw known
  }
}

/** @param follow - the directory that the user named may be a link */
const real = async (path: string, label: string, follow: boolean): Promise<void> => {
  const found = await kindOf(path)
  if (found === undefined) {
    await mkdir(path, { recursive: true })
  } else if (found !== 'directory' && !follow) {
    throw new CommandError('COMMAND_REFUSED', `${printable(label)}: path attempts to redirect through something that is no directory`)
  }
}

const checkName = (name: string, names: readonly string[]): string => {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/u.test(name) || (sep === '\\' && name.includes(':'))) {
    throw new CommandError('COMMAND_REFUSED', `name cannot be a file name: ${printable(JSON.stringify(name))} in ${printable(`/${names.slice(0, -1).join('/')}`)}`)
  }
  return name
}

/** Up through the folders it stands in, then down; never out of what is extracted. */
const checkLink = (target: string, names: readonly string[]): void => {
  const parts = target.split(sep === '\\' ? /[/\\]/u : '/').filter((part) => part !== '' && part !== '.')
  const down = parts.findIndex((part) => part !== '..')
  const ups = down < 0 ? parts.length : down
  if (target !== '' && !isAbsolute(target) && ups < names.length && !parts.includes('..', ups)) return
  throw new CommandError('COMMAND_REFUSED', `link leads out of the directory: ${printable(`/${names.join('/')}`)} to ${printable(target)}`)
}
