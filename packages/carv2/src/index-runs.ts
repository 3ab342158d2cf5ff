/**
 * Sorted runs of entries in a scratch file, and their merge: what lets an index have more entries than there is memory for.
 *
 * A run is what memory held when it was full, sorted, kind by kind (multihash code and digest length); the part of one kind
 * is a segment. Rows have the form of entry-rows.ts.
 */
import type { CallOptions, WritableFile } from '@dagstore/io'
import { compareRows, type EntryRows } from './entry-rows.ts'

const WRITE_BYTES = 1 << 20
/** For the rows at hand of all segments of one kind together, as long as each has enough for a read to be worth while. */
const MERGE_BYTES = 1 << 25
const MIN_SEGMENT_BYTES = 1 << 14
const MAX_SEGMENT_BYTES = 1 << 20

/** All rows of one multihash code and digest length. */
export class SpilledKind {
  readonly code: number
  readonly digestBytes: number
  readonly rowBytes: number
  count = 0
  /** Where each segment starts in the file, and how many rows it has, by turns. */
  readonly segments: number[] = []

  constructor ({ code, digestBytes, rowBytes }: Pick<EntryRows, 'code' | 'digestBytes' | 'rowBytes'>) {
    this.code = code
    this.digestBytes = digestBytes
    this.rowBytes = rowBytes
  }
}

export class IndexRuns {
  readonly #openScratch: () => Promise<WritableFile>
  #file: WritableFile | undefined
  readonly #kinds = new Map<string, SpilledKind>()
  /** Where the next segment goes. */
  endBytes = 0

  constructor (openScratch: () => Promise<WritableFile>) {
    this.#openScratch = openScratch
  }

  get isEmpty (): boolean {
    return this.#file === undefined
  }

  /** Only after something was spilled. */
  get file (): WritableFile {
    if (this.#file === undefined) throw new TypeError('nothing was spilled')
    return this.#file
  }

  /** Ascending by code, then by digest length. */
  get kinds (): readonly SpilledKind[] {
    return [...this.#kinds.values()].sort((a, b) => a.code - b.code || a.digestBytes - b.digestBytes)
  }

  /** Write the rows of all groups as a run, and empty the groups. */
  async spill (groups: Iterable<EntryRows>, { signal }: CallOptions = {}): Promise<void> {
    const file = this.#file ??= await this.#openScratch()
    for (const rows of groups) {
      if (rows.count === 0) continue
      const key = `${rows.code}/${rows.digestBytes}`
      let kind = this.#kinds.get(key)
      if (kind === undefined) this.#kinds.set(key, kind = new SpilledKind(rows))
      let at = this.endBytes
      for (const chunk of rows.sortedRows(WRITE_BYTES)) {
        signal?.throwIfAborted()
        await file.write(at, chunk)
        at += chunk.byteLength
      }
      // only now, so that what failed may be tried again
      kind.segments.push(this.endBytes, rows.count)
      kind.count += rows.count
      this.endBytes = at
      rows.clear()
    }
  }

  /** All rows of a kind in order, in chunks that are used again. */
  async * merged (kind: SpilledKind, { signal }: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { rowBytes, segments } = kind
    const each = Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, Math.floor(MERGE_BYTES / (segments.length / 2))))
    const rowsEach = Math.max(1, Math.floor(each / rowBytes))
    const cursors: SegmentCursor[] = []
    for (let number = 0; number < segments.length / 2; number++) {
      const cursor = new SegmentCursor(this.file, kind, number, rowsEach)
      await cursor.refill()
      cursors.push(cursor)
    }
    const heap = new SegmentHeap(cursors, kind.digestBytes)
    const out = new Uint8Array(Math.min(rowsEach, kind.count) * rowBytes)
    let used = 0
    for (let top = heap.top; top !== undefined; top = heap.top) {
      out.set(top.row(), used)
      used += rowBytes
      if (used === out.byteLength) {
        signal?.throwIfAborted()
        yield out
        used = 0
      }
      if (!top.next()) await top.refill()
      heap.settle()
    }
    if (used > 0) yield out.subarray(0, used)
  }
}

/** The rows of one segment from its first on. */
class SegmentCursor {
  readonly number: number
  view: DataView = new DataView(new ArrayBuffer(0))
  at = 0
  readonly #file: WritableFile
  readonly #rowBytes: number
  readonly #rowsEach: number
  #fileAt: number
  #left: number
  #bytes: Uint8Array = new Uint8Array(0)

  constructor (file: WritableFile, { rowBytes, segments }: SpilledKind, number: number, rowsEach: number) {
    this.number = number
    this.#file = file
    this.#fileAt = segments[2 * number]!
    this.#left = segments[2 * number + 1]!
    this.#rowBytes = rowBytes
    this.#rowsEach = rowsEach
  }

  get isDone (): boolean {
    return this.at === this.#bytes.byteLength
  }

  row (): Uint8Array {
    return this.#bytes.subarray(this.at, this.at + this.#rowBytes)
  }

  /** False: no row is at hand, {@link refill} brings what is left. */
  next (): boolean {
    this.at += this.#rowBytes
    return this.at < this.#bytes.byteLength
  }

  async refill (): Promise<void> {
    const rows = Math.min(this.#left, this.#rowsEach)
    if (rows === 0) return
    this.#bytes = await this.#file.read(this.#fileAt, rows * this.#rowBytes)
    this.view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength)
    this.#fileAt += this.#bytes.byteLength
    this.#left -= rows
    this.at = 0
  }
}

/** The segment whose row is first on top; of equal rows the one that was added first. */
class SegmentHeap {
  readonly #cursors: SegmentCursor[]
  readonly #digestBytes: number

  constructor (cursors: SegmentCursor[], digestBytes: number) {
    this.#cursors = cursors
    this.#digestBytes = digestBytes
    for (let i = (cursors.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  /** `undefined`: no row is left. */
  get top (): SegmentCursor | undefined {
    return this.#cursors[0]
  }

  /** After the row on top was taken. */
  settle (): void {
    const cursors = this.#cursors
    if (cursors[0]!.isDone) {
      const last = cursors.pop()!
      if (cursors.length === 0) return
      cursors[0] = last
    }
    this.#sink(0)
  }

  #sink (from: number): void {
    const cursors = this.#cursors
    const moved = cursors[from]!
    for (let i = from; ;) {
      let child = 2 * i + 1
      if (child >= cursors.length) {
        cursors[i] = moved
        return
      }
      if (child + 1 < cursors.length && this.#isBelow(cursors[child + 1]!, cursors[child]!)) child++
      if (!this.#isBelow(cursors[child]!, moved)) {
        cursors[i] = moved
        return
      }
      cursors[i] = cursors[child]!
      i = child
    }
  }

  #isBelow (a: SegmentCursor, b: SegmentCursor): boolean {
    const order = compareRows(a.view, a.at, b.view, b.at, this.#digestBytes)
    return order < 0 || (order === 0 && a.number < b.number)
  }
}
