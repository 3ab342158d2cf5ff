/** Reading one section of a CAR where an index says that it lies, trusting neither. */
import { type CarLayout, CarV2Error, decodeVarint, type IndexEntry, type ParsedCid, parseCid, type ResolvedLimits } from '@dagstore/carv2'
import type { ByteSource } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

/** The bytes that sections are read from, and what they may not exceed. */
export interface SectionBytes {
  readonly source: ByteSource
  readonly layout: CarLayout
  readonly limits: Pick<ResolvedLimits, 'maxSectionBytes' | 'maxCidBytes'>
}

/** The head of a section, and where its data lies. */
export interface SectionHead {
  /** Views that may not be kept. */
  readonly cid: ParsedCid
  readonly cidBytes: Uint8Array
  /** From the start of the source. */
  readonly dataAt: number
  readonly dataBytes: number
  /** What was read along: bytes from the start of the section; a view that may not be kept or given away unless `owned`. */
  readonly window: Uint8Array
  readonly owned: boolean
  /** Of the data, in the window or behind it. */
  readonly dataInWindow: number
}

/** Read when nothing tells how long a section is. */
const FIRST_READ_BYTES = 4096
/** The same over a network, where another request costs more than bytes do. */
const FIRST_REMOTE_READ_BYTES = 1 << 16
const MAX_VARINT_BYTES = 9

/** Where to read, from the start of the source. */
export interface Span {
  readonly at: number
  readonly length: number
}

/**
 * What to read of the section at `entry`: where the entry tells lengths, its head or all of it, else the first kilobytes.
 *
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: it would lie outside of the payload. `BLOCKSTORE_TOO_LARGE`
 */
export const spanOf = ({ source, layout, limits }: SectionBytes, entry: IndexEntry, want: 'head' | 'section'): Span => {
  const { sectionOffset, headBytes, dataBytes } = entry
  const at = layout.payloadStart + sectionOffset
  const end = layout.payloadStart + layout.payloadBytes
  if (sectionOffset < layout.headerBytes || at >= end) throw unreadable(`index points outside of the payload; offset=${sectionOffset}`)
  if (headBytes === undefined || dataBytes === undefined) {
    return { at, length: Math.min(source.cost.kind === 'remote' ? FIRST_REMOTE_READ_BYTES : FIRST_READ_BYTES, end - at) }
  }
  if (headBytes + dataBytes > limits.maxSectionBytes + MAX_VARINT_BYTES) throw tooLarge(headBytes + dataBytes, limits.maxSectionBytes)
  const length = want === 'section' ? headBytes + dataBytes : headBytes
  if (at + length > end) throw unreadable(`index points beyond the payload; offset=${sectionOffset} length=${length}`)
  return { at, length }
}

/**
 * The head of the section that `window` begins with, as read from a {@link spanOf} `entry`.
 *
 * @param owned - whether `window` may be kept and given away
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: no section there, one that goes beyond the payload, or one that is not
 *   as the entry says. `BLOCKSTORE_TOO_LARGE`
 */
export const headIn = ({ layout, limits }: SectionBytes, entry: IndexEntry, window: Uint8Array, owned: boolean): SectionHead => {
  const { sectionOffset, headBytes, dataBytes } = entry
  const { payloadStart, payloadBytes } = layout
  const at = payloadStart + sectionOffset
  try {
    const { value, length: varintBytes } = decodeVarint(window, 0)
    if (value === 0) throw unreadable(`index points at padding; at=${at}`)
    if (value > limits.maxSectionBytes) throw tooLarge(value, limits.maxSectionBytes)
    if (at + varintBytes + value > payloadStart + payloadBytes) throw unreadable(`section goes beyond the payload; at=${at} length=${value}`)
    const cid = parseCid(window.subarray(0, varintBytes + value), varintBytes)
    if (cid.length > limits.maxCidBytes) throw tooLarge(cid.length, limits.maxCidBytes)
    const dataInWindow = varintBytes + cid.length
    if ((headBytes !== undefined && headBytes !== dataInWindow) || (dataBytes !== undefined && dataBytes !== value - cid.length)) {
      throw unreadable(`section is not as the index says; offset=${sectionOffset}`)
    }
    return { cid, cidBytes: window.subarray(varintBytes, dataInWindow), dataAt: at + dataInWindow, dataBytes: value - cid.length, dataInWindow, window, owned }
  } catch (cause) {
    throw cause instanceof CarV2Error ? unreadable(`no section where the index points; at=${at} code=${cause.code}`, cause) : cause
  }
}

/** Longer ones are left to {@link headIn}, and with them the limit of CIDs. */
const SHORT_HEAD_BYTES = 256

/**
 * Whether a whole section, read from a {@link spanOf} an `entry` with lengths, begins with a head of that length and of the
 * block asked for. As {@link headIn} in one pass, for the usual case: false only means that it has to be looked at closely.
 */
export const isHeadOf = (section: Uint8Array, { headBytes = 0, dataBytes = 0 }: IndexEntry, cid: CID, wholeCid: boolean): boolean => {
  if (headBytes > SHORT_HEAD_BYTES || headBytes + dataBytes !== section.byteLength) return false
  let cidAt = 0
  let length = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = section[cidAt++]!
    length += (byte & 0x7f) * scale
    if (byte < 0x80) break
    if (cidAt === 5) return false
  }
  if ((section[cidAt - 1] === 0 && cidAt > 1) || length !== headBytes - cidAt + dataBytes) return false
  if (wholeCid) return cid.bytes.byteLength === headBytes - cidAt && endsAt(section, headBytes, cid.bytes)
  const multihash = cid.multihash.bytes
  const prefixBytes = headBytes - cidAt - multihash.byteLength
  if (prefixBytes < 0 || !endsAt(section, headBytes, multihash)) return false
  if (prefixBytes === 0) return multihash[0] === 0x12 && multihash[1] === 0x20
  if (section[cidAt] !== 1) return false
  const last = cidAt + prefixBytes - 1
  // between the version and the multihash stands one varint
  for (let at = cidAt + 1; at < last; at++) if (section[at]! < 0x80) return false
  return prefixBytes === 2 ? section[last]! < 0x80 : prefixBytes > 2 && section[last]! < 0x80 && section[last] !== 0
}

/** Whether `part` stands in `bytes` before `end`. */
export const endsAt = (bytes: Uint8Array, end: number, part: Uint8Array): boolean => {
  const from = end - part.byteLength
  for (let at = part.byteLength - 1; at >= 0; at--) if (bytes[from + at] !== part[at]) return false
  return true
}

/** {@link spanOf}, read, {@link headIn}. @throws as they do; {IoError} */
export const readHead = async (from: SectionBytes, entry: IndexEntry, want: 'head' | 'section', signal: AbortSignal | undefined): Promise<SectionHead> => {
  const { at, length } = spanOf(from, entry, want)
  const peeked = from.source.peek(at, length)
  return headIn(from, entry, peeked ?? await from.source.read(at, length, { signal }), peeked === undefined)
}

/** The data of a section that was read whole, else `undefined`; memory that belongs to the caller. */
export const dataIn = ({ window, owned, dataInWindow, dataBytes }: SectionHead): Uint8Array | undefined => {
  if (dataInWindow + dataBytes > window.byteLength) return undefined
  const data = window.subarray(dataInWindow, dataInWindow + dataBytes)
  // a small block does not keep a large window; not `slice`, since of a Buffer that would be a view
  return owned && dataBytes * 2 > window.byteLength ? data : new Uint8Array(data)
}

/** The same, with what lies behind the window. @throws {IoError} */
export const readData = async ({ source }: SectionBytes, head: SectionHead, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  const { window, dataInWindow, dataBytes, dataAt } = head
  const whole = dataIn(head)
  if (whole !== undefined) return whole
  const have = window.subarray(dataInWindow)
  if (have.byteLength === 0) return source.read(dataAt, dataBytes, { signal })
  const data = new Uint8Array(dataBytes)
  data.set(have)
  data.set(await source.read(dataAt + have.byteLength, dataBytes - have.byteLength, { signal }), have.byteLength)
  return data
}

export const equal = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && endsAt(a, a.byteLength, b)

const unreadable = (message: string, cause?: unknown): BlockstoreError => new BlockstoreError('BLOCKSTORE_UNREADABLE', message, { cause })
const tooLarge = (bytes: number, max: number): BlockstoreError => new BlockstoreError('BLOCKSTORE_TOO_LARGE', `section is too large; max=${max} got=${bytes}`)
