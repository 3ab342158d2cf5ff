/** A whole block out of any store, ours or not. */
import type { Blockstore } from 'interface-blockstore'
import { type AnyCid, toCid } from './any-cid.ts'
import { type BlockBytesOptions, hasBytes } from './read-blockstore.ts'

/**
 * Whole block from any store: by `bytes` where there is such a power, else the chunks of `get` joined. Memory belongs to
 * the caller. Bytes of a foreign store are as verified as that store made them.
 */
export const readBlock = async (store: Pick<Blockstore, 'get'>, cid: AnyCid, options: BlockBytesOptions = {}): Promise<Uint8Array> => {
  const { signal } = options
  signal?.throwIfAborted()
  if (hasBytes(store)) return store.bytes(cid, options)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of store.get(toCid(cid), signal === undefined ? {} : { signal })) {
    signal?.throwIfAborted()
    chunks.push(chunk)
    length += chunk.byteLength
  }
  // copied even when it is one chunk: a foreign store may yield the memory it keeps
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}
