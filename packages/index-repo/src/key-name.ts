/**
 * Shard keys as file names: any key has one name, no two keys share one, and the key can be read back.
 *
 *     a-z 0-9 - _      as they are
 *     any other byte   `%` and two lower-case hex digits, byte by byte of the UTF-8
 *     more than 200    parts of 200 characters, with a `/` between them
 *     con, nul, …      a last part that is a device name on Windows: its first letter is escaped too
 *
 * Upper-case letters are escaped, so names differ where a file system does not tell cases apart. No part ends with a dot or
 * a space. A piece CID is its own name.
 */
import { IndexRepoError } from './errors.ts'

/** Longest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 512

/** Longest part of an encoded key, in characters; what is put behind the last part fits into a name of 255 bytes. */
export const MAX_PART_CHARACTERS = 200

/** Stands for itself, such as a piece CID. */
const PLAIN = /^[a-z0-9_-]{1,200}$/u
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/u

/** @throws {IndexRepoError} `INDEX_BAD_KEY`: empty, above {@link MAX_KEY_BYTES}, or not Unicode text (a lone surrogate) */
export const encodeKey = (key: string): string => {
  if (PLAIN.test(key) && !DEVICE.test(key)) return key
  const bytes = new TextEncoder().encode(key)
  if (bytes.byteLength === 0 || bytes.byteLength > MAX_KEY_BYTES) {
    throw new IndexRepoError('INDEX_BAD_KEY', `key length; min=1 max=${MAX_KEY_BYTES} got=${bytes.byteLength}`)
  }
  if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) !== key) throw new IndexRepoError('INDEX_BAD_KEY', 'key is not Unicode text')
  const text = Array.from(bytes, encodeByte).join('')
  const parts: string[] = []
  for (let at = 0; at < text.length; at += MAX_PART_CHARACTERS) parts.push(text.slice(at, at + MAX_PART_CHARACTERS))
  const last = parts.pop() as string
  parts.push(DEVICE.test(last) ? escape(last.charCodeAt(0)) + last.slice(1) : last)
  return parts.join('/')
}

/** The key that {@link encodeKey} made `name` of; `undefined` when it made it of none. */
export const decodeKey = (name: string): string | undefined => {
  const text = name.replaceAll('/', '')
  // each escape stands for one byte, so this bounds what is decoded
  if (text.length > MAX_KEY_BYTES * 3 + 2) return undefined
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code !== 0x25) {
      bytes.push(code)
      continue
    }
    const hex = text.slice(at + 1, at + 3)
    if (!/^[0-9a-f]{2}$/u.test(hex)) return undefined
    bytes.push(Number.parseInt(hex, 16))
    at += 2
  }
  try {
    const key = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes))
    return encodeKey(key) === name ? key : undefined
  } catch {
    return undefined // not UTF-8, or no legal key: none of our names
  }
}

const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f

const encodeByte = (byte: number): string => (isPlain(byte) ? String.fromCharCode(byte) : escape(byte))

const escape = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`
