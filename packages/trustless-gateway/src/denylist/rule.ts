/**
 * One line of a denylist.
 *
 *     [!]/ipfs/CID                       the multihash of the CID
 *     [!]/ipfs/CID/PATH                  this path below it
 *     [!]/ipfs/CID/PATH*                 the paths that begin so; `/*`: the CID and all below
 *     [!]/ipns/NAME…                     of no concern here
 *     [!]//BASE58-MULTIHASH              whose text hashes to it: the multihash in base58btc, `/PATH` behind it
 *     [!]//HEX                           whose text hashes to it by sha2-256: the CIDv1 in base32, `/`, the path
 *
 * Hints follow, as `name:value` or `name=value`; `!` takes back what earlier lines say. Paths are percent-encoded.
 *
 * Source: IPFS compact denylist format (IPIP-383), "Block item"; nopfs `Denylist.parseLine`, which takes hints with `=`.
 * Stricter: rules by path alone, and `+` and `-` for `!`, are none; `//HEX` of a CID holds for the same multihash as dag-pb, raw and
 * dag-cbor too, since whoever asks for a block may name any codec.
 */
import { base58btc } from 'multiformats/bases/base58'
import { decode as decodeDigest } from 'multiformats/hashes/digest'
import { cidOf } from '../ipfs/cid-text.ts'

const SHA2_256 = 0x12
const SHA2_256_BYTES = 32

/** What of a text or CID is hashed: of `modern` the multihash in base58btc, of `legacy` the CIDv1 in base32. */
export type HashedForm = 'modern' | 'legacy'

export interface Digest {
  readonly code: number
  readonly digest: Uint8Array
}

/** What a line is about. */
export type Subject =
  | { readonly kind: 'content', readonly multihash: Digest, /** Decoded, without slashes around it. */ readonly path: string, /** What begins so is meant too. */ readonly open: boolean }
  | { readonly kind: 'hashed', readonly form: HashedForm, readonly multihash: Digest }

export interface Rule {
  /** More than one where a line can be read in two ways. Empty: of no concern here. */
  readonly subjects: readonly Subject[]
  readonly allows: boolean
  readonly hints: Readonly<Record<string, string>>
}

const FIELD_ENDS = /\s/

/** @param line - not empty, no comment. @returns what is wrong with it, as text */
export const parseRule = (line: string): Rule | string => {
  const [first = '', ...rest] = FIELD_ENDS.test(line) ? line.trim().split(/\s+/) : [line]
  const allows = first.startsWith('!')
  const subjects = subjectsOf(allows ? first.slice(1) : first)
  return typeof subjects === 'string' ? subjects : { subjects, allows, hints: hintsOf(rest) }
}

const subjectsOf = (item: string): readonly Subject[] | string => {
  if (item.startsWith('//')) return hashedOf(item.slice(2))
  const [, namespace, name = '', path = ''] = /^\/(ipfs|ipld|ipns)\/([^/]+)(\/.*)?$/.exec(item) ?? []
  if (namespace === undefined) return 'no rule of a kind that is known'
  if (namespace === 'ipns') return []
  const multihash = multihashOf(name)
  if (multihash === undefined) return 'no CID'
  const open = path.endsWith('*')
  try {
    // a star that is meant as such is percent-encoded
    return [{ kind: 'content', multihash, path: trimmedPath(decodeURIComponent(open ? path.slice(0, -1) : path)), open }]
  } catch {
    return 'the path is not percent-encoded UTF-8'
  }
}

const HEX = /^[0-9a-f]{64}$/i

/** Of a hexadecimal digit: `0` is 0x30, `A` 0x41, `a` 0x61. */
const digit = (character: number): number => (character & 15) + (character > 0x39 ? 9 : 0)

const hashedOf = (text: string): readonly Subject[] | string => {
  const subjects: Subject[] = []
  if (HEX.test(text)) {
    const digest = new Uint8Array(SHA2_256_BYTES)
    for (let i = 0; i < SHA2_256_BYTES; i++) digest[i] = digit(text.charCodeAt(2 * i)) << 4 | digit(text.charCodeAt(2 * i + 1))
    subjects.push({ kind: 'hashed', form: 'legacy', multihash: { code: SHA2_256, digest } })
  }
  const multihash = base58Multihash(text)
  if (multihash !== undefined) subjects.push({ kind: 'hashed', form: 'modern', multihash })
  return subjects.length > 0 ? subjects : 'neither a multihash in base58btc nor 64 hexadecimal digits'
}

const multihashOf = (name: string): Digest | undefined => {
  try {
    return cidOf(name).multihash
  } catch {
    return base58Multihash(name)
  }
}

const MAX_MULTIHASH_CHARACTERS = 200
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]+$/

const base58Multihash = (text: string): Digest | undefined => {
  if (text.length > MAX_MULTIHASH_CHARACTERS || !BASE58.test(text)) return undefined
  try {
    return decodeDigest(base58btc.baseDecode(text))
  } catch {
    return undefined
  }
}

/** As rules and requests are compared: `a/b`. */
export const trimmedPath = (path: string): string => {
  let [from, to] = [0, path.length]
  while (from < to && path[from] === '/') from++
  while (to > from && path[to - 1] === '/') to--
  return path.slice(from, to)
}

const hintsOf = (fields: readonly string[]): Readonly<Record<string, string>> => Object.fromEntries(fields.flatMap((field) => {
  const [, name, value] = /^([^:=]+)[:=](.*)$/.exec(field) ?? []
  return name === undefined || value === undefined ? [] : [[name, value]]
}))
