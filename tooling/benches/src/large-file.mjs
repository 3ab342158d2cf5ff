/** A file of bytes that no two parts of are equal, made from a seed. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { makeBlocks } from './car-files.mjs'

const PART_BYTES = 1 << 20

/** One part from the seed, with its number in each 4 KiB: as good as random to a hash, and made at the speed of a disk. */
export const makeLargeFile = (path, sizeBytes) => {
  const [{ bytes }] = makeBlocks(1, 1, PART_BYTES, PART_BYTES)
  const part = Buffer.from(bytes)
  const file = openSync(path, 'w')
  for (let at = 0; at < sizeBytes; at += PART_BYTES) {
    for (let page = 0; page < PART_BYTES; page += 4096) part.writeUInt32LE(at / PART_BYTES, page)
    writeSync(file, part, 0, Math.min(PART_BYTES, sizeBytes - at))
  }
  closeSync(file)
}
