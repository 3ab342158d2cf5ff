/**
 * Named sets of choices: the same input under the same profile has the same root everywhere.
 *
 * Sources: `lotus-2021`: lotus node/impl/client/import.go, build/params_shared_vals.go (UnixFSChunkSize, UnixFSLinksPerLevel,
 * DefaultHashFunction, DefaultInlineLimit). `unixfs-v1-2025`, `unixfs-v0-2015`: IPIP-499, boxo `UnixFS_v1_2025` and
 * `UnixFS_v0_2015`, ipfs-unixfs-importer `profile`.
 */
import { BLAKE2B_256, SHA2_256 } from '@dagstore/hashes'

export type Profile = 'lotus-2021' | 'unixfs-v1-2025' | 'unixfs-v0-2015'

export const DEFAULT_PROFILE: Profile = 'lotus-2021'

/** What a profile fixes; lengths in bytes. */
export interface ProfileRules {
  readonly chunkBytes: number
  /** Links of a file's inner node, at most. */
  readonly maxLinks: number
  /** Leaves are raw blocks; else UnixFS nodes. */
  readonly rawLeaves: boolean
  readonly cidVersion: 0 | 1
  /** Multicodec code of the hash function. */
  readonly hashCode: number
  /** Blocks of at most so many bytes become identity CIDs; -1: none does. */
  readonly inlineBytes: number
  /**
   * A directory whose size exceeds the threshold is sharded. `block`: the length of its block; `links`: of the names and
   * CIDs in it. `undefined`: never.
   */
  readonly sharding: { readonly thresholdBytes: number, readonly measure: 'block' | 'links' } | undefined
}

const MIB = 1 << 20

const RULES: Readonly<Record<Profile, ProfileRules>> = Object.freeze({
  'lotus-2021': { chunkBytes: MIB, maxLinks: 1024, rawLeaves: true, cidVersion: 1, hashCode: BLAKE2B_256, inlineBytes: 126, sharding: undefined },
  'unixfs-v1-2025': { chunkBytes: MIB, maxLinks: 1024, rawLeaves: true, cidVersion: 1, hashCode: SHA2_256, inlineBytes: -1, sharding: { thresholdBytes: MIB / 4, measure: 'block' } },
  'unixfs-v0-2015': { chunkBytes: MIB / 4, maxLinks: 174, rawLeaves: false, cidVersion: 0, hashCode: SHA2_256, inlineBytes: -1, sharding: { thresholdBytes: MIB / 4, measure: 'links' } },
})

export const PROFILES: readonly Profile[] = Object.keys(RULES) as Profile[]

/** @throws {TypeError} no profile has this name */
export const rulesOf = (profile: Profile): ProfileRules => {
  const rules = Object.hasOwn(RULES, profile) ? RULES[profile] : undefined
  if (rules === undefined) throw new TypeError(`no such profile; got=${String(profile)} known=${PROFILES.join()}`)
  return rules
}
