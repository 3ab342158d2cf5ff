import { createBytesSource } from '@dagstore/io'
import { openSector, parseSectorFileName, planPlacement, SectorError, sectorFileName } from '@dagstore/unsealed-sector'

export const firstUse = async (bytes: Uint8Array): Promise<number> => {
  const placement = planPlacement([], 256)
  const name = parseSectorFileName(sectorFileName(1000n, 1))
  try {
    const sector = await openSector(createBytesSource(bytes))
    return sector.isAllocated(placement.offset, 256) ? (await sector.openPiece(0, 256).read(0, 127)).length : Number(name?.sector ?? 0)
  } catch (error) {
    if (error instanceof SectorError) return -1
    throw error
  }
}
