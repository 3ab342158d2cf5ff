/** The growing end of a file: what is appended is readable at once from memory, and written in large pieces behind. */
import type { WritableFile } from '@dagstore/io'

/** Small sections are gathered into pieces of this many bytes. */
const PIECE_BYTES = 1 << 19
/** More than this not yet written is too much. Writes wait for a sync beside them, which half of this let every put wait for too. */
const BACKLOG_BYTES = 4 << 20
/** Memory that is kept for pieces to come. */
const SPARE_BYTES = BACKLOG_BYTES
/** A longer section has a piece of its own, of a multiple of this, so that others of about its length can have it after it. */
const LONG_STEP_BYTES = 1 << 16
const MAX_VARINT_BYTES = 9

interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
  used: number
  /** While it is being written. */
  writing: Promise<void> | undefined
}

export interface Tail {
  /** Where the next section will begin, from the start of the file. */
  readonly end: number
  /** Everything before it is handed to the file, from the start of the file. */
  readonly writtenEnd: number
  /** Whether so much waits to be written that the next append should wait for {@link Tail.drain}. */
  readonly isFull: boolean
  /** Resolves when about half of that is written. Rejects when writing fails; what was appended stays readable, and a later call tries again. */
  drain(): Promise<void>
  /** Takes a copy as a section and gives its place, from the start of the file to its length varint. */
  append(cid: Uint8Array, data: Uint8Array): number
  /** A copy of bytes of one appended section, while they are in memory. */
  peek(at: number, length: number): Uint8Array | undefined
  /** Everything appended before the call is handed to the file (not synced). @throws {IoError} */
  flush(): Promise<void>
  /** Resolves when no write is under way. */
  idle(): Promise<void>
}

/** @param onWritten - told of bytes when the file has taken them */
export const createTail = (file: Pick<WritableFile, 'write'>, start: number, onWritten: (bytes: number) => void): Tail => {
  /** In order; the last one is open to appends unless sealed. */
  const pieces: Piece[] = []
  /** Of pieces that were written, to be used again. */
  const spare: Uint8Array[] = []
  let spareBytes = 0
  let sealed = true
  let end = start
  let backlog = 0

  const keep = (bytes: Uint8Array): void => {
    if (bytes.byteLength > SPARE_BYTES) return
    spare.push(bytes)
    spareBytes += bytes.byteLength
    // what is not asked for any more makes room
    while (spareBytes > SPARE_BYTES) spareBytes -= spare.shift()!.byteLength
  }
  /** New memory is filled with zeros, and what is done with it makes work for the collector. */
  const memoryOf = (length: number): Uint8Array => {
    const wanted = length > PIECE_BYTES ? Math.ceil(length / LONG_STEP_BYTES) * LONG_STEP_BYTES : PIECE_BYTES
    const found = spare.findLastIndex(({ byteLength }) => byteLength === wanted)
    if (found < 0) return new Uint8Array(wanted)
    spareBytes -= wanted
    return spare.splice(found, 1)[0]!
  }

  /** Writes of several pieces overlap, with each other and with what the caller does. */
  const write = (piece: Piece): Promise<void> => piece.writing ??= file.write(piece.at, piece.bytes.subarray(0, piece.used)).then(() => {
    pieces.splice(pieces.indexOf(piece), 1)
    backlog -= piece.used
    keep(piece.bytes)
    onWritten(piece.used)
  }, (error: unknown) => {
    piece.writing = undefined // it stays, so that the next call tries again
    throw error
  })
  /** All of them are tried, whatever becomes of one. */
  const writeAll = async (some: readonly Piece[]): Promise<void> => {
    const failed = (await Promise.allSettled(some.map(write))).find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  const sealedPieces = (): readonly Piece[] => sealed ? pieces : pieces.slice(0, -1)

  const seal = (piece: Piece): void => {
    sealed = true
    write(piece).catch(() => {}) // tried again, and reported, by drain and flush
  }
  const openPiece = (length: number): Piece => {
    const open = pieces.at(-1)
    if (!sealed && open !== undefined) {
      if (open.used + length <= open.bytes.byteLength) return open
      seal(open)
    }
    const piece: Piece = { at: end, bytes: memoryOf(length), used: 0, writing: undefined }
    pieces.push(piece)
    sealed = false
    return piece
  }

  return {
    get end () { return end },
    get writtenEnd () { return pieces[0]?.at ?? end },
    get isFull () { return backlog > BACKLOG_BYTES },
    drain: async () => {
      if (sealedPieces().length === 0) sealed = true // one piece alone may be too much
      const all = sealedPieces()
      await writeAll(all.slice(0, Math.ceil(all.length / 2)))
    },
    append: (cid, data) => {
      const body = cid.byteLength + data.byteLength
      const piece = openPiece(MAX_VARINT_BYTES + body)
      const { bytes, used } = piece
      let to = used
      for (let rest = body; ; rest = Math.floor(rest / 128)) {
        bytes[to++] = rest < 128 ? rest : (rest & 127) | 128
        if (rest < 128) break
      }
      // for a few bytes a loop is faster than a call
      for (let i = 0; i < cid.byteLength; i++) bytes[to + i] = cid[i]!
      bytes.set(data, to + cid.byteLength)
      const at = end
      const length = to - used + body
      piece.used += length
      backlog += length
      end += length
      // next to nothing would find room behind a long one, and the time until something comes is time to write
      if (bytes.byteLength > PIECE_BYTES) seal(piece)
      return at
    },
    peek: (at, length) => {
      const piece = pieces.find((piece) => at >= piece.at && at + length <= piece.at + piece.used)
      return piece?.bytes.slice(at - piece.at, at - piece.at + length)
    },
    flush: async () => {
      sealed = true
      await writeAll(pieces.slice())
    },
    idle: async () => { await Promise.allSettled(pieces.map(({ writing }) => writing)) },
  }
}
