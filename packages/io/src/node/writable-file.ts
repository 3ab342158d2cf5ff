/// <reference lib="esnext.disposable" preserve="true" />
/** A file on disk that is written in place. */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { IoError } from '../errors.ts'
import { checkRange } from '../memory.ts'
import type { WritableFile } from '../writable-file.ts'
import { type Descriptor, openDescriptor } from './descriptor.ts'
import { classifyNodeError } from './errors.ts'
import { syncFolder } from './folders.ts'

const { O_CREAT, O_EXCL, O_RDWR } = fs.constants
const syncAll = promisify(fs.fsync)
const syncData = promisify(fs.fdatasync)
const cut = promisify(fs.ftruncate)

/**
 * Open a file for writing in place. `new`: it must not exist. `open`: it must. `any`: opened, or made empty. The name of a
 * new file is durable on return. The folder must exist.
 *
 * @param options.label - names the file in messages; default: the path as given
 * @throws {IoError} `IO_EXISTS` (mode `new`), `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FULL`, `IO_FAILED` (also: not a regular file)
 */
export const openWritableFile = (path: string, mode: 'new' | 'open' | 'any', options: { readonly label?: string | undefined } = {}): Promise<WritableFile> =>
  openWritable(path, options.label ?? path, mode)

/** As {@link openWritableFile}, with the name for messages. */
export const openWritable = async (path: string, label: string, mode: 'new' | 'open' | 'any'): Promise<WritableFile> => {
  for (let attempt = 1; ; attempt++) {
    if (mode !== 'new') {
      try {
        const { file, stat } = await openDescriptor(path, label, O_RDWR)
        return createWritable(file, Number(stat.size))
      } catch (error) {
        if (mode === 'open' || !isIoError(error, 'IO_NOT_FOUND')) throw error
      }
    }
    let file: Descriptor
    try {
      file = (await openDescriptor(path, label, O_RDWR | O_CREAT | O_EXCL, { createMode: 0o666 })).file
    } catch (error) {
      // somebody else made it between the two calls: open that one (a link to nothing also says that it exists)
      if (mode === 'any' && attempt < 3 && isIoError(error, 'IO_EXISTS')) continue
      throw error
    }
    try {
      await syncFolder(dirname(path), label)
    } catch (error) {
      await file.close()
      throw error
    }
    return createWritable(file, 0)
  }
}

const isIoError = (error: unknown, code: IoError['code']): boolean => error instanceof IoError && error.code === code

const createWritable = (file: Descriptor, size: number): WritableFile => {
  let sizeBytes = size
  /** The length changed since the last sync of the file's own record. */
  let resized = false

  const failed = (error: unknown, what: string): IoError => classifyNodeError(error, `${what} failed; path=${file.label}`)
  const resize = (to: number): void => {
    if (to !== sizeBytes) resized = true
    sizeBytes = to
  }
  const close = (): Promise<void> => file.close()
  return {
    get sizeBytes () {
      return sizeBytes
    },
    read: async (at, length) => {
      file.check()
      checkRange(at, length, sizeBytes)
      if (length === 0) return new Uint8Array(0)
      const bytes = await file.read(at, length).catch((error: unknown) => { throw failed(error, 'read') })
      if (bytes.byteLength === length) return bytes
      throw new IoError('IO_FAILED', `file became shorter; path=${file.label} at=${at} want=${length} got=${bytes.byteLength}`, { offset: at + bytes.byteLength })
    },
    write: async (at, bytes) => {
      file.check()
      const { byteLength } = bytes
      checkRange(at, byteLength, Number.MAX_SAFE_INTEGER)
      if (byteLength === 0) return
      try {
        await file.write(at, bytes)
      } catch (error) {
        // part of it may stand there
        const found = await file.stat().catch(() => undefined)
        if (found !== undefined) resize(Number(found.size))
        throw failed(error, 'write')
      }
      if (at + byteLength > sizeBytes) resize(at + byteLength)
    },
    truncate: async (to) => {
      file.check()
      checkRange(to, 0, Number.MAX_SAFE_INTEGER)
      await file.use((fd) => cut(fd, to)).catch((error: unknown) => { throw failed(error, 'truncate') })
      resize(to)
    },
    sync: async () => {
      const whole = resized
      resized = false
      try {
        await file.use(whole ? syncAll : syncData)
      } catch (error) {
        resized ||= whole
        throw failed(error, 'sync')
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
