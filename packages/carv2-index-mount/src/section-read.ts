/** Reading one section of a CAR where an index says that it lies, trusting neither. */
import { type CarLayout, CarV2Error, decodeVarint, type IndexEntry, type ParsedCid, parseCid, type ResolvedLimits } from '@dagstore/carv2'
import type { ByteSource } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'

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

/**
 * The head of the section at `entry`. `want: 'section'` reads its data along where the entry tells its length; without
 * lengths the first kilobytes are read in either case.
 *
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: no section there, one that goes beyond the payload, or one that is not
 *   as the entry says. `BLOCKSTORE_TOO_LARGE`
 * @throws {IoError}
 */
export const readHead = async (from: SectionBytes, entry: IndexEntry, want: 'head' | 'section', signal: AbortSignal | undefined): Promise<SectionHead> => {
  const { source, layout, limits } = from
  const { sectionOffset, headBytes, dataBytes } = entry
  const at = layout.payloadStart + sectionOffset
  const end = layout.payloadStart + layout.payloadBytes
  if (sectionOffset < layout.headerBytes || at >= end) throw unreadable(`index points outside of the payload; offset=${sectionOffset}`)
  let length = Math.min(source.cost.kind === 'remote' ? FIRST_REMOTE_READ_BYTES : FIRST_READ_BYTES, end - at)
  if (headBytes !== undefined && dataBytes !== undefined) {
    if (headBytes + dataBytes > limits.maxSectionBytes + MAX_VARINT_BYTES) throw tooLarge(headBytes + dataBytes, limits.maxSectionBytes)
    length = want === 'section' ? headBytes + dataBytes : headBytes
    if (at + length > end) throw unreadable(`index points beyond the payload; offset=${sectionOffset} length=${length}`)
  }
  const peeked = source.peek(at, length)
  const window = peeked ?? await source.read(at, length, { signal })
  const head = parseHead(window, at, end, limits)
  if ((headBytes !== undefined && headBytes !== head.dataInWindow) || (dataBytes !== undefined && dataBytes !== head.dataBytes)) {
    throw unreadable(`section is not as the index says; offset=${sectionOffset}`)
  }
  return { ...head, window, owned: peeked === undefined }
}

/**
 * The data of a section whose head was read; memory that belongs to the caller.
 *
 * @throws {IoError}
 */
export const readData = async ({ source }: SectionBytes, head: SectionHead, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  const { window, dataInWindow, dataBytes, dataAt } = head
  const have = window.subarray(dataInWindow, dataInWindow + dataBytes)
  // a small block does not keep a large window
  if (have.byteLength === dataBytes) return head.owned && dataBytes * 2 > window.byteLength ? have : have.slice()
  if (have.byteLength === 0) return source.read(dataAt, dataBytes, { signal })
  const data = new Uint8Array(dataBytes)
  data.set(have)
  data.set(await source.read(dataAt + have.byteLength, dataBytes - have.byteLength, { signal }), have.byteLength)
  return data
}

const parseHead = (window: Uint8Array, at: number, end: number, limits: SectionBytes['limits']): Omit<SectionHead, 'window' | 'owned'> => {
  try {
    const { value, length: varintBytes } = decodeVarint(window, 0)
    if (value === 0) throw unreadable(`index points at padding; at=${at}`)
    if (value > limits.maxSectionBytes) throw tooLarge(value, limits.maxSectionBytes)
    if (at + varintBytes + value > end) throw unreadable(`section goes beyond the payload; at=${at} length=${value}`)
    const cid = parseCid(window.subarray(0, varintBytes + value), varintBytes)
    if (cid.length > limits.maxCidBytes) throw tooLarge(cid.length, limits.maxCidBytes)
    const headBytes = varintBytes + cid.length
    return { cid, cidBytes: window.subarray(varintBytes, headBytes), dataAt: at + headBytes, dataBytes: value - cid.length, dataInWindow: headBytes }
  } catch (cause) {
    throw cause instanceof CarV2Error ? unreadable(`no section where the index points; at=${at} code=${cause.code}`, cause) : cause
  }
}

const unreadable = (message: string, cause?: unknown): BlockstoreError => new BlockstoreError('BLOCKSTORE_UNREADABLE', message, { cause })
const tooLarge = (bytes: number, max: number): BlockstoreError => new BlockstoreError('BLOCKSTORE_TOO_LARGE', `section is too large; max=${max} got=${bytes}`)
