/** Tokens of transfers: whoever has one may move the bytes of one deal. Only what they hash to is to be stored. */
import { type Hashes, SHA2_256 } from '@dagstore/hashes'
import type { Random } from '@dagstore/io'

const TOKEN_BYTES = 32
const TEXT = /^[A-Za-z0-9_-]{43}$/
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export interface TransferToken {
  /** 43 characters, 256 bits; to be given to the other side, and to nobody else. */
  readonly token: string
  /** What is stored, beside the time at which it ends to be taken. */
  readonly digest: Uint8Array
}

export const createTransferToken = (random: Random, hashes: Hashes): TransferToken => {
  const token = base64url(random.bytes(TOKEN_BYTES))
  return { token, digest: digestOf(token, hashes) }
}

/** Whether the token is the one of which the digest was stored; takes as long for any two. */
export const matchesToken = (token: string | undefined, digest: Uint8Array, hashes: Hashes): boolean =>
  token !== undefined && TEXT.test(token) && isSameDigest(digestOf(token, hashes), digest)

/** Takes as long for any two of one length. */
export const isSameDigest = (a: Uint8Array, b: Uint8Array): boolean => {
  let differs = a.byteLength ^ b.byteLength
  for (let at = 0; at < a.byteLength; at++) differs |= a[at]! ^ (b[at] ?? 0)
  return differs === 0
}

const digestOf = (token: string, hashes: Hashes): Uint8Array => hashes.digest(SHA2_256, new TextEncoder().encode(token))

const base64url = (bytes: Uint8Array): string => {
  let text = ''
  for (let bit = 0; bit < 8 * bytes.byteLength; bit += 6) {
    const at = bit >>> 3
    const pair = bytes[at]! << 8 | (bytes[at + 1] ?? 0)
    text += DIGITS[pair >>> (10 - (bit & 7)) & 63]
  }
  return text
}
