/** Whether bytes that come in order are those that an identity promises. */
import type { Awaitable, SourceIdentity } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { MountError } from './errors.ts'

/** Bytes by their name, as an identity of kind `content` has it. */
export interface NamedContent {
  readonly cid: string
}

/** Takes all bytes in order, from the first one on. */
export interface ContentCheck {
  /** Keeps no reference. */
  update(bytes: Uint8Array): Awaitable<void>
  /** Called once, after the last byte. */
  matches(): Awaitable<boolean>
}

/** A check for bytes of this name; `undefined` when it is of a kind that this one cannot check. */
export type ContentChecker = (content: NamedContent) => ContentCheck | undefined

/** A hash that is fed piece by piece, such as those of `node:crypto` and `@noble/hashes`. */
export interface StreamHash {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

const RAW = 0x55

/**
 * Checks names that are a digest of the bytes themselves (codec raw). A piece CID is another matter: its digest is of
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

/** The first of `checkers` that knows a name. */
export const anyChecker = (checkers: readonly ContentChecker[]): ContentChecker => (content) => {
  for (const checker of checkers) {
    const check = checker(content)
    if (check !== undefined) return check
  }
  return undefined
}

const FIL_COMMITMENT_UNSEALED = 0xf101
const FR32_SHA256_TRUNC254_PADBINTREE = 0x1011

/** What a text names if it is a piece CID, of either version. Other CIDs in keys and URLs name a block, not the file that it is in. */
export const pieceNamed = (text: string): NamedContent | undefined => {
  try {
    const { code, multihash } = CID.parse(text)
    return code === FIL_COMMITMENT_UNSEALED || multihash.code === FR32_SHA256_TRUNC254_PADBINTREE ? { cid: text } : undefined
  } catch {
    return undefined
  }
}

/** What the last part of a URL's path names, as in `lotus://baga…` and `https://host/piece/baga….car`. */
export const pieceNamedBy = (url: string): NamedContent | undefined => pieceNamed(/([a-z0-9]+)(?:\.car)?\/?(?:\?.*)?$/iu.exec(url)?.[1] ?? '')

/** What an identity says that the bytes are; of others than `content` nothing. */
export const contentOf = (identity: SourceIdentity | undefined): NamedContent | undefined => identity?.kind === 'content' ? identity : undefined

/** The check for the first of the names that there is a checker for. */
export const checkFor = (checker: ContentChecker | undefined, names: readonly (NamedContent | undefined)[]): ContentCheck | undefined => {
  for (const name of names) {
    const check = name === undefined ? undefined : checker?.(name)
    if (check !== undefined) return check
  }
  return undefined
}

/** @throws {MountError} `MOUNT_HASH_MISMATCH` */
export const assertMatches = async (check: ContentCheck | undefined): Promise<void> => {
  if (check === undefined || await check.matches()) return
  throw new MountError('MOUNT_HASH_MISMATCH', 'the bytes that came are not those of the content identity', { retry: 'later' })
}
