/** Opens the metadata of a Lotus miner that does not run, or of one that does, by way of a copy. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PieceStoreError } from '../errors.ts'
import { openLotusMetadataReader } from '../lotus/metadata-reader.ts'
import type { PieceDealReader } from '../piece-deals.ts'
import { type LevelCopyOptions, openLevelCopy } from './open-level-copy.ts'

export interface OpenLotusMetadataOptions extends LevelCopyOptions {
  /** Actor id of the miner. @default what the database says */
  readonly miner?: bigint | undefined
}

/**
 * Copy the metadata LevelDB of a Lotus repository and read that; the copy is removed by `close`. A database that is being
 * written to is copied as of some moment, or refused when it changes too often.
 *
 * @param path - the repository of a miner or markets node (`$LOTUS_MINER_PATH`), or the folder of the database
 * @throws {PieceStoreError} as `openLotusMetadataReader`; `PIECE_STORE_FAILED`: no such database, no room, too large
 */
export const openLotusMetadata = async (path: string, { miner, ...copyOptions }: OpenLotusMetadataOptions): Promise<PieceDealReader> => {
  const copy = await openLevelCopy(await folderOf(path), copyOptions)
  try {
    return await openLotusMetadataReader(copy.db, { miner, onClose: () => copy.close() })
  } catch (error) {
    await copy.close()
    throw error
  }
}

const folderOf = async (path: string): Promise<string> => {
  for (const folder of [join(path, 'datastore', 'metadata'), path]) {
    const isLevel = await readFile(join(folder, 'CURRENT')).then(() => true, () => false)
    if (isLevel) return folder
  }
  throw new PieceStoreError('PIECE_STORE_FAILED', 'no repository of Lotus there, and no LevelDB')
}
