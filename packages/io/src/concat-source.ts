/// <reference lib="esnext.disposable" preserve="true" />
/** Sources that follow each other, as one: many files read as if they were one, each opened when it is needed. */
import type { ByteSource, SourceCost } from './byte-source.ts'
import type { Awaitable } from './calls.ts'
import { IoError } from './errors.ts'
import type { SourceIdentity } from './identity.ts'
import { checkRange, memoryInode } from './memory.ts'
import { withdrawable } from './withdrawable.ts'

/** What comes next; none of it is read before a byte of it is wanted. */
export interface ConcatPart {
  /** A whole number from 0. */
  readonly sizeBytes: number
  /** Called when a byte is wanted first, and again after a failure. What it gives belongs to the whole, which closes it. */
  readonly open: () => Awaitable<ByteSource>
}

export interface ConcatOptions {
  /** Of a read in any of the parts; they are not open yet. */
  readonly cost: SourceCost
  /** Of all bytes together. @default one that equals no other */
  readonly identity?: SourceIdentity | undefined
}

interface Piece {
  readonly start: number
  readonly end: number
  readonly open: ConcatPart['open']
  source: ByteSource | undefined
  opening: Promise<ByteSource> | undefined
}

/**
 * The parts one after another. A read that spans several asks them at once. A part stays open until all are closed.
 *
 * A part that is not as long as was said makes reads reject with `IO_SOURCE_CHANGED`; one that cannot be opened, with its reason.
 *
 * @throws {RangeError} a length that is no whole number from 0, or more than 2^53 - 1 in all
 */
export const createConcatSource = (parts: readonly ConcatPart[], options: ConcatOptions): ByteSource => {
  let sizeBytes = 0
  const pieces: Piece[] = parts.map((part) => {
    const start = sizeBytes
    sizeBytes += part.sizeBytes
    if (!Number.isSafeInteger(part.sizeBytes) || part.sizeBytes < 0 || !Number.isSafeInteger(sizeBytes)) throw new RangeError(`length of a part; want=whole number from 0 got=${part.sizeBytes}`)
    return { start, end: sizeBytes, open: part.open, source: undefined, opening: undefined }
  })
  const underWay = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const check = (at: number, length: number): void => {
    if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    checkRange(at, length, sizeBytes)
  }
  /** The first piece that ends behind `at`. */
  const pieceAt = (at: number): number => {
    let low = 0
    for (let high = pieces.length; low < high;) {
      const middle = (low + high) >>> 1
      if (pieces[middle]!.end > at) high = middle
      else low = middle + 1
    }
    return low
  }
  const opened = async (piece: Piece): Promise<ByteSource> => {
    const source = await piece.open()
    if (source.sizeBytes === piece.end - piece.start) return piece.source = source
    await source.close()
    throw new IoError('IO_SOURCE_CHANGED', `a part has another length; want=${piece.end - piece.start} got=${source.sizeBytes}`, { offset: piece.start })
  }
  const open = (piece: Piece): Awaitable<ByteSource> => piece.source ?? (piece.opening ??= opened(piece).finally(() => { piece.opening = undefined }))

  const readPiece = async (piece: Piece, at: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const opening = open(piece)
    const source = 'then' in opening ? await withdrawable(opening, signal) : opening
    return source.read(at - piece.start, end - at, { signal })
  }
  const readAll = async (at: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const end = at + length
    const first = pieceAt(at)
    if (length > 0 && end <= pieces[first]!.end) return readPiece(pieces[first]!, at, end, signal)
    const reads: Promise<Uint8Array>[] = []
    for (let i = first, from = at; from < end; i++) {
      const piece = pieces[i]!
      const to = Math.min(end, piece.end)
      if (to > from) reads.push(readPiece(piece, from, to, signal))
      from = to
    }
    const bytes = new Uint8Array(length)
    let done = 0
    for (const part of await Promise.all(reads)) {
      bytes.set(part, done)
      done += part.byteLength
    }
    return bytes
  }
  const closeAll = async (): Promise<void> => {
    await Promise.allSettled(underWay)
    let failure: { readonly error: unknown } | undefined
    for (const piece of pieces) {
      const source = piece.source ?? await piece.opening?.catch(() => undefined) // of a read that was withdrawn
      await source?.close().catch((error: unknown) => { failure ??= { error } })
    }
    if (failure !== undefined) throw failure.error
  }
  const close = (): Promise<void> => closing ??= closeAll()

  return {
    sizeBytes,
    identity: options.identity ?? { kind: 'file', sizeBytes, mtimeNs: 0n, inode: memoryInode() },
    cost: options.cost,
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      check(at, length)
      const bytes = readAll(at, length, signal)
      underWay.add(bytes)
      try {
        return await bytes
      } finally {
        underWay.delete(bytes)
      }
    },
    peek: (at, length) => {
      check(at, length)
      const piece = pieces[pieceAt(at)]
      return piece !== undefined && at + length <= piece.end ? piece.source?.peek(at - piece.start, length) : undefined
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
