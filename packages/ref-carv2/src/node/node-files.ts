/** Files of this computer that references may name. */
import { realpath, stat } from 'node:fs/promises'
import type { ByteSource } from '@dagstore/io'
import { classifyNodeError, openFileSource } from '@dagstore/io/node'
import { RefCarError } from '../errors.ts'
import type { ReferencedFiles } from '../referenced-files.ts'

export interface NodeReferencedFilesOptions {
  /** Files, and folders with all that is below them. `'all'`: whatever this process may read. */
  readonly allow: readonly string[] | 'all'
}

/**
 * Opens a file if, symbolic links resolved, it is one of `allow` or below one of them. What is opened is compared with
 * what was looked at, so that a link put in its place meanwhile leads to nothing.
 */
export const nodeReferencedFiles = ({ allow }: NodeReferencedFilesOptions): ReferencedFiles => {
  const isAllowed = async (path: string): Promise<boolean> => {
    if (allow === 'all') return true
    for (const folder of allow) {
      // resolved each time: what is allowed may be made later
      const real = await realpath(folder).catch(() => undefined)
      if (real !== undefined && (path === real || path.startsWith(real.endsWith('/') ? real : `${real}/`))) return true
    }
    return false
  }
  const resolved = async (path: string): Promise<string> => {
    try {
      return await realpath(path)
    } catch (error) {
      throw classifyNodeError(error, `open; path=${path}`)
    }
  }
  const forbidden = (path: string): RefCarError => new RefCarError('REF_CAR_FORBIDDEN', `reference into a file that is not to be read; path=${JSON.stringify(path)}`)
  return {
    open: async (path, { signal } = {}) => {
      signal?.throwIfAborted()
      // whether a file is there is not told of one that is not to be read
      if (allow !== 'all' && !await isAllowed(await nearest(path))) throw forbidden(path)
      const real = await resolved(path)
      if (!await isAllowed(real)) throw forbidden(path)
      const source = await openFileSource(real, { signal, label: path })
      try {
        if (allow === 'all' || (await resolved(real) === real && await isSame(real, source))) return source
      } catch (error) {
        await source.close()
        throw error
      }
      await source.close()
      throw forbidden(path)
    },
  }
}

const isSame = async (path: string, { identity }: ByteSource): Promise<boolean> => identity.kind === 'file' && (await stat(path, { bigint: true })).ino === identity.inode

/** The path with as much of it resolved as there is. */
const nearest = async (path: string): Promise<string> => {
  for (let [head, tail] = [path, '']; head !== ''; [head, tail] = [head.slice(0, head.lastIndexOf('/')), `${head.slice(head.lastIndexOf('/'))}${tail}`]) {
    const real = await realpath(head).catch(() => undefined)
    if (real !== undefined) return `${real === '/' ? '' : real}${tail}`
  }
  return path
}
