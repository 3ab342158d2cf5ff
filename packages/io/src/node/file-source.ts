/// <reference lib="esnext.disposable" preserve="true" />
/** A file on disk as a source. */
import { constants } from 'node:fs'
import type { BlockingSource } from '../byte-source.ts'
import type { CallOptions } from '../calls.ts'
import { IoError } from '../errors.ts'
import type { SourceIdentity } from '../identity.ts'
import { checkRange } from '../memory.ts'
import { type Descriptor, type FileFacts, openDescriptor } from './descriptor.ts'
import { retryOf } from './errors.ts'

/** Reading through a gap of this length costs about as much as another call. */
const SEEK_BYTES = 16 * 1024

/**
 * Open a regular file for reading; symbolic links are followed. The source stays on the file that was opened, even when the
 * name is given to another one. Its identity is of kind `file`. Reads that end short because the file was cut reject with
 * `IO_TRUNCATED`; a file rewritten in place is not noticed.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED` (also: a folder, fifo, socket or device)
 */
export const openFileSource = async (path: string, options: CallOptions = {}): Promise<BlockingSource> => {
  const { source } = await openSource(path, path, options)
  return source
}

/** As {@link openFileSource}, with the name for messages and the open file itself. */
export const openSource = async (path: string, label: string, { signal }: CallOptions): Promise<{ readonly source: BlockingSource, readonly file: Descriptor, readonly stat: FileFacts }> => {
  signal?.throwIfAborted()
  const { file, stat } = await openDescriptor(path, label, constants.O_RDONLY)
  if (signal?.aborted === true) {
    await file.close()
    throw signal.reason
  }
  return { source: createFileSource(file, stat), file, stat }
}

const createFileSource = (file: Descriptor, stat: FileFacts): BlockingSource => {
  const sizeBytes = Number(stat.size)
  const identity: SourceIdentity = { kind: 'file', sizeBytes, mtimeNs: stat.mtimeNs, inode: stat.ino }
  const lost = (error: unknown, at: number): unknown => error instanceof IoError
    ? error
    : new IoError('IO_SOURCE_LOST', `read failed; path=${file.label} at=${at}`, { cause: error, retry: retryOf(error), offset: at })
  const checkLength = (at: number, got: number, wanted: number): void => {
    if (got < wanted) throw new IoError('IO_TRUNCATED', `file became shorter; path=${file.label} at=${at} want=${wanted} got=${got}`, { offset: at + got })
  }
  const close = (): Promise<void> => file.close()
  return {
    sizeBytes,
    identity,
    cost: { kind: 'local', seekBytes: SEEK_BYTES },
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      file.check()
      checkRange(at, length, sizeBytes)
      if (length === 0) return new Uint8Array(0)
      let bytes: Uint8Array
      try {
        bytes = await file.read(at, length)
      } catch (error) {
        throw lost(error, at)
      }
      signal?.throwIfAborted()
      checkLength(at, bytes.byteLength, length)
      return bytes
    },
    readSync: (at, into) => {
      file.check()
      const wanted = Math.min(into.byteLength, Math.max(0, sizeBytes - at))
      checkRange(at, wanted, sizeBytes)
      let got: number
      try {
        got = file.readSync(at, into.subarray(0, wanted))
      } catch (error) {
        throw lost(error, at)
      }
      checkLength(at, got, wanted)
      return got
    },
    peek: (at, length) => {
      file.check()
      checkRange(at, length, sizeBytes)
      return undefined
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
