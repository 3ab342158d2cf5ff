/** Copies of databases that others own: an engine that writes when it opens never sees the original. */
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { chmod, copyFile, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { CallOptions } from '@dagstore/io'
import { PieceStoreError } from '../errors.ts'

export interface CopyOptions extends CallOptions {
  /** Where the folder of the copy is made; it is removed again. @default the system's folder for temporary files */
  readonly tempFolder?: string | undefined
  /** A larger database is refused. @default 64 GiB */
  readonly maxCopyBytes?: number | undefined
}

export const COPY_DEFAULTS: Readonly<{ maxCopyBytes: number }> = Object.freeze({ maxCopyBytes: 64 * 2 ** 30 })

export interface FolderCopy {
  readonly folder: string
  /** Idempotent. */
  remove (): Promise<void>
}

/** Which files of a folder make the database, and which of them may grow while they are copied. */
export interface FilesToCopy {
  readonly from: string
  readonly isPart: (name: string) => boolean
  readonly mayGrow: (name: string) => boolean
}

interface Seen {
  readonly size: bigint
  readonly modified: bigint
  readonly inode: bigint
}

/** So often the copy is begun anew when its files change meanwhile. */
const ATTEMPTS = 5

/**
 * Copy the files to a folder of its own, readable by this user alone. Files that changed meanwhile make it begin anew.
 * Nothing is left behind when it fails or is withdrawn.
 *
 * @throws {PieceStoreError} `PIECE_STORE_FAILED`: cannot be read, too large, no room, or changing all the time
 */
export const copyForReading = async (files: FilesToCopy, { tempFolder = tmpdir(), maxCopyBytes = COPY_DEFAULTS.maxCopyBytes, signal }: CopyOptions): Promise<FolderCopy> => {
  signal?.throwIfAborted()
  const folder = await guard(signal, () => mkdtemp(join(tempFolder, 'dagstore-copy-')))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    for (let attempt = 1; ; attempt++) {
      const before = await guard(signal, () => look(files))
      if (before.size === 0) throw failed('no such database there')
      await checkRoom(before, folder, maxCopyBytes, signal)
      if (await copyAll(files, before, folder, signal)) return { folder, remove }
      if (attempt === ATTEMPTS) throw failed(`database changes while it is copied; stop what writes it; attempts=${ATTEMPTS}`)
      for (const name of await readdir(folder)) await rm(join(folder, name))
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Whether nothing changed meanwhile. */
const copyAll = async (files: FilesToCopy, before: ReadonlyMap<string, Seen>, folder: string, signal: AbortSignal | undefined): Promise<boolean> => {
  try {
    for (const [name, { size }] of before) await copyOne(join(files.from, name), join(folder, name), size, signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (isGone(error)) return false
    throw failed('database cannot be copied', error)
  }
  const after = await guard(signal, () => look(files))
  return before.size === after.size && [...before].every(([name, was]) => {
    const is = after.get(name)
    if (is === undefined || is.inode !== was.inode) return false
    return files.mayGrow(name) ? is.size >= was.size : is.size === was.size && is.modified === was.modified
  })
}

/** What is behind `size` came later and is left out. */
const copyOne = async (from: string, to: string, size: bigint, signal: AbortSignal | undefined): Promise<void> => {
  try {
    // in no time where the file system shares blocks; refused at once where it does not
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
    await chmod(to, 0o600)
    return
  } catch (error) {
    if (isGone(error)) throw error
    await rm(to, { force: true })
  }
  const bytes = size === 0n ? [] : createReadStream(from, { end: Number(size) - 1, highWaterMark: 2 ** 20 })
  await pipeline(bytes, createWriteStream(to, { flags: 'wx', mode: 0o600 }), { signal })
}

const look = async ({ from, isPart }: FilesToCopy): Promise<ReadonlyMap<string, Seen>> => {
  const found = new Map<string, Seen>()
  for (const name of (await readdir(from)).filter(isPart).sort()) {
    const stats = await stat(join(from, name), { bigint: true }).catch((error: unknown) => { if (isGone(error)) return undefined; throw error })
    if (stats?.isFile() === true) found.set(name, { size: stats.size, modified: stats.mtimeNs, inode: stats.ino })
  }
  return found
}

const checkRoom = async (files: ReadonlyMap<string, Seen>, folder: string, maxCopyBytes: number, signal: AbortSignal | undefined): Promise<void> => {
  const bytes = [...files.values()].reduce((sum, { size }) => sum + size, 0n)
  if (bytes > BigInt(maxCopyBytes)) throw failed(`database is larger than a copy may be; bytes=${bytes} max=${maxCopyBytes}`)
  const { bavail, bsize } = await guard(signal, () => statfs(folder, { bigint: true }))
  if (bytes > bavail * bsize) throw failed(`no room for a copy of the database; bytes=${bytes} free=${bavail * bsize}; choose another folder for temporary files`)
}

const guard = async <T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    signal?.throwIfAborted()
    throw failed('database cannot be copied', cause)
  }
}

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

const failed = (what: string, cause?: unknown): PieceStoreError => new PieceStoreError('PIECE_STORE_FAILED', what, { cause })
