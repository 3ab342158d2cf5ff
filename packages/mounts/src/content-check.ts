/** Whether bytes that come in order are those that an identity promises. */
import type { Awaitable, SourceIdentity } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { MountError } from './errors.ts'

export type ContentIdentity = Extract<SourceIdentity, { readonly kind: 'content' }>

/** Takes all bytes in order, from the first one on. */
export interface ContentCheck {
  /** Keeps no reference. */
  update(bytes: Uint8Array): Awaitable<void>
  /** Called once, after the last byte. */
  matches(): Awaitable<boolean>
}

/** A check for bytes of this identity; `undefined` when it is of a kind that this one cannot check. */
export type ContentChecker = (identity: ContentIdentity) => ContentCheck | undefined

/** A hash that is fed piece by piece, such as those of `node:crypto` and `@noble/hashes`. */
export interface StreamHash {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

const RAW = 0x55

/**
 * Checks identities whose CID is a digest of the bytes themselves (codec raw). A piece CID is another matter: its digest is of
 * a tree over padded bytes.
 *
 * @param hashes - by multihash code: `{ 0x12: () => createHash('sha256') }`
 */
export const digestChecker = (hashes: Readonly<Record<number, () => StreamHash>>): ContentChecker => ({ cid: text }) => {
  let cid: CID
  try {
    cid = CID.parse(text)
  } catch {
    return undefined
  }
  const hash = cid.code === RAW ? hashes[cid.multihash.code]?.() : undefined
  if (hash === undefined) return undefined
  return {
    update: (bytes) => { hash.update(bytes) },
    matches: () => {
      const found = hash.digest()
      return found.byteLength === cid.multihash.digest.byteLength && cid.multihash.digest.every((byte, at) => found[at] === byte)
    },
  }
}

/** The first of `checkers` that can check an identity. */
export const anyChecker = (checkers: readonly ContentChecker[]): ContentChecker => (identity) => {
  for (const checker of checkers) {
    const check = checker(identity)
    if (check !== undefined) return check
  }
  return undefined
}

/** The check for a source, if it has an identity that can be checked. */
export const checkFor = (checker: ContentChecker | undefined, identity: SourceIdentity | undefined): ContentCheck | undefined =>
  identity?.kind === 'content' ? checker?.(identity) : undefined

/** @throws {MountError} `MOUNT_HASH_MISMATCH` */
export const assertMatches = async (check: ContentCheck | undefined): Promise<void> => {
  if (check === undefined || await check.matches()) return
  throw new MountError('MOUNT_HASH_MISMATCH', 'the bytes that came are not those of the content identity', { retry: 'later' })
}
