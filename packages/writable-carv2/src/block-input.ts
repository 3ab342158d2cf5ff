/** What `put` takes as a block: bytes at once, or in chunks, as interface-blockstore has it. */
import { BlockstoreError } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

export type BlockInput = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * The chunks joined. Bytes given at once are given back as they are.
 *
 * @throws {BlockstoreError} `BLOCKSTORE_TOO_LARGE`: more than `maxBytes`; the rest is not asked for
 */
export const joinInput = async (cid: CID, input: BlockInput, maxBytes: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  if (input instanceof Uint8Array) return input
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    signal?.throwIfAborted()
    length += chunk.byteLength
    if (length > maxBytes) throw tooLarge(cid, maxBytes)
    chunks.push(chunk)
  }
  const [only] = chunks
  if (only !== undefined && chunks.length === 1) return only
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

export const tooLarge = (cid: CID, maxBytes: number): BlockstoreError =>
  new BlockstoreError('BLOCKSTORE_TOO_LARGE', `block is too large; max=${maxBytes} cid=${cid.toString()}`, { cid })
