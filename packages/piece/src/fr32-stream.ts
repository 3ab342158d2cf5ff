/** fr32 of streams, whose chunks may be cut anywhere. */
import { type CallOptions, untilAborted } from '@dagstore/io'
import { BLOCK_PADDED, BLOCK_UNPADDED, type Fr32 } from './engine.ts'
import { PieceError } from './errors.ts'
import { plainFr32 } from './fr32.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED, paddedBytes as paddedOf, unpaddedBytes as unpaddedOf } from './sizes.ts'

export interface Fr32StreamOptions extends CallOptions {
  /** @default plain JavaScript */
  readonly engine?: Fr32 | undefined
}

export interface PadStreamOptions extends Fr32StreamOptions {
  /** Padded size to fill up to with zeros, a multiple of 128 bytes. @default the last chunk is filled, and no more */
  readonly paddedBytes?: number | undefined
}

export interface UnpadStreamOptions extends Fr32StreamOptions {
  /** How many payload bytes to give; zeros behind them are left out, and the source is asked for no more. @default all there are */
  readonly payloadBytes?: number | undefined
}

/**
 * Pad a payload. Yields memory of the consumer's own, 64 KiB at a time.
 *
 * @throws {PieceError} `PIECE_TOO_LARGE`: the payload needs more than `paddedBytes`
 * @throws {RangeError} `paddedBytes` is no number of whole chunks
 */
export async function * padFr32Stream (payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: PadStreamOptions = {}): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { engine = plainFr32, paddedBytes, signal } = options
  const maxBytes = paddedBytes === undefined ? Number.MAX_SAFE_INTEGER : unpaddedOf(paddedBytes)
  signal?.throwIfAborted()
  let payloadBytes = 0
  let written = 0
  for await (const { bytes, isLast } of blocksOf(untilAborted(payload, signal), BLOCK_UNPADDED)) {
    signal?.throwIfAborted()
    payloadBytes += bytes.byteLength
    if (payloadBytes > maxBytes) throw new PieceError('PIECE_TOO_LARGE', `payload exceeds the piece; payload=${payloadBytes} max=${maxBytes}`)
    const whole = isLast ? filled(bytes, Math.ceil(bytes.byteLength / CHUNK_UNPADDED) * CHUNK_UNPADDED) : bytes
    if (whole.byteLength === 0) continue
    const padded = new Uint8Array(paddedOf(whole.byteLength))
    written += engine.padInto(whole, padded)
    yield padded
  }
  for (; written < (paddedBytes ?? 0); written += Math.min(BLOCK_PADDED, paddedBytes! - written)) {
    signal?.throwIfAborted()
    yield new Uint8Array(Math.min(BLOCK_PADDED, paddedBytes! - written))
  }
}

/**
 * Unpad the padded bytes of a payload. Yields memory of the consumer's own, at most 65,024 bytes at a time.
 *
 * @throws {PieceError} `PIECE_TRUNCATED`: fewer than `payloadBytes` come out, or the padded bytes end within a chunk
 * @throws {RangeError} `payloadBytes` is no number of bytes
 */
export async function * unpadFr32Stream (padded: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: UnpadStreamOptions = {}): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { engine = plainFr32, payloadBytes, signal } = options
  if (payloadBytes !== undefined && !(Number.isSafeInteger(payloadBytes) && payloadBytes >= 0)) throw new RangeError(`not a number of bytes; payload=${payloadBytes}`)
  signal?.throwIfAborted()
  let left = payloadBytes ?? Number.MAX_SAFE_INTEGER
  if (left === 0) return
  for await (const { bytes } of blocksOf(untilAborted(padded, signal), BLOCK_PADDED)) {
    signal?.throwIfAborted()
    // the chunk that holds the last byte wanted is there in full, or nothing of it can be trusted
    const whole = bytes.byteLength - bytes.byteLength % CHUNK_PADDED
    const unpadded = new Uint8Array(unpaddedOf(whole))
    engine.unpadInto(bytes.subarray(0, whole), unpadded)
    const given = Math.min(left, unpadded.byteLength)
    left -= given
    if (given > 0) yield given < unpadded.byteLength ? unpadded.slice(0, given) : unpadded
    if (left === 0) return
    if (whole < bytes.byteLength) throw new PieceError('PIECE_TRUNCATED', `padded bytes end within a chunk; extra=${bytes.byteLength - whole}`)
  }
  if (payloadBytes !== undefined) throw new PieceError('PIECE_TRUNCATED', `padded bytes end before the payload; payload=${payloadBytes} missing=${left}`)
}

/** All bytes in blocks of `blockBytes`, the last one shorter, or empty; each is good until the next is asked for. */
async function * blocksOf (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, blockBytes: number): AsyncGenerator<{ readonly bytes: Uint8Array, readonly isLast: boolean }, void, undefined> {
  const block = new Uint8Array(blockBytes)
  let have = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength;) {
      const isWhole = have === 0 && chunk.byteLength - at >= blockBytes
      const part = chunk.subarray(at, at + blockBytes - have)
      at += part.byteLength
      if (isWhole) {
        yield { bytes: part, isLast: false }
        continue
      }
      block.set(part, have)
      have += part.byteLength
      if (have < blockBytes) continue
      yield { bytes: block, isLast: false }
      have = 0
    }
  }
  yield { bytes: block.subarray(0, have), isLast: true }
}

const filled = (bytes: Uint8Array, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  whole.set(bytes)
  return whole
}
