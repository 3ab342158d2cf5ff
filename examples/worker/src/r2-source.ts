/** Objects in R2, read by range. */
import { type ByteSource, checkRange, IoError, withdrawable } from '@dagstore/io'
import type { R2Bucket, R2GetOptions, R2Object, R2ObjectBody } from './bindings.ts'
import type { Objects, Version } from './objects.ts'

/** About what arrives while one more request is on its way. */
const SEEK_BYTES = 1 << 18

/** @param spend - called before each request; what it throws ends the read */
export const createR2Objects = (bucket: R2Bucket, spend: () => void): Objects => ({
  end: async (key, length) => {
    const object = await ask(bucket, key, { range: { suffix: length } }, spend)
    if (object === null) throw new IoError('IO_NOT_FOUND', `no such object; key=${key}`)
    if (!('body' in object)) throw new IoError('IO_FAILED', `an object without bytes; key=${key}`)
    const bytes = await bytesOf(object, key, 0, Math.min(length, object.size))
    return { version: { sizeBytes: object.size, etag: object.etag }, bytes }
  },
  open: async (key, version) => createR2Source(bucket, key, version, spend),
})

/**
 * One version of an object: of the tag given, else of the tag that the first read meets. A read of another version, or of
 * another length than was said, rejects with `IO_SOURCE_CHANGED`.
 */
export const createR2Source = (bucket: R2Bucket, key: string, version: Version, spend: () => void): ByteSource => {
  const { sizeBytes } = version
  let { etag } = version
  let closed = false
  const check = (at: number, length: number): void => {
    if (closed) throw new IoError('IO_CLOSED', `source is closed; key=${key}`)
    checkRange(at, length, sizeBytes)
  }
  const readRange = async (at: number, length: number): Promise<Uint8Array> => {
    const object = await ask(bucket, key, { range: { offset: at, length }, ...(etag === undefined ? {} : { onlyIf: { etagMatches: etag } }) }, spend)
    if (object === null) throw new IoError('IO_SOURCE_LOST', `the object is gone; key=${key}`, { offset: at })
    if (!('body' in object) || object.size !== sizeBytes || (etag !== undefined && object.etag !== etag)) {
      if ('body' in object) await object.body.cancel().catch(() => {}) // nobody wants it
      throw new IoError('IO_SOURCE_CHANGED', `the object changed; key=${key}`, { offset: at })
    }
    etag = object.etag
    return bytesOf(object, key, at, length)
  }
  const close = async (): Promise<void> => { closed = true }
  return {
    sizeBytes,
    identity: etag === undefined ? { kind: 'file', sizeBytes, mtimeNs: 0n, inode: 0n } : { kind: 'version', tag: etag, sizeBytes },
    cost: { kind: 'remote', seekBytes: SEEK_BYTES },
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      check(at, length)
      return length === 0 ? new Uint8Array(0) : withdrawable(readRange(at, length), signal)
    },
    peek: (at, length) => {
      check(at, length)
      return undefined
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const ask = async (bucket: R2Bucket, key: string, options: R2GetOptions, spend: () => void): Promise<R2ObjectBody | R2Object | null> => {
  spend()
  try {
    return await bucket.get(key, options)
  } catch (cause) {
    throw new IoError('IO_SOURCE_LOST', `R2 gives no answer; key=${key}`, { cause, retry: 'later' })
  }
}

const bytesOf = async (object: R2ObjectBody, key: string, at: number, length: number): Promise<Uint8Array> => {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await object.arrayBuffer())
  } catch (cause) {
    throw new IoError('IO_SOURCE_LOST', `the connection to R2 broke; key=${key}`, { cause, retry: 'later', offset: at })
  }
  if (bytes.byteLength === length) return bytes
  throw new IoError('IO_TRUNCATED', `the answer of R2 has another length; key=${key} want=${length} got=${bytes.byteLength}`, { offset: at })
}
