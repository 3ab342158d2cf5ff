/**
 * Extracted files below a directory: each whole or not at all, none over another, nothing outside. They are not synced one by one:
 * what a power cut takes can be extracted again. Calls block: for thousands of small files that is several times faster.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { isAbsolute, join, sep } from 'node:path'
import { IoError } from '@dagstore/io'
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
  const folder = (names: readonly string[]): string => {
    real(output.path, output.label, true)
    let path = output.path
    for (const [i, name] of names.entries()) {
      path = join(path, checkName(name, names))
      real(path, label(names.slice(0, i + 1)), false)
    }
    return path
  }
  /** Free, or freed by force. */
  const place = (names: readonly string[]): { readonly parent: string, readonly name: string } => {
    const parent = folder(names.slice(0, -1))
    const name = checkName(names.at(-1) ?? '', names)
    const found = kindOf(join(parent, name))
    if (found === undefined) return { parent, name }
    if (!output.force || found === 'directory' || found === 'other') throw new IoError('IO_EXISTS', 'is there already')
    if (found === 'link') rmSync(join(parent, name))
    return { parent, name }
  }
  return {
    directory: async (names) => { await aboutFile(printable(label(names)), async () => folder(names)) },
    file: async (cid, names) => {
      const at = printable(label(names))
      const { parent, name } = await aboutFile(at, async () => place(names))
      await writeFile(parent, name, at, fileContent(store, cid, terminal.signal, onBytes))
      return label(names)
    },
    link: async (target, names) => {
      const at = printable(label(names))
      checkLink(target, names)
      const { parent, name } = await aboutFile(at, async () => place(names))
      await aboutFile(at, async () => {
        if (output.force) rmSync(join(parent, name), { force: true })
        symlinkSync(target, join(parent, name))
      })
      return label(names)
    },
  }
}

/** Failures of the disk name the file; those of the content are the CAR's. */
const writeFile = async (parent: string, name: string, label: string, content: AsyncIterable<Uint8Array>): Promise<void> => {
  const disk = <T>(work: () => T): Promise<T> => aboutFile(label, async () => work())
  const draft = join(parent, `.extract.${randomBytes(8).toString('hex')}.tmp`)
  const file = await disk(() => openSync(draft, 'wx'))
  try {
    try {
      for await (const chunk of content) {
        await disk(() => {
          for (let at = 0; at < chunk.byteLength;) at += writeSync(file, chunk, at)
        })
      }
    } finally {
      closeSync(file)
    }
    await disk(() => { renameSync(draft, join(parent, name)) })
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

const kindOf = (path: string): 'file' | 'directory' | 'link' | 'other' | undefined => {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (found.isSymbolicLink()) return 'link'
  return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other'
}

/** @param follow - the directory that the user named may be a link */
const real = (path: string, label: string, follow: boolean): void => {
  const found = kindOf(path)
  if (found === undefined) {
    mkdirSync(path, { recursive: true })
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
