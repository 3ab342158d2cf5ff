/// <reference lib="esnext.disposable" preserve="true" />
/** The whole piece where only its payload is kept: zeros follow, up to 127/128 of the padded size. */
import { type ByteSource, checkRange, IoError } from '@dagstore/io'
import { CHUNK_UNPADDED, isPieceSize, MAX_PIECE_PADDED, paddedBytes, pieceBytes as smallestPiece, unpaddedBytes } from '@dagstore/piece'
import type { PieceCallOptions } from './piece-loader.ts'

/**
 * What a place that keeps a payload or a whole piece has, as the whole piece. Where the size of the piece is not known, it is
 * taken for the smallest that holds the bytes. Owns `source` from then on; closes it when it cannot be the piece.
 *
 * @throws {IoError} `IO_SOURCE_CHANGED`: of another length than the piece and its payload
 */
export const asWholePiece = async (source: ByteSource, known: Pick<PieceCallOptions, 'pieceBytes' | 'payloadBytes'>): Promise<ByteSource> => {
  const { sizeBytes } = source
  const want = known.pieceBytes ?? wholeSizeOf(sizeBytes)
  if (sizeBytes === want) return source
  if (sizeBytes > 0 && sizeBytes < want && (known.payloadBytes === undefined || known.payloadBytes === sizeBytes)) return withZeroTail(source, want)
  await source.close()
  throw new IoError('IO_SOURCE_CHANGED', `not as long as the piece; want=${want} payload=${known.payloadBytes ?? 'unknown'} got=${sizeBytes}`, { retry: 'later' })
}

const wholeSizeOf = (sizeBytes: number): number => {
  if (sizeBytes % CHUNK_UNPADDED === 0 && isPieceSize(paddedBytes(sizeBytes))) return sizeBytes
  // of nothing, and of more than any piece holds, there is no piece
  return sizeBytes === 0 || sizeBytes > unpaddedBytes(MAX_PIECE_PADDED) ? CHUNK_UNPADDED : smallestPiece(sizeBytes).unpadded
}

const withZeroTail = (source: ByteSource, sizeBytes: number): ByteSource => {
  let closed = false
  const check = (at: number, length: number): number => {
    if (closed) throw new IoError('IO_CLOSED', 'source is closed')
    checkRange(at, length, sizeBytes)
    return Math.max(0, Math.min(length, source.sizeBytes - at))
  }
  const close = (): Promise<void> => {
    closed = true
    return source.close()
  }
  return {
    sizeBytes,
    identity: { kind: 'content', cid: `zero-tail@${source.sizeBytes}`, sizeBytes },
    get cost () { return source.cost },
    read: async (at, length, options) => {
      options?.signal?.throwIfAborted()
      const inside = check(at, length)
      if (inside === length) return source.read(at, length, options)
      const bytes = new Uint8Array(length)
      if (inside > 0) bytes.set(await source.read(at, inside, options))
      return bytes
    },
    peek: (at, length) => check(at, length) === length ? source.peek(at, length) : undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
}
