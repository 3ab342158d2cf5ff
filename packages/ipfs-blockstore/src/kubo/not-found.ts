/** Telling from what Kubo says that it lacks a block: it has no code for it. */
import { CID } from 'multiformats/cid'

/** Of boxo's blockstore, its offline exchange, and its block service; earlier ones named no CID. */
const SAYINGS = ['could not find', 'not found locally', 'block was not found']
const OLD_SAYINGS = new Set(['ipld: could not find node', 'blockservice: key not found', 'merkledag: not found', 'blockstore: block not found'])

/** A CID is at least that long as text: hashes shorter than 20 bytes are not taken by Kubo. */
const WORDS = /[A-Za-z0-9]{20,}/gu

/** Whether it says that this very block is not there, by a CID of any version, codec and base. */
export const saysNotFound = (said: string, cid: CID): boolean => {
  if (OLD_SAYINGS.has(said.trim())) return true
  return SAYINGS.some((saying) => said.includes(saying)) && [...said.matchAll(WORDS)].some(([word]) => names(word, cid))
}

const names = (word: string, { multihash }: CID): boolean => {
  try {
    const other = CID.parse(word).multihash
    return other.code === multihash.code && other.digest.length === multihash.digest.length && other.digest.every((byte, at) => byte === multihash.digest[at])
  } catch {
    return false // no CID
  }
}
