/** The bytes of one piece on their way into the file: padded in large parts, zeros left as holes. */
import { type ByteProgress, untilAborted, type WritableFile } from '@dagstore/io'
import { CHUNK_PADDED, CHUNK_UNPADDED, type Fr32 } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import type { SectorRange } from './range.ts'

/** 1 MiB padded. */
const PART_CHUNKS = 8192

interface PaddedDataOptions {
  readonly fr32: Fr32
  /** Parts of the range, ascending, that may hold other bytes than zeros. */
  readonly litter: readonly SectorRange[]
  readonly maxBytes: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: ByteProgress) => void) | undefined
}

/**
 * Write a payload into `range` of the file, and see to it that the rest of the range reads as zeros; not synced. While a part
 * is written, the next one is taken and padded. Nothing is under way any more when it rejects.
 */
export const writePadded = async (file: WritableFile, range: SectorRange, payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: PaddedDataOptions): Promise<{ payloadBytes: number }> => {
  const { fr32, litter, maxBytes, signal, onProgress } = options
  const chunks = Math.min(PART_CHUNKS, range.length / CHUNK_PADDED)
  const part = new Uint8Array(chunks * CHUNK_UNPADDED)
  let [padded, spare] = [new Uint8Array(chunks * CHUNK_PADDED), new Uint8Array(chunks * CHUNK_PADDED)]
  let underWay: Promise<void> | undefined
  let partBytes = 0
  let paddedBytes = 0
  let payloadBytes = 0
  const written = async (): Promise<void> => {
    await underWay
    underWay = undefined
  }
  const flush = async (): Promise<void> => {
    signal?.throwIfAborted()
    const whole = Math.ceil(partBytes / CHUNK_UNPADDED) * CHUNK_UNPADDED
    part.fill(0, partBytes, whole)
    const length = fr32.padInto(part.subarray(0, whole), padded)
    await written()
    const doneBytes = payloadBytes
    underWay = file.write(range.start + paddedBytes, padded.subarray(0, length)).then(() => { onProgress?.({ doneBytes, totalBytes: undefined }) })
    underWay.catch(() => {}) // awaited before the next one, or below
    ;[padded, spare] = [spare, padded]
    paddedBytes += length
    partBytes = 0
  }
  try {
    for await (const chunk of untilAborted(payload, signal)) {
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
    await written()
  } catch (error) {
    await underWay?.catch(() => {}) // the first failure is the one to report
    throw error
  }
  spare.fill(0)
  for (const { start, length } of litter) await clear(file, Math.max(start, range.start + paddedBytes), start + length, spare, signal)
  return { payloadBytes }
}

/** Write zeros where there are others, in [from, to); what is a hole stays one. The next part is read meanwhile. */
const clear = async (file: WritableFile, from: number, to: number, zeros: Uint8Array, signal: AbortSignal | undefined): Promise<void> => {
  const read = (at: number): Promise<Uint8Array> | undefined => {
    if (at >= to) return undefined
    const part = file.read(at, Math.min(zeros.byteLength, to - at))
    part.catch(() => {}) // awaited below, unless an earlier part fails
    return part
  }
  let next = read(from)
  for (let at = from; next !== undefined; at += zeros.byteLength) {
    const part: Uint8Array = await next
    signal?.throwIfAborted()
    next = read(at + zeros.byteLength)
    if (isZero(part)) continue
    try {
      await file.write(at, zeros.subarray(0, part.byteLength))
    } catch (error) {
      await next?.catch(() => {}) // the first failure is the one to report
      throw error
    }
  }
}

/** @param bytes - a multiple of 128 of them */
const isZero = (bytes: Uint8Array): boolean => {
  if (bytes.byteOffset % 4 !== 0) return bytes.every((byte) => byte === 0)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  for (let at = 0; at < words.length; at++) if (words[at] !== 0) return false
  return true
}
