/**
 * Payload bytes out of padded ones.
 *
 * A short read is one read of the chunks around. A long one goes through them in slices that stay in the processor's cache, two
 * reads under way while a third slice is unpadded.
 *
 * Source: lotus extern/sector-storage/piece_provider.go, fr32/readers.go.
 */
import type { CallOptions } from '@dagstore/io'
import { CHUNK_PADDED, CHUNK_UNPADDED, type Fr32, paddedRange } from '@dagstore/piece'

const SLICE_CHUNKS = 2048
/** 256 KiB: what one of several reads fetches, at most. */
export const SLICE_PADDED: number = SLICE_CHUNKS * CHUNK_PADDED
/** 1 MiB: up to there one read, unpadded where it stands, costs less than what it takes to put slices together. */
export const SINGLE_PADDED: number = 4 * SLICE_PADDED
const SLICE_UNPADDED = SLICE_CHUNKS * CHUNK_UNPADDED
const READS_UNDER_WAY = 2

/** @returns exactly `length` padded bytes, in memory of the caller's own */
export type ReadPadded = (at: number, length: number, call: CallOptions) => Promise<Uint8Array>

/** `length` payload bytes from `from`, in memory of their own. Nothing is under way any more when it rejects. */
export const readUnpadded = async (read: ReadPadded, fr32: Fr32, from: number, length: number, call: CallOptions): Promise<Uint8Array> => {
  const { start, end, skip } = paddedRange(from, from + length)
  if (end === start) return new Uint8Array(0)
  if (end - start <= SINGLE_PADDED) {
    const padded = await read(start, end - start, call)
    fr32.unpadInto(padded, padded)
    return padded.subarray(skip, skip + length)
  }
  const out = new Uint8Array((end - start) / CHUNK_PADDED * CHUNK_UNPADDED)
  const underWay: Promise<Uint8Array>[] = []
  const startNext = (at: number): void => {
    if (at >= end) return
    const slice = read(at, Math.min(SLICE_PADDED, end - at), call)
    slice.catch(() => {}) // awaited below, in its turn
    underWay.push(slice)
  }
  try {
    for (let i = 0; i < READS_UNDER_WAY; i++) startNext(start + i * SLICE_PADDED)
    for (let at = start, to = 0; at < end; at += SLICE_PADDED, to += SLICE_UNPADDED) {
      const padded = await underWay.shift()!
      startNext(at + READS_UNDER_WAY * SLICE_PADDED)
      fr32.unpadInto(padded, out.subarray(to))
    }
  } catch (error) {
    await Promise.allSettled(underWay)
    throw error
  }
  return out.subarray(skip, skip + length)
}
