/** A folder of a Go DAG store on this machine, taken over: its database by way of a copy, its transients where they are. */
import { realpath } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { openDirectory } from '@dagstore/io/node'
import { type LevelCopyOptions, openLevelCopy } from '@dagstore/piece-store/node'
import { adoptDagstore, type AdoptDagstoreOptions, type AdoptResult } from './adopt/adopt-dagstore.ts'

export interface AdoptFolderOptions extends Omit<AdoptDagstoreOptions, 'folder' | 'records' | 'transientPath'>, Pick<LevelCopyOptions, 'openLevel' | 'tempFolder' | 'maxCopyBytes'> {}

/**
 * As {@link adoptDagstore}, of the folder at `path`. Nothing is written there; the copy of the database is removed in the end.
 * `index/`, `transients/` and `datastore/` may be links to other disks; a link inside of `transients/` that leads out of it is
 * not followed.
 *
 * @throws {PieceStoreError} `PIECE_STORE_FAILED`: there is no database, or it cannot be copied
 */
export const adoptDagstoreFolder = async (path: string, { openLevel, tempFolder, maxCopyBytes, ...options }: AdoptFolderOptions): Promise<AdoptResult> => {
  const root = resolve(path)
  const copy = await openLevelCopy(join(root, 'datastore'), { openLevel, tempFolder, maxCopyBytes, signal: options.signal })
  try {
    const transients = join(root, 'transients')
    return await adoptDagstore({ ...options, folder: openDirectory(root), records: copy.db, transientPath: (name) => pathWithin(transients, name) })
  } finally {
    await copy.close()
  }
}

/** Where the file is, links followed; `undefined`: not below the folder. A file that is not there is told by whoever opens it. */
const pathWithin = async (folder: string, name: string): Promise<string | undefined> => {
  const whole = join(folder, name)
  const [home, real] = await Promise.all([folder, whole].map((path) => realpath(path).catch(() => undefined)))
  if (real === undefined || home === undefined) return whole
  return real.startsWith(home + sep) ? real : undefined
}
