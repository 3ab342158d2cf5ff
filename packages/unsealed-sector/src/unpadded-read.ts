/**
 * Payload bytes out of padded ones.
 *
 *     payload [s, e) lies in the chunks floor(s/127) up to ceil(e/127): padded bytes [128 * floor(s/127), 128 * ceil(e/127))
 *
 * A short read is one read of these chunks. A long one goes through them in slices that stay in the processor's cache, two
 * reads under way while a third slice is unpadded.
 *
 * Source: lotus extern/sector-storage/piece_provider.go, fr32/readers.go.
 */
import type { CallOptions } from '@dagstore/io'
import { CHUNK_PADDED, CHUNK_UNPADDED } from '@dagstore/piece'
import type { Fr32 } from './fr32.ts'

const SLICE_CHUNKS = 2048
/** 256 KiB: what one read fetches, at most. */
export const SLICE_PADDED: number = SLICE_CHUNKS * CHUNK_PADDED
const SLICE_UNPADDED = SLICE_CHUNKS * CHUNK_UNPADDED
const READS_UNDER_WAY = 2

/** @returns exactly `length` padded bytes, in memory of the caller's own */
export type ReadPadded = (at: number, length: number, call: CallOptions) => Promise<Uint8Array>

export interface ChunkSpan {
  /** Padded bytes from the start of the piece. */
  readonly start: number
  /** Padded bytes. */
  readonly length: number
  /** Payload bytes of the first chunk that come before those asked for. */
  readonly skip: number
}

/** The chunks around payload bytes; none for no bytes. */
export const chunksAround = (from: number, length: number): ChunkSpan => {
  const first = Math.floor(from / CHUNK_UNPADDED)
  const end = length === 0 ? first : Math.ceil((from + length) / CHUNK_UNPADDED)
  return { start: first * CHUNK_PADDED, length: (end - first) * CHUNK_PADDED, skip: from - first * CHUNK_UNPADDED }
}

/** `length` payload bytes from `from`, in memory of their own. Nothing is under way any more when it rejects. */
export const readUnpadded = async (read: ReadPadded, fr32: Fr32, from: number, length: number, call: CallOptions): Promise<Uint8Array> => {
  const span = chunksAround(from, length)
  if (span.length === 0) return new Uint8Array(0)
  if (span.length <= SLICE_PADDED) {
    const padded = await read(span.start, span.length, call)
    fr32.unpadInto(padded, padded)
    return padded.subarray(span.skip, span.skip + length)
  }
  const out = new Uint8Array(span.length / CHUNK_PADDED * CHUNK_UNPADDED)
  const underWay: Promise<Uint8Array>[] = []
  const startNext = (at: number): void => {
    if (at >= span.length) return
    const slice = read(span.start + at, Math.min(SLICE_PADDED, span.length - at), call)
    slice.catch(() => {}) // awaited below, in its turn
    underWay.push(slice)
  }
  try {
    for (let i = 0; i < READS_UNDER_WAY; i++) startNext(i * SLICE_PADDED)
    for (let at = 0, to = 0; at < span.length; at += SLICE_PADDED, to += SLICE_UNPADDED) {
      const padded = await underWay.shift()!
      startNext(at + READS_UNDER_WAY * SLICE_PADDED)
      fr32.unpadInto(padded, out.subarray(to))
    }
  } catch (error) {
    await Promise.allSettled(underWay)
    throw error
  }
  return out.subarray(span.skip, span.skip + length)
}
