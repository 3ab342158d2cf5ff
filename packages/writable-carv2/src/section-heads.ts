/** What stands before the data of a section: from memory where its CID is there, else read from the file and held against its fingerprint. */
import { CarV2Error, decodeVarint, parseCid } from '@dagstore/carv2'
import type { WritableFile } from '@dagstore/io'
import { type Awaitable, BlockstoreError } from '@dagstore/read-blockstore'
import type { SectionTable } from './section-table.ts'
import type { Tail } from './tail.ts'

/** A section with its binary CID, a view that may not be kept; offsets from the start of the file, to its length varint. */
export interface SectionHead {
  readonly at: number
  /** Varint and CID. */
  readonly headBytes: number
  readonly dataBytes: number
  readonly cid: Uint8Array
}

/** Read at once where sections are short, and much of it is needed. */
const WINDOW_BYTES = 1 << 20
/** Sections longer than this are worth reading one by one. */
const LONG_SECTION_BYTES = 1 << 15
/** Nearly every head is shorter. */
const HEAD_BYTES = 256
const MAX_VARINT_BYTES = 9

export interface HeadParts {
  readonly file: WritableFile
  readonly table: SectionTable
  readonly tail: Pick<Tail, 'peek' | 'writtenEnd'>
}

/** Those who go through many sections in order have a reader of their own, which reads ahead. */
export class SectionHeads {
  readonly #parts: HeadParts
  readonly #maxWindow: number
  #window: Uint8Array = new Uint8Array(0)
  #windowAt = 0

  constructor (parts: HeadParts, ahead: 'one' | 'many') {
    this.#parts = parts
    this.#maxWindow = ahead === 'many' ? WINDOW_BYTES : HEAD_BYTES
  }

  /**
   * Of the section with this number. A promise only if bytes have to be read.
   *
   * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: the file can not be read, or what stands there was never put there
   */
  get (number: number): Awaitable<SectionHead> {
    const { table, tail } = this.#parts
    const at = table.start(number)
    const length = table.start(number + 1) - at
    const kept = table.cid(number)
    if (kept !== undefined) {
      const headBytes = varintBytesOf(length) + kept.byteLength
      return { at, headBytes, dataBytes: length - headBytes, cid: kept }
    }
    const within = at - this.#windowAt
    if (within >= 0 && within < this.#window.byteLength) {
      const head = this.#parse(this.#window.subarray(within), number, at, length)
      if (head !== undefined) return head
    }
    const waiting = tail.peek(at, Math.min(length, HEAD_BYTES))
    return (waiting === undefined ? undefined : this.#parse(waiting, number, at, length)) ?? this.#read(number, at, length)
  }

  async #read (number: number, at: number, length: number): Promise<SectionHead> {
    const { file, tail } = this.#parts
    const ahead = length > LONG_SECTION_BYTES ? HEAD_BYTES : this.#maxWindow
    for (const most of [ahead, length]) {
      const want = Math.max(Math.min(length, most), Math.min(most, tail.writtenEnd - at))
      let bytes = tail.peek(at, Math.min(length, want))
      try {
        bytes ??= await file.read(at, want)
      } catch (cause) {
        throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `file can not be read; at=${at}`, { cause })
      }
      const head = this.#parse(bytes, number, at, length)
      if (head === undefined) continue
      this.#window = bytes
      this.#windowAt = at
      return head
    }
    throw changed(at)
  }

  /** `undefined`: the head goes on behind `bytes`. */
  #parse (bytes: Uint8Array, number: number, at: number, length: number): SectionHead | undefined {
    const start = varintBytesOf(length)
    try {
      if (bytes.byteLength < Math.min(length, MAX_VARINT_BYTES)) return undefined
      if (decodeVarint(bytes, 0).value !== length - start) throw changed(at)
      const cid = bytes.subarray(start, start + parseCid(bytes, start).length)
      const headBytes = start + cid.byteLength
      if (headBytes > length || !this.#parts.table.agrees(number, cid)) throw changed(at)
      return { at, headBytes, dataBytes: length - headBytes, cid }
    } catch (error) {
      if (!(error instanceof CarV2Error)) throw error
      if (error.code === 'CARV2_TRUNCATED' && bytes.byteLength < length) return undefined
      throw changed(at)
    }
  }
}

const changed = (at: number): BlockstoreError => new BlockstoreError('BLOCKSTORE_UNREADABLE', `the section in the file is not the one that was put there; at=${at}`)

/** Of the varint before a section that is `length` bytes long with it. */
const varintBytesOf = (length: number): number => {
  for (let bytes = 1, limit = 128; ; bytes++, limit *= 128) if (length - bytes < limit) return bytes
}
