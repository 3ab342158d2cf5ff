/** What Lotus makes of a sector file, written anew from the rules of `OpenPartialFile`. */
import type { SectorRange } from '../src/range.ts'
import { decodeRlePlus } from '../src/rle-plus.ts'

/** The ranges in use; `undefined`: refused. */
export const lotusReads = (file: Uint8Array, sectorBytes: number): readonly SectorRange[] | undefined => {
  if (file.byteLength < sectorBytes) return undefined
  if (file.byteLength === sectorBytes) return [{ start: 0, length: sectorBytes }]
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const listBytes = file.byteLength < 4 ? 0 : view.getUint32(file.byteLength - 4, true)
  if (sectorBytes + listBytes + 4 !== file.byteLength) return undefined
  try {
    return decodeRlePlus(file.subarray(sectorBytes, sectorBytes + listBytes), { maxEnd: sectorBytes })
  } catch {
    return undefined
  }
}
