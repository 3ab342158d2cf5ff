/** The sections of a payload, cut out of chunks of any length. */
import { CarV2Error, decodeVarint, parseCid } from '@dagstore/carv2'
import { TransferError } from './errors.ts'
import { isEqual, joined } from './section-bytes.ts'

export interface CutSection {
  readonly cid: Uint8Array
  readonly data: Uint8Array
  /** The data are overwritten by sections to come. */
  readonly isLent: boolean
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
  /** Put sections that come in several chunks together in the same memory again and again. @default false */
  readonly lends?: boolean | undefined
}

/** Of a length below 2^53. */
const MAX_VARINT_BYTES = 8
/** What is had for a section before as much of it has come: who only says that much will come costs no more. */
const FIRST_BYTES = 2 << 20
const NONE = new Uint8Array(0)

export class SectionCutter {
  readonly #options: CutterOptions
  /** Of the next section: what has come, in front of memory for more. */
  #memory: Uint8Array = NONE
  #heldBytes = 0
  /** Of the next section, its length in front included; 0: not known yet. */
  #wanted = 0
  #headBytes = 0
  /** Where it begins. */
  #at: number

  constructor (options: CutterOptions) {
    this.#options = options
    this.#at = options.from
  }

  /**
   * The sections that end in this chunk. They are views of memory of the sender, or of their own.
   *
   * @throws {TransferError} `TRANSFER_UNREQUESTED`: another header. `TRANSFER_BAD_SECTION`. `TRANSFER_TOO_LARGE`: a section above the limit, or
   *   bytes behind the end of the payload
   */
  * push (chunk: Uint8Array): Generator<CutSection, void, undefined> {
    const { skipTo, totalBytes, lends = false } = this.#options
    if (this.#at + this.#heldBytes + chunk.byteLength > totalBytes) throw new TransferError('TRANSFER_TOO_LARGE', `more bytes than the payload has; max=${totalBytes}`)
    let rest = chunk
    if (this.#at < skipTo) {
      const skipped = rest.subarray(0, skipTo - this.#at)
      this.#checkHeader(skipped)
      this.#at += skipped.byteLength
      rest = rest.subarray(skipped.byteLength)
    }
    while (rest.byteLength > 0) {
      if (this.#wanted === 0 && !this.#readLength(rest)) {
        this.#hold(rest)
        return
      }
      const wanted = this.#wanted
      if (this.#heldBytes === 0 && rest.byteLength >= wanted) {
        yield this.#cut(rest.subarray(0, wanted), false)
        rest = rest.subarray(wanted)
        continue
      }
      const part = rest.subarray(0, wanted - this.#heldBytes)
      this.#hold(part)
      rest = rest.subarray(part.byteLength)
      if (this.#heldBytes < wanted) return
      const section = this.#memory.subarray(0, wanted)
      if (!lends) this.#memory = NONE
      this.#heldBytes = 0
      yield this.#cut(section, lends)
    }
  }

  #hold (bytes: Uint8Array): void {
    const need = this.#heldBytes + bytes.byteLength
    if (need > this.#memory.byteLength) {
      const more = new Uint8Array(Math.max(need, Math.min(this.#wanted, Math.max(FIRST_BYTES, 2 * this.#memory.byteLength))))
      more.set(this.#memory.subarray(0, this.#heldBytes))
      this.#memory = more
    }
    this.#memory.set(bytes, this.#heldBytes)
    this.#heldBytes = need
  }

  /** What the header says is known from the root; one that says something else is the beginning of another payload. */
  #checkHeader (skipped: Uint8Array): void {
    const { header } = this.#options
    const part = skipped.subarray(0, Math.max(0, header.byteLength - this.#at))
    if (!isEqual(part, header.subarray(this.#at, this.#at + part.byteLength))) throw new TransferError('TRANSFER_UNREQUESTED', 'the payload has another header')
  }

  /** Of the next section, which begins with what is held; false: not all of it is there. */
  #readLength (rest: Uint8Array): boolean {
    const held = this.#heldBytes
    const first = held === 0 ? rest : joined([this.#memory.subarray(0, held), rest.subarray(0, MAX_VARINT_BYTES)], held + Math.min(MAX_VARINT_BYTES, rest.byteLength))
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

  #cut (section: Uint8Array, isLent: boolean): CutSection {
    const start = this.#at
    this.#at += section.byteLength
    this.#wanted = 0
    const body = section.subarray(this.#headBytes)
    try {
      const { length } = parseCid(body)
      return { cid: body.subarray(0, length), data: body.subarray(length), isLent, end: this.#at }
    } catch (cause) {
      throw this.#bad('a section without a CID', cause, start)
    }
  }

  #bad (what: string, cause?: unknown, at: number = this.#at): TransferError {
    return new TransferError('TRANSFER_BAD_SECTION', `${what}; at=${at}`, cause === undefined ? {} : { cause })
  }
}
