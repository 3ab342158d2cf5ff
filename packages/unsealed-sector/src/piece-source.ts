/// <reference lib="esnext.disposable" preserve="true" />
/**
 * One piece of a sector, unpadded as it is read.
 *
 *     payload [s, e) of a piece at padded offset P lies in the chunks floor(s/127) up to ceil(e/127):
 *     file bytes [P + 128 * floor(s/127), P + 128 * ceil(e/127))
 *
 * Source: lotus extern/sector-storage/piece_provider.go, fr32/readers.go.
 */
import { type ByteSource, type CallOptions, IoError, type SourceIdentity } from '@dagstore/io'
import { CHUNK_PADDED, CHUNK_UNPADDED, unpaddedBytes, unpadFr32Into } from '@dagstore/piece'

export interface PieceSourceOptions {
  /** What the unpadded bytes are; default: that of the sector file, with the piece's size. */
  readonly identity?: SourceIdentity | undefined
  /** Close the sector's source when the piece is closed. @default false */
  readonly owns?: boolean | undefined
}

/** @param at - where the piece starts in `source`; `paddedLength` a multiple of 128 */
export const createPieceSource = (source: ByteSource, at: number, paddedLength: number, options: PieceSourceOptions = {}): ByteSource => {
  const sizeBytes = unpaddedBytes(paddedLength)
  const identity = options.identity ?? identityOf(source.identity, at, sizeBytes)
  if (identity.sizeBytes !== sizeBytes) throw new RangeError(`identity of another size; want=${sizeBytes} got=${identity.sizeBytes}`)
  let closing: Promise<void> | undefined
  const spanOf = (from: number, length: number): { start: number, length: number } => {
    if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(length) || from < 0 || length < 0 || from + length > sizeBytes) {
      throw new IoError('IO_OUT_OF_RANGE', `read out of range; at=${from} length=${length} size=${sizeBytes}`, { offset: from })
    }
    const firstChunk = Math.floor(from / CHUNK_UNPADDED)
    const endChunk = length === 0 ? firstChunk : Math.ceil((from + length) / CHUNK_UNPADDED)
    return { start: at + firstChunk * CHUNK_PADDED, length: (endChunk - firstChunk) * CHUNK_PADDED }
  }
  const cut = (unpadded: Uint8Array, from: number, length: number): Uint8Array => {
    const skip = from % CHUNK_UNPADDED
    return unpadded.subarray(skip, skip + length)
  }
  const close = (): Promise<void> => closing ??= options.owns === true ? source.close() : Promise.resolve()
  return {
    sizeBytes,
    identity,
    cost: source.cost,
    read: async (from: number, length: number, call?: CallOptions) => {
      call?.signal?.throwIfAborted()
      const span = spanOf(from, length)
      if (length === 0) return new Uint8Array(0)
      const padded = await source.read(span.start, span.length, call)
      unpadFr32Into(padded, padded)
      return cut(padded, from, length)
    },
    peek: (from: number, length: number) => {
      const span = spanOf(from, length)
      const padded = source.peek(span.start, span.length)
      if (padded === undefined) return undefined
      const unpadded = new Uint8Array(unpaddedBytes(padded.byteLength))
      unpadFr32Into(padded, unpadded)
      return cut(unpadded, from, length)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const identityOf = (file: SourceIdentity, at: number, sizeBytes: number): SourceIdentity => {
  switch (file.kind) {
    case 'content': return { kind: 'content', cid: `${file.cid}#unpadded@${at}+${sizeBytes}`, sizeBytes }
    case 'version': return { kind: 'version', tag: `${file.tag}#unpadded@${at}+${sizeBytes}`, sizeBytes }
    // no inode of any file, but one that tells two pieces of a sector apart
    case 'file': return { ...file, sizeBytes, inode: file.inode ^ BigInt(at) }
  }
}
