/** The file mount on Node's file system. */
import { stat } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { IoError } from '@dagstore/io'
import { classifyNodeError, openFileSource } from '@dagstore/io/node'
import { fileMount as fileMountOn, type FilePort } from './file-mount.ts'
import type { MountFactory } from './mount.ts'

export interface NodeFileMountOptions {
  /** Absolute path of the folder that relative paths start from. Without it they are refused: a process may change folders. */
  readonly root?: string
}

/** Scheme `file`, on the files of this machine, read-only. Symbolic links are followed. @throws {TypeError} `root` is not absolute */
export const fileMount = ({ root }: NodeFileMountOptions = {}): MountFactory => {
  if (root !== undefined && !isAbsolute(root)) throw new TypeError('the root of a file mount is an absolute path')
  const at = (path: string): string => (root === undefined ? path : resolve(root, path))
  const port: FilePort = {
    open: (path, options) => openFileSource(at(path), { ...options, label: path }),
    stat: async (path) => {
      try {
        const found = await stat(at(path))
        if (!found.isFile()) throw new IoError('IO_FAILED', 'not a regular file')
        return { sizeBytes: found.size }
      } catch (error) {
        const known = classifyNodeError(error, 'stat')
        if (known.code === 'IO_NOT_FOUND') return undefined
        throw known
      }
    },
  }
  return fileMountOn(port, { relativePaths: root === undefined ? 'refuse' : 'accept' })
}
