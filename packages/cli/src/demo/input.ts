/** What a PATH of the demo is: a file, a directory, or a CAR, and by which fingerprint it is known again. */
import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { PRAGMA } from '@dagstore/carv2'
import { classifyNodeError } from '@dagstore/io/node'
import { CommandError } from '../failure.ts'

export interface DemoInput {
  /** As the user gave it. */
  readonly path: string
  readonly absolutePath: string
  readonly kind: 'file' | 'directory' | 'car'
  /** Of a directory: the folder of the store in it, name by name, which is not taken. */
  readonly leftOut: readonly string[] | undefined
  /** Bytes of the file, or of all files below the directory. */
  readonly sizeBytes: number
  /** Changes when size, times or names change; equal ones are taken for the same content. */
  readonly fingerprint: string
}

export interface InputPlace {
  /** Where relative paths start. */
  readonly cwd: string
  /** Folder of the store, which is no part of any input; it exists. */
  readonly storePath: string
  readonly signal: AbortSignal
}

/**
 * @throws {IoError} missing, unreadable, or neither file nor directory
 * @throws {CommandError} `COMMAND_REFUSED`: an empty path, or a directory of the store itself
 */
export const readInput = async (path: string, { cwd, storePath, signal }: InputPlace): Promise<DemoInput> => {
  if (path === '') throw new CommandError('COMMAND_REFUSED', 'the path is empty')
  const absolutePath = resolve(cwd, path)
  try {
    const facts = await stat(absolutePath, { bigint: true })
    if (facts.isDirectory()) {
      const leftOut = storeBelow(await realpath(absolutePath), await realpath(storePath))
      return { path, absolutePath, kind: 'directory', leftOut, ...await directoryFacts(absolutePath, leftOut, signal) }
    }
    if (!facts.isFile()) throw new TypeError('neither a file nor a directory')
    const kind = await looksLikeCar(absolutePath) ? 'car' : 'file'
    return { path, absolutePath, kind, leftOut: undefined, sizeBytes: Number(facts.size), fingerprint: fileFingerprint(facts) }
  } catch (error) {
    if (error instanceof TypeError || error instanceof CommandError || signal.aborted) throw error
    throw classifyNodeError(error, 'cannot be read')
  }
}

/** Whether the input is not any more what it was when it was looked at. */
export const hasChanged = async ({ absolutePath, kind, leftOut, fingerprint }: DemoInput, signal: AbortSignal): Promise<boolean> => {
  try {
    const now = kind === 'directory'
      ? (await directoryFacts(absolutePath, leftOut, signal)).fingerprint
      : fileFingerprint(await stat(absolutePath, { bigint: true }))
    return now !== fingerprint
  } catch {
    signal.throwIfAborted()
    return true // it can not even be looked at any more
  }
}

const fileFingerprint = ({ size, mtimeNs, ino }: BigIntStats): string => `${size}:${mtimeNs}:${ino}`

/** An import that took in its own store would never end. */
const storeBelow = (folder: string, store: string): readonly string[] | undefined => {
  if (isBelow(relative(store, folder))) throw new CommandError('COMMAND_REFUSED', 'is a folder of the store itself')
  const path = relative(folder, store)
  return isBelow(path) ? path.split(sep) : undefined
}

const isBelow = (path: string): boolean => path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)

/** By its name, or by the first bytes of a CARv2 file; any other CARv1 file has to be named `.car`. */
const looksLikeCar = async (path: string): Promise<boolean> => {
  const file = await open(path, 'r')
  try {
    if (/\.car$/i.test(path)) return true
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PRAGMA.byteLength), 0, PRAGMA.byteLength, 0)
    return bytesRead === PRAGMA.byteLength && buffer.equals(PRAGMA)
  } finally {
    await file.close()
  }
}

/** One hash over path, size and time of everything below. Names are taken as bytes: what may not be in one, the import says. */
const directoryFacts = async (folder: string, leftOut: readonly string[] | undefined, signal: AbortSignal): Promise<{ sizeBytes: number, fingerprint: string }> => {
  const hash = createHash('sha256')
  const skipped = leftOut === undefined ? undefined : Buffer.from(leftOut.join('/'))
  let sizeBytes = 0
  const walk = async (dir: Buffer, prefix: Buffer): Promise<void> => {
    signal.throwIfAborted()
    for (const name of (await readdir(dir, { encoding: 'buffer' })).sort((a, b) => Buffer.compare(a, b))) {
      const path = Buffer.concat([prefix, name])
      if (skipped?.equals(path) === true) continue
      const at = Buffer.concat([dir, Buffer.from(sep), name])
      hash.update(path).update('\0')
      try {
        const facts = await lstat(at, { bigint: true })
        if (facts.isDirectory()) {
          await walk(at, Buffer.concat([path, Buffer.from('/')]))
        } else {
          hash.update(`${fileFingerprint(facts)}\0`)
          sizeBytes += Number(facts.size)
        }
      } catch (error) {
        if (signal.aborted) throw error
        throw classifyNodeError(error, `cannot be read; path=${path.toString()}`)
      }
    }
  }
  await walk(Buffer.from(folder), Buffer.alloc(0))
  return { sizeBytes, fingerprint: hash.digest('hex') }
}
