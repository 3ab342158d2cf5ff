/// <reference lib="esnext.disposable" preserve="true" />
/** A file on disk as a source. */
import { constants } from 'node:fs'
import type { BlockingSource } from '../byte-source.ts'
import type { CallbackSource, ReadDone } from '../callback-source.ts'
import type { CallOptions } from '../calls.ts'
import { IoError } from '../errors.ts'
import type { SourceIdentity } from '../identity.ts'
import type { FillingSource } from '../filling-source.ts'
import { checkRange, lengthUpTo } from '../memory.ts'
import { type Descriptor, type FileFacts, openDescriptor, settling } from './descriptor.ts'
import { retryOf } from './errors.ts'

/** Reading through a gap of this length costs about as much as another call. */
const SEEK_BYTES = 16 * 1024

/** What files on disk are. */
export type FileSource = BlockingSource & CallbackSource & FillingSource

export interface OpenFileOptions extends CallOptions {
  /** Names the file in messages. @default the path as given */
  readonly label?: string | undefined
}

/**
 * Open a regular file for reading; symbolic links are followed. The source stays on the file that was opened, even when the
 * name is given to another one, and holds one descriptor until it is closed; for very many files see `createFilePool`. Its
 * identity is of kind `file`. Reads that end short because the file was cut reject with `IO_TRUNCATED`; a file rewritten in
 * place is not noticed.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED` (also: a folder, fifo, socket or device)
 */
export const openFileSource = async (path: string, options: OpenFileOptions = {}): Promise<FileSource> => {
  const { source } = await openSource(path, options.label ?? path, options)
  return source
}

/** As {@link openFileSource}, with the name for messages and the open file itself. @param options.isOurs - as `openDescriptor` has it */
export const openSource = async (path: string, label: string, { signal, isOurs = false }: CallOptions & { readonly isOurs?: boolean }): Promise<{ readonly source: FileSource, readonly file: Descriptor, readonly stat: FileFacts }> => {
  signal?.throwIfAborted()
  const { file, stat } = await openDescriptor(path, label, constants.O_RDONLY, { isOurs })
  if (signal?.aborted === true) {
    await file.close()
    throw signal.reason
  }
  return { source: createFileSource(file, stat), file, stat }
}

/** An open file, or one that is opened when it is read. */
export interface ReadableFile {
  readonly label: string
  /** @throws {IoError} `IO_CLOSED` */
  check(): void
  /** As `Descriptor.fetch`. */
  fetch(at: number, length: number, done: ReadDone, signal?: AbortSignal, into?: Uint8Array): void
  readSync(at: number, into: Uint8Array): number
  close(): Promise<void>
}

export const identityOf = (stat: FileFacts): SourceIdentity & { readonly kind: 'file' } =>
  ({ kind: 'file', sizeBytes: Number(stat.size), mtimeNs: stat.mtimeNs, inode: stat.ino })

export const createFileSource = (file: ReadableFile, stat: FileFacts): FileSource => {
  const identity = identityOf(stat)
  const { sizeBytes } = identity
  const lost = (error: unknown, at: number): unknown => error instanceof IoError
    ? error
    : new IoError('IO_SOURCE_LOST', `read failed; path=${file.label} at=${at}`, { cause: error, retry: retryOf(error), offset: at })
  const truncated = (at: number, got: number, wanted: number): IoError =>
    new IoError('IO_TRUNCATED', `file became shorter; path=${file.label} at=${at} want=${wanted} got=${got}`, { offset: at + got })
  const close = (): Promise<void> => file.close()
  const readThen = (at: number, length: number, done: ReadDone, signal?: AbortSignal, into?: Uint8Array): void => {
    file.check()
    checkRange(at, length, sizeBytes)
    if (length === 0) return queueMicrotask(() => { done(undefined, new Uint8Array(0)) })
    file.fetch(at, length, (error, bytes) => {
      if (bytes === undefined) done(signal?.aborted === true ? signal.reason : lost(error, at), undefined)
      else if (bytes.byteLength < length) done(truncated(at, bytes.byteLength, length), undefined)
      else done(undefined, bytes)
    }, signal, into)
  }
  return {
    sizeBytes,
    identity,
    cost: { kind: 'local', seekBytes: SEEK_BYTES },
    read: (at, length, options) => new Promise((resolve, reject) => {
      const signal = options?.signal
      signal?.throwIfAborted()
      readThen(at, length, settling(resolve, reject), signal)
    }),
    readThen: (at, length, done) => readThen(at, length, done),
    readInto: (at, into, options) => new Promise((resolve, reject) => {
      const signal = options?.signal
      signal?.throwIfAborted()
      const wanted = lengthUpTo(sizeBytes, at, into)
      readThen(at, wanted, settling(() => { resolve(wanted) }, reject), signal, into.subarray(0, wanted))
    }),
    readSync: (at, into) => {
      file.check()
      const wanted = lengthUpTo(sizeBytes, at, into)
      checkRange(at, wanted, sizeBytes)
      let got: number
      try {
        got = file.readSync(at, wanted === into.byteLength ? into : into.subarray(0, wanted))
      } catch (error) {
        throw lost(error, at)
      }
      if (got < wanted) throw truncated(at, got, wanted)
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
