/** Whether the data of a section is what its CID says. */
import type { Hashes } from '@dagstore/hashes'
import { CarV2Error } from './errors.ts'
import type { SectionCursor } from './section-cursor.ts'

/**
 * Hash the section under the cursor, whose data is in the window.
 *
 * @throws {CarV2Error} `CARV2_UNKNOWN_HASH`: no hasher for it; `CARV2_HASH_MISMATCH`; with the section's offset and CID
 */
export const checkSectionHash = (cursor: SectionCursor, hashes: Hashes): void => {
  const { window, cid, cidAt, dataAt, dataBytes } = cursor
  const { hashCode, digestAt } = cid
  const known = hashes.has(hashCode)
  if (known && hashes.matches(hashCode, window.subarray(digestAt, dataAt), window.subarray(dataAt, dataAt + dataBytes))) return
  const offset = cursor.payloadStart + cursor.sectionOffset
  const place = { offset, cid: window.slice(cidAt, dataAt) }
  if (!known) throw new CarV2Error('CARV2_UNKNOWN_HASH', `no hasher for the block; hash=0x${hashCode.toString(16)} section=${offset}`, place)
  throw new CarV2Error('CARV2_HASH_MISMATCH', `data does not hash to its CID; section=${offset}`, place)
}
