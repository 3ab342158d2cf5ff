/** Storage paths whose disks come and go. */
import { IoError } from '@dagstore/io'
import { readStorageFolders, storageVersion, whyNotThere } from './node-storage-folders.ts'
import type { StorageFolder, StoragePlace } from './storage-folder.ts'

/** The storage paths behind `path`, read anew when the `storage.json` that names them has changed. @param path - as of `readStorageFolders` */
export const awaitStorage = (path: string): StoragePlace => {
  let found: { readonly folders: readonly StorageFolder[], readonly version: string } | undefined
  return {
    path,
    get known () { return found?.folders },
    folders: async () => {
      const version = await storageVersion(path)
      // while none is there, one is being written, or its disk is away
      if (found !== undefined && (version === undefined || version === '' || version === found.version)) return found.folders
      try {
        found = { folders: await readStorageFolders(path), version: version ?? '' }
        return found.folders
      } catch (cause) {
        if (found !== undefined) return found.folders
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
