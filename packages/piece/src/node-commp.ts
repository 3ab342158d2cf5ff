/** commP at Node's speed. */
import { setImmediate } from 'node:timers/promises'
import type { ByteProgress, CallOptions } from '@dagstore/io'
import { type CommP, createCommP as createPlainCommP, type PieceCommitment } from './commp.ts'
import { createNodePairHasher } from './node-pair-hasher.ts'

/** Some 20 ms of hashing. */
const SLICE_BYTES = 1 << 20

export const createCommP = (): CommP => createPlainCommP({ hasher: createNodePairHasher() })

export interface CommpOfOptions extends CallOptions {
  /** Only passed on to `onProgress`. */
  readonly totalBytes?: number | undefined
  /** After each slice of at most 1 MiB. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/**
 * The commitment of a stream of chunks of any length. Gives way to other work after each slice of at most 1 MiB; keeps no
 * reference to a chunk.
 *
 * @throws {PieceError} `PIECE_TOO_SMALL`: no bytes. `PIECE_TOO_LARGE`: more than a piece of 64 GiB holds.
 */
export const commpOf = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: CommpOfOptions = {}): Promise<PieceCommitment> => {
  const { signal, onProgress, totalBytes } = options
  signal?.throwIfAborted()
  const commp = createCommP()
  let sinceYield = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += SLICE_BYTES) {
      signal?.throwIfAborted()
      const slice = chunk.subarray(at, at + SLICE_BYTES)
      commp.write(slice)
      sinceYield += slice.byteLength
      if (sinceYield < SLICE_BYTES) continue
      sinceYield = 0
      onProgress?.({ doneBytes: commp.payloadBytes, totalBytes })
      await setImmediate()
    }
  }
  signal?.throwIfAborted()
  return commp.finish()
}
