/// <reference lib="esnext.disposable" preserve="true" />
/** A file under construction seen as a source, so that it can be scanned; for use while nothing writes to it. */
import type { ByteSource, WritableFile } from '@dagstore/io'

/** The bytes up to `sizeBytes`. Closing it leaves the file open. */
export const createFileSource = (file: WritableFile, sizeBytes: number): ByteSource => {
  const close = async (): Promise<void> => {}
  return {
    sizeBytes,
    identity: { kind: 'file', sizeBytes, mtimeNs: 0n, inode: 0n },
    cost: { kind: 'local', seekBytes: 1 << 16 },
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      return file.read(at, length)
    },
    peek: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
}
