/// <reference lib="esnext.disposable" preserve="true" />
/** A file that is being written, read as a source: only while nothing in the range that is read changes. */
import type { ByteSource } from './byte-source.ts'
import type { WritableFile } from './writable-file.ts'

/** Reading through a gap of this length costs about as much as another call. */
const SEEK_BYTES = 1 << 14

/** The bytes up to `sizeBytes`. Closing it leaves the file open. @param sizeBytes @default as long as the file is now */
export const sourceOfFile = (file: WritableFile, sizeBytes: number = file.sizeBytes): ByteSource => {
  const close = async (): Promise<void> => {}
  return {
    sizeBytes,
    identity: { kind: 'file', sizeBytes, mtimeNs: 0n, inode: 0n },
    cost: { kind: 'local', seekBytes: SEEK_BYTES },
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      return file.read(at, length)
    },
    peek: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
}
