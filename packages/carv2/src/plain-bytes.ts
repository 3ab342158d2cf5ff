/** Bytes that others give, as bytes and nothing else: of a Node Buffer `slice` is a view, where a copy is meant. */
import type { ByteSource, CallOptions } from '@dagstore/io'

/** The same memory. */
export const plainBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** `source.read` */
export const readPlain = async (source: ByteSource, at: number, length: number, options?: CallOptions): Promise<Uint8Array> =>
  plainBytes(await source.read(at, length, options))

/** `source.peek` */
export const peekPlain = (source: ByteSource, at: number, length: number): Uint8Array | undefined => {
  const view = source.peek(at, length)
  return view === undefined ? undefined : plainBytes(view)
}
