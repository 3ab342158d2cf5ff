/// <reference lib="esnext.disposable" preserve="true" />
/** A file that is being written, read as a source: only while nothing in the range that is read changes. */
import type { ByteSource, CallOptions, WritableFile } from '@dagstore/io'

/** As long as the file is now; closing it does not close the file. */
export const sourceOfFile = (file: WritableFile): ByteSource => {
  const { sizeBytes } = file
  const close = async (): Promise<void> => {}
  return {
    sizeBytes,
    identity: { kind: 'file', sizeBytes, mtimeNs: 0n, inode: 0n },
    cost: { kind: 'local', seekBytes: 1 << 14 },
    read: async (at: number, length: number, { signal }: CallOptions = {}) => {
      signal?.throwIfAborted()
      return file.read(at, length)
    },
    peek: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
}
