/// <reference lib="esnext.disposable" preserve="true" />
/** One piece of a sector, unpadded as it is read. */
import { type ByteSource, type CallOptions, IoError, type SourceCost, type SourceIdentity } from '@dagstore/io'
import { type Fr32, paddedRange, readUnpadded, unpaddedBytes } from '@dagstore/piece'

export interface PieceSourceOptions {
  /** What the unpadded bytes are; default: that of the sector file, with the piece's size. */
  readonly identity?: SourceIdentity | undefined
  /** Close the sector when the piece is closed. @default false */
  readonly owns?: boolean | undefined
}

/** Padded bytes of one piece, from its start. */
export interface PaddedPiece {
  /** Padded, in the sector. */
  readonly start: number
  /** Padded. */
  readonly length: number
  readonly fileIdentity: SourceIdentity
  readonly cost: SourceCost
  readonly fr32: Fr32
  /** Exactly `length` padded bytes, in memory of the caller's own. */
  read(at: number, length: number, call: CallOptions): Promise<Uint8Array>
  /** Read-only view, or `undefined`. */
  peek(at: number, length: number): Uint8Array | undefined
  /** For a piece that owns its sector. */
  closeSector(): Promise<void>
}

export const createPieceSource = (piece: PaddedPiece, options: PieceSourceOptions = {}): ByteSource => {
  const sizeBytes = unpaddedBytes(piece.length)
  const identity = options.identity ?? identityOf(piece.fileIdentity, piece.start, sizeBytes)
  if (identity.sizeBytes !== sizeBytes) throw new RangeError(`identity of another size; want=${sizeBytes} got=${identity.sizeBytes}`)
  let closing: Promise<void> | undefined
  const check = (from: number, length: number): void => {
    if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(length) || from < 0 || length < 0 || from + length > sizeBytes) {
      throw new IoError('IO_OUT_OF_RANGE', `read out of range; at=${from} length=${length} size=${sizeBytes}`, { offset: from })
    }
  }
  const padded = { sizeBytes: piece.length, read: (at: number, length: number, call: CallOptions = {}) => piece.read(at, length, call) }
  const close = (): Promise<void> => closing ??= options.owns === true ? piece.closeSector() : Promise.resolve()
  return {
    sizeBytes,
    identity,
    cost: piece.cost,
    read: async (from: number, length: number, call: CallOptions = {}) => {
      call.signal?.throwIfAborted()
      check(from, length)
      return readUnpadded(padded, from, length, { engine: piece.fr32, signal: call.signal })
    },
    peek: (from: number, length: number) => {
      check(from, length)
      const { start, end, skip } = paddedRange(from, from + length)
      const found = piece.peek(start, end - start)
      if (found === undefined) return undefined
      const unpadded = new Uint8Array(unpaddedBytes(found.byteLength))
      piece.fr32.unpadInto(found, unpadded)
      return unpadded.subarray(skip, skip + length)
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
