/** The bytes of one piece on their way into the file: padded in large parts, zeros left as holes. */
import type { ByteProgress, WritableFile } from '@dagstore/io'
import { CHUNK_PADDED, CHUNK_UNPADDED, padFr32Into } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import type { SectorRange } from './range.ts'

/** 1 MiB padded. */
const PART_CHUNKS = 8192

interface PaddedDataOptions {
  /** The range may hold other bytes than zeros. */
  readonly isUnclean: boolean
  readonly maxBytes: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: ByteProgress) => void) | undefined
}

/** Write a payload into `range` of the file, and see to it that the rest of the range reads as zeros; not synced. */
export const writePadded = async (file: WritableFile, range: SectorRange, payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: PaddedDataOptions): Promise<{ payloadBytes: number }> => {
  const { isUnclean, maxBytes, signal, onProgress } = options
  const chunks = Math.min(PART_CHUNKS, range.length / CHUNK_PADDED)
  const part = new Uint8Array(chunks * CHUNK_UNPADDED)
  const padded = new Uint8Array(chunks * CHUNK_PADDED)
  let partBytes = 0
  let writtenPadded = 0
  let payloadBytes = 0
  const flush = async (): Promise<void> => {
    signal?.throwIfAborted()
    const whole = Math.ceil(partBytes / CHUNK_UNPADDED) * CHUNK_UNPADDED
    part.fill(0, partBytes, whole)
    const length = padFr32Into(part.subarray(0, whole), padded)
    await file.write(range.start + writtenPadded, padded.subarray(0, length))
    writtenPadded += length
    partBytes = 0
    onProgress?.({ doneBytes: payloadBytes, totalBytes: undefined })
  }
  for await (const chunk of payload) {
    signal?.throwIfAborted()
    if (payloadBytes + chunk.byteLength > maxBytes) {
      throw new SectorError('SECTOR_PAYLOAD_TOO_LONG', `payload exceeds the piece; max=${maxBytes} padded=${range.length}`, { offset: range.start })
    }
    for (let at = 0; at < chunk.byteLength;) {
      const taken = chunk.subarray(at, at + part.byteLength - partBytes)
      part.set(taken, partBytes)
      partBytes += taken.byteLength
      payloadBytes += taken.byteLength
      at += taken.byteLength
      if (partBytes === part.byteLength) await flush()
    }
  }
  if (partBytes > 0) await flush()
  if (isUnclean) await clear(file, range.start + writtenPadded, range.start + range.length, padded, signal)
  return { payloadBytes }
}

/** Write zeros where there are others, in [from, to); what is a hole stays one. */
const clear = async (file: WritableFile, from: number, to: number, scratch: Uint8Array, signal: AbortSignal | undefined): Promise<void> => {
  scratch.fill(0)
  for (let at = from; at < to; at += scratch.byteLength) {
    signal?.throwIfAborted()
    const length = Math.min(scratch.byteLength, to - at)
    if (!isZero(await file.read(at, length))) await file.write(at, scratch.subarray(0, length))
  }
}

/** @param bytes - a multiple of 128 of them, starting at a multiple of four */
const isZero = (bytes: Uint8Array): boolean => {
  if (bytes.byteOffset % 4 !== 0) return bytes.every((byte) => byte === 0)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  for (let at = 0; at < words.length; at++) if (words[at] !== 0) return false
  return true
}
