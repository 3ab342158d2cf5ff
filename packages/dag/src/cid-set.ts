/** A set of whole CIDs that is not bound by the 2^24 entries of a JavaScript Set. */
import type { CID } from 'multiformats/cid'

export interface CidSet {
  readonly size: number
  /** False when it was there already. */
  add(cid: CID): boolean
  /** By {@link cidKey}. */
  has(key: string): boolean
}

/** Half of what a Set takes, so that its last doubling is never reached. */
const LAYER_ENTRIES = 1 << 23

/**
 * Keeps a string of one byte per byte of each CID: some 80 bytes of memory for one of 36 bytes (measured with a million of them). Not a table of
 * our own over the digests: their bytes are chosen by whoever made the DAG, and the engine's hash of strings is seeded.
 */
export const createCidSet = (layerEntries: number = LAYER_ENTRIES): CidSet => {
  let newest = new Set<string>()
  const older: Set<string>[] = []
  let olderSize = 0
  const inOlder = (key: string): boolean => older.some((layer) => layer.has(key))
  return {
    get size () { return olderSize + newest.size },
    add: (cid) => {
      const key = cidKey(cid)
      if (olderSize > 0 && inOlder(key)) return false
      const before = newest.size
      newest.add(key)
      if (newest.size === before) return false
      if (newest.size >= layerEntries) {
        older.push(newest)
        olderSize += newest.size
        newest = new Set()
      }
      return true
    },
    has: (key) => newest.has(key) || (olderSize > 0 && inOlder(key)),
  }
}

/** Arguments of one call are limited by the stack; identity CIDs may be long. */
const PART_BYTES = 4096

/** A CID as a string of one character per byte. */
export const cidKey = ({ bytes }: CID): string => {
  if (bytes.byteLength <= PART_BYTES) return characters(bytes)
  let key = ''
  for (let at = 0; at < bytes.byteLength; at += PART_BYTES) key += characters(bytes.subarray(at, at + PART_BYTES))
  return key
}

/** `apply` takes any list of numbers, and is several times faster than spreading. */
const characters = (bytes: Uint8Array): string => String.fromCharCode.apply(null, bytes as unknown as number[])
