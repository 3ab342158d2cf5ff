/** The growing end of a file: what is appended is readable at once from memory, and written in large pieces behind. */
import type { WritableFile } from '@dagstore/io'

/** Small sections are gathered into pieces of this many bytes. */
const PIECE_BYTES = 1 << 20
/** With more than this not yet written, {@link Tail.room} waits. */
const BACKLOG_BYTES = 8 << 20

interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
  used: number
}

export interface Tail {
  /** Where the next section will begin, from the start of the file. */
  readonly end: number
  /** Resolves when little enough waits to be written. Rejects when writing fails; what was appended stays readable, and a later call tries again. */
  room(): Promise<void> | undefined
  /** Takes a copy and gives its place. Never blocks; see {@link room}. */
  append(head: Uint8Array, cid: Uint8Array, data: Uint8Array): number
  /** A copy of bytes of one appended section, while they are in memory. */
  peek(at: number, length: number): Uint8Array | undefined
  /** Everything appended before the call is handed to the file (not synced). @throws {IoError} */
  flush(): Promise<void>
  /** Resolves when no write is under way. */
  idle(): Promise<void>
}

export const createTail = (file: WritableFile, start: number): Tail => {
  /** In order, the last one still open to appends unless sealed. */
  const pieces: Piece[] = []
  let sealed = true
  let end = start
  let backlog = 0
  let writing: Promise<void> = Promise.resolve()

  const writeSealed = (): Promise<void> => {
    const run = writing.then(async () => {
      while (pieces.length > (sealed ? 0 : 1)) {
        const [piece] = pieces
        if (piece === undefined) return
        await file.write(piece.at, piece.bytes.subarray(0, piece.used))
        pieces.shift()
        backlog -= piece.used
      }
    })
    writing = run.catch(() => {}) // the caller has the failure; the pieces stay, so that the next call tries again
    return run
  }
  const openPiece = (length: number): Piece => {
    const open = pieces.at(-1)
    if (!sealed && open !== undefined) {
      if (open.used + length <= open.bytes.byteLength) return open
      sealed = true
      writeSealed().catch(() => {}) // tried again, and reported, by room and flush
    }
    const piece: Piece = { at: end, bytes: new Uint8Array(Math.max(length, PIECE_BYTES)), used: 0 }
    pieces.push(piece)
    sealed = false
    return piece
  }

  return {
    get end () { return end },
    room: () => backlog > BACKLOG_BYTES ? writeSealed() : undefined,
    append: (head, cid, data) => {
      const length = head.byteLength + cid.byteLength + data.byteLength
      const piece = openPiece(length)
      const at = end
      piece.bytes.set(head, piece.used)
      piece.bytes.set(cid, piece.used + head.byteLength)
      piece.bytes.set(data, piece.used + head.byteLength + cid.byteLength)
      piece.used += length
      backlog += length
      end += length
      return at
    },
    peek: (at, length) => {
      const piece = pieces.find((piece) => at >= piece.at && at + length <= piece.at + piece.used)
      return piece?.bytes.slice(at - piece.at, at - piece.at + length)
    },
    flush: () => {
      sealed = true
      return writeSealed()
    },
    idle: () => writing,
  }
}
