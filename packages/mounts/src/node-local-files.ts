/** Files of this machine that are given as copies. */
import { copyFile, link, open, realpath, unlink } from 'node:fs/promises'
import { constants } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { DRAFTS } from '@dagstore/io'
import { compareIdentity, IoError, type SourceIdentity } from '@dagstore/io'
import { classifyNodeError, openDirectory, openFileSource } from '@dagstore/io/node'
import type { LocalFiles } from './adoption.ts'

export interface NodeLocalFilesOptions {
  /** Absolute path of the folder that the directory of copies is on. */
  readonly folder: string
  /** Absolute path of the folder that relative paths start from, and below which paths are recorded relative. @default none: paths are absolute */
  readonly root?: string
}

/** @throws {TypeError} a path that is not absolute */
export const localFiles = ({ folder, root }: NodeLocalFilesOptions): LocalFiles => {
  if (!isAbsolute(folder) || (root !== undefined && !isAbsolute(root))) throw new TypeError('folders of local files have absolute paths')
  const at = (path: string): string => {
    if (root !== undefined) return resolve(root, path)
    if (isAbsolute(path)) return path
    throw new TypeError('a relative path, and no root that it starts from')
  }
  /** Where the file is, links followed. @throws {IoError} `IO_FORBIDDEN`: what is ours already is nobody's to give */
  const outside = async (path: string): Promise<string> => {
    const real = await realpath(at(path)).catch((error: unknown) => { throw classifyNodeError(error, 'a local file could not be found') })
    const home = await realpath(folder).catch(() => folder) // not made yet
    if (real.startsWith(join(home, sep))) throw new IoError('IO_FORBIDDEN', 'a file of the folder of copies cannot be given as one')
    return real
  }
  /** As `work` does it under a temporary name, then whole under `name`. */
  const place = async (path: string, name: string, work: (from: string, to: string) => Promise<void>): Promise<void> => {
    const directory = openDirectory(folder)
    const slash = name.lastIndexOf('/') + 1
    // a temporary name, which whoever opens the folder next removes; nobody else takes over a file of this name now
    const temporary = `${DRAFTS}/${name.slice(0, slash)}.${name.slice(slash, slash + 40)}.0000000000000000.tmp`
    await directory.remove(temporary)
    // makes the folders on the way, durably
    await (await directory.openWritable(temporary, 'any')).close()
    await directory.remove(temporary)
    try {
      // the file itself: a link to it would point elsewhere from here
      await work(await outside(path), join(folder, temporary))
      await syncFile(join(folder, temporary))
      await directory.rename(temporary, name)
    } catch (error) {
      await directory.remove(temporary).catch(() => {}) // the first failure is the one to tell
      throw classifyNodeError(error, 'taking over a local file failed')
    }
  }
  const copy = (from: string, to: string): Promise<void> => copyFile(from, to, constants.COPYFILE_FICLONE)
  return {
    recorded: (path) => {
      const whole = at(path)
      const below = root === undefined ? '' : relative(root, whole)
      return below === '' || below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below) ? whole : below.split(sep).join('/')
    },
    open: async (path, options = {}) => {
      await outside(path)
      return openFileSource(at(path), { ...options, label: path })
    },
    link: (path, name) => place(path, name, (from, to) => link(from, to).catch((error: unknown) => {
      if (cannotLink(error)) return copy(from, to)
      throw error
    })),
    move: async (path, name) => {
      const from = at(path)
      const before = await identityOf(from)
      await place(path, name, (old, to) => link(old, to).catch((error: unknown) => {
        if (cannotLink(error)) return copy(old, to)
        throw error
      }))
      // it stands under its new name for good: only now the old one goes, unless that has got other bytes while it was copied
      if (compareIdentity(before, await identityOf(from)) !== 'same') {
        await openDirectory(folder).remove(name)
        throw new IoError('IO_SOURCE_CHANGED', 'a local file changed while it was taken over', { retry: 'later' })
      }
      try {
        await unlink(from)
        await syncFile(dirname(from)).catch(() => {}) // a name that comes back after a power cut harms nobody
      } catch (error) {
        throw classifyNodeError(error, 'the old name of a moved file could not be removed')
      }
    },
  }
}

/** Another file system, or one without hard links. */
const cannotLink = (error: unknown): boolean =>
  ['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(error instanceof Error && 'code' in error ? String(error.code) : '')

const identityOf = async (path: string): Promise<SourceIdentity> => {
  const file = await openFileSource(path)
  await file.close()
  return file.identity
}

const syncFile = async (path: string): Promise<void> => {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
