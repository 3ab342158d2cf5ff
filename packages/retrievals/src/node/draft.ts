/** Exports are made beside their target: whole or nothing, never over something. */
import { type FileHandle, open } from 'node:fs/promises'
import type { CallOptions } from '@dagstore/io'
import { classifyNodeError, makeBeside } from '@dagstore/io/node'
import { RetrievalError } from '../errors.ts'

/** @param write - makes a file or folder at the path that it is given, and syncs it */
export const withDraft = <T>(path: string, { signal }: CallOptions, write: (draft: string) => Promise<T>): Promise<T> =>
  makeBeside(path, { signal, taken: () => new RetrievalError('RETRIEVAL_TARGET_EXISTS', `target exists; path=${path}`) }, write)

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
