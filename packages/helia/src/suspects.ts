/** Blocks that could not be read a while ago; in memory, up to a bound. */
import type { CID } from 'multiformats/cid'

const REMEMBERED = 4096

export interface Suspects {
  has(cid: CID): boolean
  /** The oldest one is forgotten where there are too many. */
  add(cid: CID, error: unknown): void
  delete(cid: CID): void
}

export const createSuspects = (onUnreadable: ((cid: CID, error: unknown) => void) | undefined): Suspects => {
  const keys = new Set<string>()
  return {
    has: (cid) => keys.has(keyOf(cid)),
    add: (cid, error) => {
      const key = keyOf(cid)
      keys.delete(key)
      keys.add(key)
      if (keys.size > REMEMBERED) for (const oldest of keys) { keys.delete(oldest); break }
      try {
        onUnreadable?.(cid, error)
      } catch {
        // whoever listens harms nobody
      }
    },
    delete: (cid) => { keys.delete(keyOf(cid)) },
  }
}

const keyOf = (cid: CID): string => String.fromCharCode(...cid.multihash.bytes)
