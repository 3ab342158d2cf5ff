/**
 * The synchronous core of every scan: finds the next section in a window of bytes, and says when it needs another window.
 *
 *     section = varint(length) | CID | data          length = CID and data
 *     length 0 = end of the sections; zeros follow to the end of the payload
 *
 * All positions count from the start of the CARv1 payload. The order of the checks decides what damage is called: too
 * large, then torn (the payload ends inside the section), then the CID.
 */
import { BLAKE2B_256_HEAD, CID_CUT, CidCursor } from './cid.ts'
import { CarV2Error } from './errors.ts'
import type { ResolvedLimits } from './layout.ts'
import { plainBytes } from './plain-bytes.ts'
import { MAX_VARINT_BYTES, readVarint, VARINT_CUT, varintBytes, varintFault } from './varint.ts'

/** What {@link SectionCursor.next} found: the fields describe a section; another window is needed; no section follows. */
export type CursorState = 'section' | 'window' | 'end'

/** The section that a scan is at: one object for all of them. */
export interface SectionInWindow {
  /** Not to be kept: the next window may take its place. */
  readonly window: Uint8Array
  /** Of the payload, in the source. */
  readonly payloadStart: number
  /** Of the section, from the start of the payload. */
  readonly sectionOffset: number
  /** Varint and CID. */
  readonly headBytes: number
  readonly dataBytes: number
  /** Binary CID, in the window; it ends at `dataAt`. */
  readonly cidAt: number
  readonly cid: {
    readonly hashCode: number
    /** The multihash and its digest, in the window; both end at `dataAt`. */
    readonly multihashAt: number
    readonly digestAt: number
  }
  /** In the window; the data is there only where it was asked for. */
  readonly dataAt: number
}

/** A varint of three bytes and a CIDv1 of blake2b-256: within so many bytes the usual heads are read without asking for the end. */
const USUAL_HEAD_BYTES = 3 + 38

export class SectionCursor implements SectionInWindow {
  /** Bytes at hand, and where they begin. */
  window: Uint8Array = new Uint8Array(0)
  windowStart = 0
  /** Where the next section starts; after 'end' the end of the last section. */
  position: number
  /** After 'window': how many bytes from `position` are needed at least. */
  needBytes = 1

  sectionOffset = 0
  headBytes = 0
  dataBytes = 0
  /** In the window. */
  cidAt = 0
  /** In the window; the data is there only with `needsData`. */
  dataAt = 0
  readonly cid: CidCursor = new CidCursor()

  readonly payloadStart: number
  /** Infinity: not known yet. */
  payloadBytes: number
  readonly needsData: boolean
  readonly #maxSectionBytes: number
  readonly #maxCidBytes: number
  readonly #usual: boolean

  constructor (options: { position: number, payloadStart: number, payloadBytes: number, needsData: boolean, limits: ResolvedLimits }) {
    this.position = options.position
    this.payloadStart = options.payloadStart
    this.payloadBytes = options.payloadBytes
    this.needsData = options.needsData
    this.#maxSectionBytes = options.limits.maxSectionBytes
    this.#maxCidBytes = options.limits.maxCidBytes
    this.#usual = this.#maxCidBytes >= USUAL_HEAD_BYTES
  }

  /** The next window, where another was needed. */
  show (bytes: Uint8Array, start: number): void {
    this.window = plainBytes(bytes)
    this.windowStart = start
  }

  next (): CursorState {
    const { window, position } = this
    const at = position - this.windowStart
    if (this.#usual && at + USUAL_HEAD_BYTES <= window.byteLength && this.#usualHead(window, at)) return 'section'
    return this.#anyHead(window, at)
  }

  /** What nearly every section begins with: a short varint and a CID of 32 bytes of sha2-256 or blake2b-256. False: look closer. */
  #usualHead (window: Uint8Array, at: number): boolean {
    let length = window[at]!
    let cidAt = at + 1
    if (length >= 0x80) {
      const second = window[cidAt++]!
      length = (length & 0x7f) | ((second & 0x7f) << 7)
      if (second >= 0x80) {
        const third = window[cidAt++]!
        if (third >= 0x80 || third === 0) return false
        length |= third << 14
      } else if (second === 0) return false
    }
    const end = cidAt + length
    if (length > this.#maxSectionBytes || this.windowStart + end > this.payloadBytes) return false
    if (this.needsData && end > window.byteLength) return false
    const { cid } = this
    let multihashAt = cidAt
    if (window[cidAt] === 1) {
      const codec = window[cidAt + 1]!
      if (codec >= 0x80) return false
      cid.version = 1
      cid.codec = codec
      multihashAt = cidAt + 2
    } else {
      cid.version = 0
      cid.codec = 0x70
    }
    let digestAt: number
    const first = window[multihashAt]!
    if (first === 0x12 && window[multihashAt + 1] === 0x20) {
      cid.hashCode = 0x12
      digestAt = multihashAt + 2
    } else if (first === 0xa0 && cid.version === 1 && ((window[multihashAt + 1]! << 16) | (window[multihashAt + 2]! << 8) | window[multihashAt + 3]!) === BLAKE2B_256_HEAD) {
      cid.hashCode = 0xb220
      digestAt = multihashAt + 4
    } else return false
    const dataAt = digestAt + 32
    if (dataAt > end) return false
    cid.multihashAt = multihashAt
    cid.digestAt = digestAt
    cid.digestBytes = 32
    cid.length = dataAt - cidAt
    this.sectionOffset = this.position
    this.headBytes = dataAt - at
    this.dataBytes = end - dataAt
    this.cidAt = cidAt
    this.dataAt = dataAt
    this.position = this.windowStart + end
    return true
  }

  #anyHead (window: Uint8Array, at: number): CursorState {
    const { position, payloadBytes } = this
    if (position === payloadBytes) return 'end'
    const have = window.byteLength
    if (at >= have) return this.#need(1)
    const length = readVarint(window, at, have)
    if (length <= 0) {
      if (length === 0) return 'end'
      if (length !== VARINT_CUT) throw this.#error('CARV2_BAD_SECTION', `section length: ${varintFault(length)}`)
      if (this.windowStart + have === payloadBytes) throw this.#torn()
      return this.#need(MAX_VARINT_BYTES)
    }
    if (length > this.#maxSectionBytes) throw this.#error('CARV2_TOO_LARGE', `section; max=${this.#maxSectionBytes} got=${length}`)
    const cidAt = at + varintBytes(length)
    const end = cidAt + length
    if (this.windowStart + end > payloadBytes) throw this.#torn()
    const cidBytes = this.cid.read(window, cidAt, end < have ? end : have)
    if (cidBytes <= 0) {
      if (cidBytes !== CID_CUT) throw this.#error('CARV2_BAD_CID', 'section without a CID')
      const claimed = this.cid.length
      if (end <= have || claimed > length) throw this.#error('CARV2_BAD_SECTION', `section shorter than its CID; got=${length}`)
      if (claimed > this.#maxCidBytes || have - cidAt >= this.#maxCidBytes) throw this.#error('CARV2_TOO_LARGE', `CID; max=${this.#maxCidBytes} got=${claimed}`)
      return this.#need(cidAt - at + Math.min(length, this.#maxCidBytes))
    }
    if (cidBytes > this.#maxCidBytes) throw this.#error('CARV2_TOO_LARGE', `CID; max=${this.#maxCidBytes} got=${cidBytes}`)
    if (this.needsData && end > have) return this.#need(end - at)
    this.sectionOffset = position
    this.headBytes = cidAt - at + cidBytes
    this.dataBytes = length - cidBytes
    this.cidAt = cidAt
    this.dataAt = cidAt + cidBytes
    this.position = this.windowStart + end
    return 'section'
  }

  #need (bytes: number): 'window' {
    this.needBytes = bytes
    return 'window'
  }

  #torn (): CarV2Error {
    return this.#error('CARV2_TRUNCATED', `payload ends inside a section; end=${this.payloadBytes} last good end=${this.position}`)
  }

  #error (code: 'CARV2_TRUNCATED' | 'CARV2_BAD_SECTION' | 'CARV2_BAD_CID' | 'CARV2_TOO_LARGE', message: string): CarV2Error {
    return new CarV2Error(code, `${message}; section=${this.position}`, { offset: this.payloadStart + this.position })
  }
}
