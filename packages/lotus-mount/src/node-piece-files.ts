/** Parked pieces of Curio in the storage folders of this machine, opened read-only; nothing is made in or beside them. */
import { sectorFileName } from '@dagstore/unsealed-sector'
import { type AnyFolder, findFile, pathsOf } from './node-local-files.ts'
import type { OpenPieceFile } from './parked-piece-source.ts'

/**
 * Finds `<folder>/piece/s-t00-<id>` in the first folder that has it.
 *
 * @throws from the function it gives: {IoError} `IO_FORBIDDEN`, `IO_FAILED`; {RangeError} an id that is no u64
 */
export const curioPieceFiles = (folders: readonly AnyFolder[]): OpenPieceFile => {
  const open: OpenPieceFile = async (id, options = {}) => (await findFile(folders, 'piece', sectorFileName(0n, id), options))?.source
  return Object.defineProperty(open, 'places', { get: () => pathsOf(folders) })
}
