/**
 * What stands behind the bytes of a transient copy, so that nobody takes it for a copy of other bytes:
 *
 *     size  field
 *     n     JSON: key, generation, and the identity of the source it was copied from (`null` where that had none)
 *     4     n, u32 big-endian
 *     8     "dagcopy" and the version, 2
 *
 * Version 1, which is still read, had the identity alone as its JSON.
 */
import type { ByteSource, CallOptions, SourceIdentity } from '@dagstore/io'
import { bigintsAsText, countIn, fieldsOf, parseIdentity, textIn } from './identity-json.ts'

const MAGIC: Uint8Array = Uint8Array.of(0x64, 0x61, 0x67, 0x63, 0x6f, 0x70, 0x79)
const VERSION = 2
const END_BYTES = 4 + MAGIC.byteLength + 1
/** More than any tag, CID and key take. */
const MAX_JSON_BYTES = 64 << 10

/** Whose copy it is. */
export interface CopyOwner {
  readonly key: string
  readonly generation: number
}

export interface CopyTrailer {
  /** Of the source's bytes, before the trailer. */
  readonly payloadBytes: number
  readonly identity: SourceIdentity | undefined
  /** `undefined` in version 1. */
  readonly owner: CopyOwner | undefined
}

export const encodeTrailer = (identity: SourceIdentity | undefined, { key, generation }: CopyOwner): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify({ key, generation, identity: identity ?? null }, bigintsAsText))
  const out = new Uint8Array(json.byteLength + END_BYTES)
  out.set(json)
  new DataView(out.buffer).setUint32(json.byteLength, json.byteLength)
  out.set(MAGIC, json.byteLength + 4)
  out[out.byteLength - 1] = VERSION
  return out
}

/** `undefined`: the file ends with no trailer of these versions. */
export const readTrailer = async (file: ByteSource, { signal }: CallOptions = {}): Promise<CopyTrailer | undefined> => {
  const { sizeBytes } = file
  if (sizeBytes < END_BYTES) return undefined
  const end = await file.read(sizeBytes - END_BYTES, END_BYTES, { signal })
  const version = end[END_BYTES - 1]
  if (!MAGIC.every((byte, at) => end[4 + at] === byte) || (version !== 1 && version !== VERSION)) return undefined
  const jsonBytes = new DataView(end.buffer, end.byteOffset).getUint32(0)
  const payloadBytes = sizeBytes - END_BYTES - jsonBytes
  if (jsonBytes > MAX_JSON_BYTES || payloadBytes < 0) return undefined
  const bytes = await file.read(payloadBytes, jsonBytes, { signal })
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    const fields = fieldsOf(json)
    const identity = parseIdentity(version === 1 ? json : fields.get('identity'))
    const owner = version === 1 ? undefined : { key: textIn(fields, 'key'), generation: countIn(fields, 'generation') }
    return identity === undefined || identity.sizeBytes === payloadBytes ? { payloadBytes, identity, owner } : undefined
  } catch {
    return undefined // not what we write
  }
}
