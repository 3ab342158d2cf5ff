/** Unsealed sector files on local disks. */
import { join } from 'node:path'
import { IoError } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import { sectorFileName } from '@dagstore/unsealed-sector'
import type { OpenSectorFile } from './sector-piece-source.ts'

/**
 * Looks for `unsealed/s-t0<miner>-<sector>` below each folder in turn, as Lotus lays out its storage paths. Files are opened
 * for reading only, and nothing is created.
 *
 * @param folders - storage paths, most likely ones first
 * @throws from the function it gives: {IoError} `IO_FORBIDDEN`, `IO_FAILED`, when no folder has the file and some could not be read
 */
export const localSectors = (folders: readonly string[]): OpenSectorFile => async (miner, sector, options) => {
  const name = sectorFileName(miner, sector)
  let failure: unknown
  for (const folder of folders) {
    options?.signal?.throwIfAborted()
    try {
      return await openFileSource(join(folder, 'unsealed', name), options)
    } catch (error) {
      options?.signal?.throwIfAborted()
      if (!(error instanceof IoError && error.code === 'IO_NOT_FOUND')) failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}
