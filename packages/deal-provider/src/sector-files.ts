/** The files of unsealed sectors below a directory. */
import type { PiecePlace } from '@dagstore/deal-protocol'
import { type Directory, IoError } from '@dagstore/io'
import { openSector, sectorFileName, type SectorRange } from '@dagstore/unsealed-sector'

/** Their folder. */
export const UNSEALED = 'unsealed'

export const nameOf = ({ miner, sector }: Pick<PiecePlace, 'miner' | 'sector'>): string => `${UNSEALED}/${sectorFileName(miner, sector)}`

/** Padded bytes. */
export interface SectorContents { readonly sectorBytes: number, readonly allocated: readonly SectorRange[] }

/** Size and ranges of a sector file, which may be written to meanwhile; `undefined` when it is not there, or not whole after a crash. */
export const readSector = async (files: Directory, fileName: string): Promise<SectorContents | undefined> => {
  const stat = await files.stat(fileName)
  if (stat === undefined || stat.sizeBytes === 0) return undefined
  try {
    // not of one source: its list and its length would be of two moments
    await using sector = await openSector((options) => files.openSource(fileName, options))
    return { sectorBytes: sector.sectorBytes, allocated: sector.allocated }
  } catch (error) {
    if (error instanceof IoError) throw error
    return undefined
  }
}

export const isAllocated = (ranges: readonly SectorRange[], start: number, length: number): boolean =>
  ranges.some((range) => range.start <= start && start + length <= range.start + range.length)

export const isSamePlace = (a: PiecePlace, b: PiecePlace): boolean =>
  a.miner === b.miner && a.sector === b.sector && a.offsetPadded === b.offsetPadded && a.lengthPadded === b.lengthPadded
