/// <reference lib="esnext.disposable" preserve="true" />
/** Very many files with few descriptors: those used longest ago are closed, and opened again by name when they are read. */
import { IoError } from '../errors.ts'
import { createFileSource, type FileSource, type OpenFileOptions } from './file-source.ts'
import { PooledFile } from './pooled-file.ts'
import { ReadQueue } from './read-queue.ts'
import { SlotQueue } from './slot-queue.ts'

export interface FilePoolOptions {
  /** Descriptors open at a time, at least 1. @default 256 */
  readonly maxOpen?: number
  /** Reads under way at a time, at least 1; further ones wait, and the files take turns. @default 64 */
  readonly maxReads?: number
}

export interface FilePool extends AsyncDisposable {
  /** Descriptors that are open, or about to be. */
  readonly openFiles: number
  /**
   * As `openFileSource`, but the descriptor may be closed while nothing is read. Opened again by name it must be the file it
   * was: a read rejects with `IO_SOURCE_CHANGED` when size, time or inode are others, with `IO_SOURCE_LOST` when it cannot
   * be opened. A blocking read of a file whose descriptor is closed opens it for that read alone, beside `maxOpen`.
   */
  openSource(path: string, options?: OpenFileOptions): Promise<FileSource>
  /** Closes every source that was opened here; reads under way finish. Idempotent. @throws {IoError} `IO_FAILED` */
  close(): Promise<void>
}

/**
 * A pool of descriptors for sources that may all be open at once, however many they are.
 *
 * @throws {RangeError} an option that is no whole number from 1
 */
export const createFilePool = (options: FilePoolOptions = {}): FilePool => {
  const { maxOpen = 256, maxReads = 64 } = options
  for (const [name, value] of Object.entries({ maxOpen, maxReads })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}; want=whole number from 1 got=${value}`)
  }
  const slots = new SlotQueue<PooledFile>(maxOpen)
  const reads = new ReadQueue(maxReads)
  const files = new Set<PooledFile>()
  let closing: Promise<void> | undefined

  const openSource = async (path: string, { label = path, signal }: OpenFileOptions = {}): Promise<FileSource> => {
    if (closing !== undefined) throw new IoError('IO_CLOSED', 'pool of files is closed')
    const file = new PooledFile(path, label, { slots, reads, forget: () => { files.delete(file) } })
    files.add(file)
    try {
      return createFileSource(file, await file.open({ signal }))
    } catch (error) {
      // whoever withdrew does not wait until the file is open; closing the pool does
      file.close().catch(() => {}) // nothing was written to it
      throw error
    }
  }
  const close = (): Promise<void> => closing ??= (async () => {
    const failed = (await Promise.allSettled([...files].map((file) => file.close()))).find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  })()
  return { get openFiles () { return slots.taken }, openSource, close, [Symbol.asyncDispose]: close }
}
