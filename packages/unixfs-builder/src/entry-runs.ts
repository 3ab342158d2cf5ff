/**
 * Entries of a sharded directory in a scratch file, in runs sorted by the hashes of their names, and the merge of the runs:
 * what lets a directory have more entries than there is memory for.
 *
 *     run      records, ascending by hash
 *     record   hash of the name, u64; the entry as in entry-list.ts; all big-endian
 */
import { type CallOptions, IoError, type WritableFile } from '@dagstore/io'
import { type EntryList, HEAD_BYTES } from './entry-list.ts'
import { HASH_BYTES, type HashedEntry, hashOrder } from './hash-order.ts'

const WRITE_BYTES = 1 << 20
/** For the records at hand of all runs together, as long as each has enough for a read to be worth while. */
const MERGE_BYTES = 1 << 23
const MIN_RUN_BYTES = 1 << 14
const MAX_RUN_BYTES = 1 << 20
const BATCH_ENTRIES = 256
const RECORD_HEAD_BYTES = HASH_BYTES + HEAD_BYTES

/**
 * The scratch file of a walk. Its directories use it as a stack: while one that is inside another is read, the other one
 * gets no entries.
 */
export class Scratch {
  readonly #open: () => Promise<WritableFile>
  #file: Promise<WritableFile> | undefined
  /** Where the next run goes. */
  endBytes = 0

  constructor (open: () => Promise<WritableFile>) {
    this.#open = open
  }

  file (): Promise<WritableFile> {
    return this.#file ??= this.#open()
  }
}

/** The runs of one directory. */
export class EntryRuns {
  readonly #scratch: Scratch
  /** Places in the file. */
  readonly #runs: { readonly start: number, readonly end: number }[] = []

  constructor (scratch: Scratch) {
    this.#scratch = scratch
  }

  get isEmpty (): boolean {
    return this.#runs.length === 0
  }

  /** Write all entries as a run, and empty the list. */
  async spill (entries: EntryList, { signal }: CallOptions = {}): Promise<void> {
    const file = await this.#scratch.file()
    const start = this.#scratch.endBytes
    let end = start
    for (const chunk of recordsOf(entries)) {
      signal?.throwIfAborted()
      await file.write(end, chunk)
      end += chunk.byteLength
    }
    if (end > start) this.#runs.push({ start, end })
    this.#scratch.endBytes = end
    entries.clear()
  }

  /** All entries of all runs by ascending hash, of equal ones the first added first. */
  async * merged ({ signal }: CallOptions = {}): AsyncGenerator<readonly HashedEntry[], void, undefined> {
    const file = await this.#scratch.file()
    const readBytes = Math.min(MAX_RUN_BYTES, Math.max(MIN_RUN_BYTES, Math.floor(MERGE_BYTES / this.#runs.length)))
    const cursors: RunCursor[] = []
    for (const [number, { start, end }] of this.#runs.entries()) {
      signal?.throwIfAborted()
      const cursor = new RunCursor(file, number, start, end, readBytes)
      await cursor.refill()
      cursors.push(cursor)
    }
    const heap = new RunHeap(cursors)
    let batch: HashedEntry[] = []
    for (let top = heap.top; top !== undefined; top = heap.top) {
      batch.push(top.entry())
      if (batch.length === BATCH_ENTRIES) {
        yield batch
        batch = []
      }
      if (!top.next()) {
        signal?.throwIfAborted()
        await top.refill()
      }
      heap.settle()
    }
    if (batch.length > 0) yield batch
  }

  /** Let others have the place of the runs, and of all that came after them. */
  release (): void {
    const [first] = this.#runs
    if (first !== undefined) this.#scratch.endBytes = first.start
    this.#runs.length = 0
  }
}

/** The records of a list in order, in chunks that are used again. */
const recordsOf = function * (entries: EntryList): Generator<Uint8Array, void, undefined> {
  const { order, hashes } = hashOrder(entries)
  let out = new Uint8Array(Math.min(WRITE_BYTES, entries.heldBytes + HASH_BYTES * entries.count))
  let view = new DataView(out.buffer)
  let used = 0
  for (const entry of order) {
    const record = entries.record(entry)
    const length = HASH_BYTES + record.byteLength
    if (used + length > out.byteLength) {
      if (used > 0) yield out.subarray(0, used)
      used = 0
      if (length > out.byteLength) {
        out = new Uint8Array(length)
        view = new DataView(out.buffer)
      }
    }
    view.setUint32(used, hashes[2 * entry]!)
    view.setUint32(used + 4, hashes[2 * entry + 1]!)
    out.set(record, used + HASH_BYTES)
    used += length
  }
  if (used > 0) yield out.subarray(0, used)
}

/** The records of one run from its first on. */
class RunCursor {
  readonly number: number
  high = 0
  low = 0
  readonly #file: WritableFile
  readonly #readBytes: number
  #fileAt: number
  readonly #fileEnd: number
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(this.#bytes.buffer)
  /** Of the record at hand. */
  #at = 0
  #recordBytes = 0

  constructor (file: WritableFile, number: number, start: number, end: number, readBytes: number) {
    this.#file = file
    this.number = number
    this.#fileAt = start
    this.#fileEnd = end
    this.#readBytes = readBytes
  }

  get isDone (): boolean {
    return this.#at === this.#bytes.byteLength && this.#fileAt === this.#fileEnd
  }

  /** The record at hand; keeps nothing of what was read. */
  entry (): HashedEntry {
    const at = this.#at + RECORD_HEAD_BYTES
    const nameEnd = at + this.#view.getUint32(this.#at + HASH_BYTES + 8)
    return {
      high: this.high,
      low: this.low,
      dagBytes: this.#view.getFloat64(this.#at + HASH_BYTES),
      name: this.#bytes.slice(at, nameEnd),
      cid: this.#bytes.slice(nameEnd, this.#at + this.#recordBytes),
    }
  }

  /** False: no whole record is at hand, {@link refill} brings what is left. */
  next (): boolean {
    this.#at += this.#recordBytes
    return this.#load()
  }

  /** Until there is a record at hand, unless there is none left. @throws {IoError} of the file; `IO_FAILED`: it is not as it was written */
  async refill (): Promise<void> {
    while (!this.isDone && !this.#load()) {
      const rest = this.#bytes.subarray(this.#at)
      const length = Math.min(this.#fileEnd - this.#fileAt, Math.max(this.#readBytes, this.#recordBytes - rest.byteLength))
      if (length === 0) throw new IoError('IO_FAILED', `scratch file is not as it was written; at=${this.#fileAt}`)
      const more = await this.#file.read(this.#fileAt, length)
      this.#fileAt += length
      this.#bytes = new Uint8Array(rest.byteLength + length)
      this.#bytes.set(rest)
      this.#bytes.set(more, rest.byteLength)
      this.#view = new DataView(this.#bytes.buffer)
      this.#at = 0
    }
  }

  #load (): boolean {
    const left = this.#bytes.byteLength - this.#at
    this.#recordBytes = 0
    if (left < RECORD_HEAD_BYTES) return false
    this.high = this.#view.getUint32(this.#at)
    this.low = this.#view.getUint32(this.#at + 4)
    const lengths = this.#at + HASH_BYTES + 8
    this.#recordBytes = RECORD_HEAD_BYTES + this.#view.getUint32(lengths) + this.#view.getUint32(lengths + 4)
    return this.#recordBytes <= left
  }
}

/** The run whose record is first on top; of equal ones the run that was written first. */
class RunHeap {
  readonly #cursors: RunCursor[]

  constructor (cursors: RunCursor[]) {
    this.#cursors = cursors
    for (let i = (cursors.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  /** `undefined`: no record is left. */
  get top (): RunCursor | undefined {
    return this.#cursors[0]
  }

  /** After the record on top was taken. */
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
    let at = from
    for (let child = 2 * at + 1; child < cursors.length; child = 2 * at + 1) {
      if (child + 1 < cursors.length && isBefore(cursors[child + 1]!, cursors[child]!)) child++
      if (!isBefore(cursors[child]!, moved)) break
      cursors[at] = cursors[child]!
      at = child
    }
    cursors[at] = moved
  }
}

const isBefore = (a: RunCursor, b: RunCursor): boolean => (a.high - b.high || a.low - b.low || a.number - b.number) < 0
