/** A set of whole CIDs that is not bound by the 2^24 entries of a JavaScript Set. */
import type { CID } from 'multiformats/cid'

export interface CidSet {
  readonly size: number
  /** False when it was there already. */
  add(cid: CID): boolean
}

/** Keeps a string of one byte per byte of each CID, some 60 to 100 bytes of memory for the usual ones. */
export const createCidSet = (): CidSet => {
  const parts = new Map<number, Set<string>>()
  let size = 0
  return {
    get size () { return size },
    add: (cid) => {
      // digests are uniform, so their last bytes spread the entries evenly
      const last = cid.bytes[cid.bytes.byteLength - 1] ?? 0
      let part = parts.get(last)
      if (part === undefined) parts.set(last, part = new Set())
      const key = keyOf(cid.bytes)
      if (part.has(key)) return false
      part.add(key)
      size++
      return true
    },
  }
}

/** Arguments of one call are limited by the stack; identity CIDs may be long. */
const PART_BYTES = 4096

const keyOf = (bytes: Uint8Array): string => {
  if (bytes.byteLength <= PART_BYTES) return characters(bytes)
  let key = ''
  for (let at = 0; at < bytes.byteLength; at += PART_BYTES) key += characters(bytes.subarray(at, at + PART_BYTES))
  return key
}

/** `apply` takes any list of numbers, and is several times faster than spreading. */
const characters = (bytes: Uint8Array): string => String.fromCharCode.apply(null, bytes as unknown as number[])
