/** Writing beside a target and renaming: whole or nothing, never over something. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { CallOptions } from '@dagstore/io'
import { classifyNodeError } from '@dagstore/io/node'
import { RetrievalError } from '../errors.ts'

/** @param write - makes a file or folder at the path that it is given, and syncs it */
export const withDraft = async <T>(path: string, { signal }: CallOptions, write: (draft: string) => Promise<T>): Promise<T> => {
  const target = resolve(path)
  signal?.throwIfAborted()
  if (await exists(target)) throw new RetrievalError('RETRIEVAL_TARGET_EXISTS', `target exists; path=${path}`)
  const draft = join(dirname(target), `.export.${randomBytes(8).toString('hex')}.tmp`)
  try {
    const made = await write(draft)
    signal?.throwIfAborted()
    // a rename replaces an empty folder, or a file, that came meanwhile
    if (await exists(target)) throw new RetrievalError('RETRIEVAL_TARGET_EXISTS', `target exists; path=${path}`)
    await filed('rename', path, () => rename(draft, target))
    await syncFolder(dirname(target))
    return made
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await lstat(path)
    return true
  } catch (error) {
    const known = classifyNodeError(error, 'looking at the target')
    if (known.code === 'IO_NOT_FOUND') return false
    throw known
  }
}

/** Errors of the file system, and of nothing else, become an `IoError`. */
export const filed = async <T>(what: string, path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw classifyNodeError(error, `${what} failed; path=${path}`)
  }
}

/** Folders cannot be synced everywhere; where they cannot, a rename is as durable as it gets. */
export const syncFolder = async (path: string): Promise<void> => {
  let folder: FileHandle
  try {
    folder = await open(path, 'r')
  } catch {
    return
  }
  try {
    await folder.sync()
  } catch {
    // as above
  } finally {
    await folder.close()
  }
}
