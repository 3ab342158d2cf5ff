/** Which places of this computer may be read, symbolic links resolved. */
import { realpath } from 'node:fs/promises'
import { classifyNodeError } from '@dagstore/io/node'
import { RefCarError } from '../errors.ts'

export interface AllowedPaths {
  /**
   * Where a path leads to, if that is one of those that may be read, or below one.
   *
   * @throws {RefCarError} `REF_CAR_FORBIDDEN`: it is none, whether anything is there or not
   * @throws {IoError} `IO_NOT_FOUND`, …: it may be read, and is not there
   */
  resolve(path: string): Promise<string>
}

/** @param allow - files, and folders with all that is below them. `'all'`: whatever this process may read */
export const allowedPaths = (allow: readonly string[] | 'all'): AllowedPaths => {
  const isAllowed = async (path: string): Promise<boolean> => {
    if (allow === 'all') return true
    for (const folder of allow) {
      // resolved each time: what is allowed may be made later
      const real = await realpath(folder).catch(() => undefined)
      if (real !== undefined && (path === real || path.startsWith(real.endsWith('/') ? real : `${real}/`))) return true
    }
    return false
  }
  return {
    resolve: async (path) => {
      // whether a file is there is not told of one that is not to be read
      if (allow !== 'all' && !await isAllowed(await nearest(path))) throw forbiddenPath(path)
      let real: string
      try {
        real = await realpath(path)
      } catch (error) {
        throw classifyNodeError(error, `open; path=${path}`)
      }
      if (!await isAllowed(real)) throw forbiddenPath(path)
      return real
    },
  }
}

export const forbiddenPath = (path: string): RefCarError => new RefCarError('REF_CAR_FORBIDDEN', `a file that is not to be read; path=${JSON.stringify(path)}`)

/** The path with as much of it resolved as there is. */
const nearest = async (path: string): Promise<string> => {
  for (let [head, tail] = [path, '']; head !== ''; [head, tail] = [head.slice(0, head.lastIndexOf('/')), `${head.slice(head.lastIndexOf('/'))}${tail}`]) {
    const real = await realpath(head).catch(() => undefined)
    if (real !== undefined) return `${real === '/' ? '' : real}${tail}`
  }
  return path
}
