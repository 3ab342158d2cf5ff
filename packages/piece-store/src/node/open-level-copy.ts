/** A LevelDB that others own, by way of a copy. */
import type { AnyLevel } from '@dagstore/io'
import { PieceStoreError } from '../errors.ts'
import { type CopyOptions, copyForReading } from './copy-for-reading.ts'

/** An open database that is closed by its owner. */
export type ClosableLevel = AnyLevel & { close (): Promise<void> }

export interface LevelCopyOptions extends CopyOptions {
  /** Opens the LevelDB in a folder, which is a copy and may be written to: `ClassicLevel`, say. */
  readonly openLevel: (folder: string) => Promise<ClosableLevel>
}

export interface LevelCopy {
  readonly db: ClosableLevel
  /** Closes the database and removes the copy. */
  close (): Promise<void>
}

/** Files of LevelDB that hold data; its lock and its own log are none. */
const PART = /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))$/
const LOG = /^\d+\.log$/

/**
 * Copy a LevelDB and open the copy. One that is being written to is copied as of some moment, or refused when it changes too
 * often.
 *
 * @throws {PieceStoreError} `PIECE_STORE_FAILED`: no such database, no room, too large, or it cannot be opened
 */
export const openLevelCopy = async (folder: string, { openLevel, ...options }: LevelCopyOptions): Promise<LevelCopy> => {
  const copy = await copyForReading({ from: folder, isPart: (name) => PART.test(name), mayGrow: (name) => LOG.test(name) }, options)
  try {
    options.signal?.throwIfAborted()
    const db = await openLevel(copy.folder).catch((cause: unknown) => { throw new PieceStoreError('PIECE_STORE_FAILED', 'copy of the database cannot be opened', { cause }) })
    return { db, close: () => db.close().finally(() => copy.remove()) }
  } catch (error) {
    await copy.remove()
    throw error
  }
}
