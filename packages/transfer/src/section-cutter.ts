/** The sections of a payload, cut out of chunks of any length. */
import { CarV2Error, decodeVarint, parseCid } from '@dagstore/carv2'
import { TransferError } from './errors.ts'
import { isEqual, joined } from './section-bytes.ts'

export interface CutSection {
  readonly cid: Uint8Array
  readonly data: Uint8Array
  /** Where it ends, from the start of the payload. */
  readonly end: number
}

export interface CutterOptions {
  /** Where the first chunk begins, from the start of the payload. */
  readonly from: number
  /** What is before it is looked at by its length alone, but for the header. */
  readonly skipTo: number
  readonly header: Uint8Array
  readonly totalBytes: number
  /** CID and data. */
  readonly maxSectionBytes: number
}

/** Of a length below 2^53. */
const MAX_VARINT_BYTES = 8
const MOST_PARTS = 1024

export class SectionCutter {
  readonly #options: CutterOptions
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** So many parts at the front are made of others. */
  #joinedParts = 0
  /** Of the next section, its length in front included; 0: not known yet. */
  #wanted = 0
  #headBytes = 0
  /** Where what is held begins. */
  #at: number

  constructor (options: CutterOptions) {
    this.#options = options
    this.#at = options.from
  }

  /**
   * The sections that end in this chunk. They are views of memory of the sender.
   *
   * @throws {TransferError} `TRANSFER_UNREQUESTED`: another header. `TRANSFER_BAD_SECTION`. `TRANSFER_TOO_LARGE`: a section above the limit, or
   *   bytes behind the end of the payload
   */
  * push (chunk: Uint8Array): Generator<CutSection, void, undefined> {
    const { skipTo, totalBytes } = this.#options
    if (this.#at + this.#heldBytes + chunk.byteLength > totalBytes) throw new TransferError('TRANSFER_TOO_LARGE', `more bytes than the payload has; max=${totalBytes}`)
    let rest = chunk
    if (this.#at < skipTo) {
      const skipped = rest.subarray(0, skipTo - this.#at)
      this.#checkHeader(skipped)
      this.#at += skipped.byteLength
      rest = rest.subarray(skipped.byteLength)
    }
    if (rest.byteLength === 0) return
    this.#hold(rest)
    for (let section = this.#next(); section !== undefined; section = this.#next()) yield section
  }

  /** A chunk may be one byte, and an object for each would be many times as long: every so many become one. */
  #hold (bytes: Uint8Array): void {
    this.#held.push(bytes)
    this.#heldBytes += bytes.byteLength
    if (this.#held.length - this.#joinedParts < MOST_PARTS) return
    const parts = this.#held.splice(this.#joinedParts)
    this.#held.push(joined(parts, parts.reduce((sum, { byteLength }) => sum + byteLength, 0)))
    this.#joinedParts++
  }

  /** What the header says is known from the root; one that says something else is the beginning of another payload. */
  #checkHeader (skipped: Uint8Array): void {
    const { header } = this.#options
    const part = skipped.subarray(0, Math.max(0, header.byteLength - this.#at))
    if (!isEqual(part, header.subarray(this.#at, this.#at + part.byteLength))) throw new TransferError('TRANSFER_UNREQUESTED', 'the payload has another header')
  }

  #next (): CutSection | undefined {
    if (this.#wanted === 0 && !this.#readLength()) return undefined
    if (this.#heldBytes < this.#wanted) return undefined
    const all = joined(this.#held, this.#heldBytes)
    const wanted = this.#wanted
    const section = all.subarray(0, wanted)
    this.#held = all.byteLength > wanted ? [all.subarray(wanted)] : []
    this.#joinedParts = 0
    this.#heldBytes -= wanted
    this.#at += wanted
    this.#wanted = 0
    return this.#parsed(section)
  }

  #readLength (): boolean {
    if (this.#heldBytes === 0) return false
    let [first] = this.#held as [Uint8Array]
    if (first.byteLength < MAX_VARINT_BYTES && this.#held.length > 1) {
      first = joined(this.#held, this.#heldBytes)
      this.#held = [first]
      this.#joinedParts = 0
    }
    const { maxSectionBytes, totalBytes } = this.#options
    try {
      const { value, length } = decodeVarint(first)
      if (value === 0) throw this.#bad('a section of length 0')
      if (value > maxSectionBytes) throw new TransferError('TRANSFER_TOO_LARGE', `a section above the limit; at=${this.#at} max=${maxSectionBytes} got=${value}`)
      if (this.#at + length + value > totalBytes) throw this.#bad('a section that ends behind the payload')
      this.#headBytes = length
      this.#wanted = length + value
      return true
    } catch (cause) {
      if (!(cause instanceof CarV2Error)) throw cause
      if (cause.code === 'CARV2_TRUNCATED' && first.byteLength < MAX_VARINT_BYTES) return false
      throw this.#bad('no length of a section', cause)
    }
  }

  #parsed (section: Uint8Array): CutSection {
    const start = this.#at - section.byteLength
    const body = section.subarray(this.#headBytes)
    try {
      const { length } = parseCid(body)
      return { cid: body.subarray(0, length), data: body.subarray(length), end: this.#at }
    } catch (cause) {
      throw this.#bad('a section without a CID', cause, start)
    }
  }

  #bad (what: string, cause?: unknown, at: number = this.#at): TransferError {
    return new TransferError('TRANSFER_BAD_SECTION', `${what}; at=${at}`, cause === undefined ? {} : { cause })
  }
}
