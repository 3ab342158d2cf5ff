/** Multihashes of blocks that something was found out about a moment ago; in memory, up to a bound. */
import type { CID } from 'multiformats/cid'

export interface RecentCids {
  has(cid: CID): boolean
  /** The oldest one is forgotten where there are too many. */
  add(cid: CID): void
  /** Whether it was there. */
  delete(cid: CID): boolean
}

export const createRecentCids = (max: number): RecentCids => {
  const keys = new Set<string>()
  return {
    has: (cid) => keys.has(keyOf(cid)),
    add: (cid) => {
      const key = keyOf(cid)
      keys.delete(key)
      keys.add(key)
      if (keys.size > max) for (const oldest of keys) { keys.delete(oldest); break }
    },
    delete: (cid) => keys.delete(keyOf(cid)),
  }
}

/** However long it is, as that of an identity CID may be: one call does not take a hundred thousand arguments. */
const keyOf = (cid: CID): string => cid.multihash.bytes.reduce((key, byte) => key + String.fromCharCode(byte), '')
