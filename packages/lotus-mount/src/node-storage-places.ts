/** Storage paths whose disks come and go. */
import { IoError } from '@dagstore/io'
import { readStorageFolders, whyNotThere } from './node-storage-folders.ts'
import type { StorageFolder, StoragePlace } from './storage-folder.ts'

/** The storage paths behind `path`, read when they are first asked for and can be. @param path - as of `readStorageFolders` */
export const awaitStorage = (path: string): StoragePlace => {
  let found: readonly StorageFolder[] | undefined
  return {
    path,
    folders: async () => {
      try {
        return found ??= await readStorageFolders(path)
      } catch (cause) {
        throw new IoError('IO_FAILED', `storage cannot be read now, is its disk there? path=${path}`, { cause, retry: 'later' })
      }
    },
  }
}

export interface MissingStorage {
  readonly path: string
  readonly error: unknown
}

/** Those whose disks are not there now, each with what was found in its place. */
export const missingStorage = async (places: readonly StoragePlace[]): Promise<readonly MissingStorage[]> => {
  const missing: MissingStorage[] = []
  for (const { path, folders } of places) {
    try {
      for (const folder of await folders()) {
        const error = await whyNotThere(folder)
        if (error !== undefined) missing.push({ path: folder.path, error })
      }
    } catch (error) {
      missing.push({ path, error })
    }
  }
  return missing
}
