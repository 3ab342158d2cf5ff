/**
 * What stands behind the bytes of a transient copy, so that nobody takes it for a copy of other bytes:
 *
 *     size  field
 *     n     identity of the source it was copied from, JSON; `null` where that had none
 *     4     n, u32 big-endian
 *     8     "dagcopy" and the version, 1
 */
import { type ByteSource, type CallOptions, type SourceIdentity } from '@dagstore/io'

const MAGIC: Uint8Array = Uint8Array.of(0x64, 0x61, 0x67, 0x63, 0x6f, 0x70, 0x79, 1)
const END_BYTES = 4 + MAGIC.byteLength
/** More than any tag or CID takes. */
const MAX_JSON_BYTES = 64 << 10

export interface CopyTrailer {
  /** Of the source's bytes, before the trailer. */
  readonly payloadBytes: number
  readonly identity: SourceIdentity | undefined
}

export const encodeTrailer = (identity: SourceIdentity | undefined): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify(identity ?? null, (_, value: unknown) => typeof value === 'bigint' ? value.toString() : value))
  const out = new Uint8Array(json.byteLength + END_BYTES)
  out.set(json)
  new DataView(out.buffer).setUint32(json.byteLength, json.byteLength)
  out.set(MAGIC, json.byteLength + 4)
  return out
}

/** `undefined`: the file ends with no trailer of this version. */
export const readTrailer = async (file: ByteSource, { signal }: CallOptions = {}): Promise<CopyTrailer | undefined> => {
  const { sizeBytes } = file
  if (sizeBytes < END_BYTES) return undefined
  const end = await file.read(sizeBytes - END_BYTES, END_BYTES, { signal })
  if (!MAGIC.every((byte, at) => end[4 + at] === byte)) return undefined
  const jsonBytes = new DataView(end.buffer, end.byteOffset).getUint32(0)
  const payloadBytes = sizeBytes - END_BYTES - jsonBytes
  if (jsonBytes > MAX_JSON_BYTES || payloadBytes < 0) return undefined
  const json = await file.read(payloadBytes, jsonBytes, { signal })
  try {
    const identity = parseIdentity(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)))
    return identity === undefined || identity.sizeBytes === payloadBytes ? { payloadBytes, identity } : undefined
  } catch {
    return undefined // not what we write
  }
}

/** @throws {TypeError} no identity */
const parseIdentity = (json: unknown): SourceIdentity | undefined => {
  if (json === null) return undefined
  const fields = new Map(Object.entries(Object(json)))
  const sizeBytes = fields.get('sizeBytes')
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes)) throw new TypeError('sizeBytes')
  const text = (name: string): string => {
    const value = fields.get(name)
    if (typeof value !== 'string') throw new TypeError(name)
    return value
  }
  switch (fields.get('kind')) {
    case 'content': return { kind: 'content', cid: text('cid'), sizeBytes }
    case 'version': return { kind: 'version', tag: text('tag'), sizeBytes }
    case 'file': return { kind: 'file', sizeBytes, mtimeNs: BigInt(text('mtimeNs')), inode: BigInt(text('inode')) }
    default: throw new TypeError('kind')
  }
}
