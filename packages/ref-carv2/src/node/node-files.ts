/** Files of this computer that references may name. */
import { stat } from 'node:fs/promises'
import type { ByteSource } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import type { ReferencedFiles } from '../referenced-files.ts'
import { allowedPaths, forbiddenPath } from './allowed-paths.ts'

export interface NodeReferencedFilesOptions {
  /** Files, and folders with all that is below them. `'all'`: whatever this process may read. */
  readonly allow: readonly string[] | 'all'
}

/**
 * Opens a file if, symbolic links resolved, it is one of `allow` or below one of them. What is opened is compared with
 * what was looked at, so that a link put in its place meanwhile leads to nothing.
 */
export const nodeReferencedFiles = ({ allow }: NodeReferencedFilesOptions): ReferencedFiles => {
  const allowed = allowedPaths(allow)
  return {
    open: async (path, { signal } = {}) => {
      signal?.throwIfAborted()
      const real = await allowed.resolve(path)
      const source = await openFileSource(real, { signal, label: path })
      try {
        if (allow === 'all' || (await allowed.resolve(real) === real && await isSame(real, source))) return source
      } catch (error) {
        await source.close()
        throw error
      }
      await source.close()
      throw forbiddenPath(path)
    },
  }
}

const isSame = async (path: string, { identity }: ByteSource): Promise<boolean> => identity.kind === 'file' && (await stat(path, { bigint: true })).ino === identity.inode
