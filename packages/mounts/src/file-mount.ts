/** Files behind a small port, so that the same mount works on a disk, in a browser's file system and in tests. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { MountError, toMountError } from './errors.ts'
import { filePath, fileUrl } from './file-url.ts'
import { absent, type Mount, type MountFactory } from './mount.ts'

/** What the mount needs of files; `path` is what `fileUrl` was given. */
export interface FilePort {
  /** The caller closes the source. @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED` (also: not a regular file) */
  open(path: string, options?: CallOptions): Promise<ByteSource>
  /** `undefined`: nothing has that path. @throws {IoError} `IO_FORBIDDEN`, `IO_FAILED` (also: not a regular file) */
  stat(path: string, options?: CallOptions): Promise<{ readonly sizeBytes: number } | undefined>
}

export interface FileMountOptions {
  /** `refuse` where the port knows nothing that a path could be relative to. @default 'accept' */
  readonly relativePaths?: 'accept' | 'refuse'
}

/** Scheme `file`. Random access, read in place; what `open` gives has the identity that the port's source has. */
export const fileMount = (files: FilePort, { relativePaths = 'accept' }: FileMountOptions = {}): MountFactory => ({
  scheme: 'file',
  mount: (url) => {
    const path = filePath(url)
    if (relativePaths === 'refuse' && !path.startsWith('/')) throw new MountError('MOUNT_BAD_URL', 'file URL with a relative path; an absolute one has three slashes: file:///')
    return mountFile(files, path)
  },
})

const mountFile = (files: FilePort, path: string): Mount => ({
  url: fileUrl(path),
  stat: async (options = {}) => {
    options.signal?.throwIfAborted()
    try {
      const found = await files.stat(path, options)
      options.signal?.throwIfAborted()
      return found === undefined ? absent('random') : { exists: true, sizeBytes: found.sizeBytes, ready: true, access: 'random' }
    } catch (error) {
      const mapped = toMountError(error, 'stat of a file')
      if (mapped instanceof MountError && mapped.code === 'MOUNT_MISSING') return absent('random')
      throw mapped
    }
  },
  open: async (options = {}) => {
    options.signal?.throwIfAborted()
    let source: ByteSource
    try {
      source = await files.open(path, options)
    } catch (error) {
      throw toMountError(error, 'opening a file')
    }
    if (options.signal?.aborted === true) {
      await source.close()
      throw options.signal.reason
    }
    return { access: 'random', source }
  },
})
