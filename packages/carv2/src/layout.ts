/** Where the parts of a CAR file lie: found from its first bytes, checked against its length. */
import type { BlockingSource, ByteSource, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { decodeCarV1Header } from './carv1-header.ts'
import { CarV2Error } from './errors.ts'
import { type CarV2Header, decodeHeader, HEADER_BYTES, PRAGMA_BYTES, startsWithPragma } from './header.ts'
import { peekPlain, readPlain } from './plain-bytes.ts'
import { MAX_VARINT_BYTES, readVarint, VARINT_CUT, varintBytes, varintFault } from './varint.ts'

/** What no file may exceed; all in bytes. */
export interface CarLimits {
  /** CARv1 header. @default 32 MiB */
  readonly maxHeaderBytes?: number | undefined
  /** CID and data of one section; at most 2^32 - 1. @default 8 MiB */
  readonly maxSectionBytes?: number | undefined
  /** CID of one section. @default 2048 */
  readonly maxCidBytes?: number | undefined
}

export type ResolvedLimits = { readonly [K in keyof CarLimits]-?: number }

export const CAR_LIMITS: ResolvedLimits = Object.freeze({ maxHeaderBytes: 32 << 20, maxSectionBytes: 8 << 20, maxCidBytes: 2048 })

/** The limits with their defaults. @throws {RangeError} one that is not a whole number from 1, or above 2^32 - 1 */
export const resolveLimits = (options: CarLimits): ResolvedLimits => {
  const limits = {
    maxHeaderBytes: options.maxHeaderBytes ?? CAR_LIMITS.maxHeaderBytes,
    maxSectionBytes: options.maxSectionBytes ?? CAR_LIMITS.maxSectionBytes,
    maxCidBytes: options.maxCidBytes ?? CAR_LIMITS.maxCidBytes,
  }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isInteger(value) || value < 1 || value > 0xffff_ffff) throw new RangeError(`${name}; want=1 to 2^32 - 1 got=${value}`)
  }
  return limits
}

/** Offsets and lengths in bytes. */
export interface CarLayout {
  readonly version: 1 | 2
  /** Start of the CARv1 payload in the source; 0 for a CARv1. */
  readonly payloadStart: number
  /** Length of the payload, zero padding included: the data size of a CARv2, the size of a CARv1 source. */
  readonly payloadBytes: number
  /** Where the first section starts, from the start of the payload. */
  readonly headerBytes: number
  /** As the header lists them, repeats included. */
  readonly roots: readonly CID[]
  /** Start of the index in the source; it goes to the end. */
  readonly indexOffset: number | undefined
  readonly fullyIndexed: boolean
  /** The 16 bytes of a CARv2; `undefined` for a CARv1. */
  readonly characteristics?: Uint8Array | undefined
  /** With `badIndex: 'report'`: why the header names no index although its field says so; `indexOffset` is `undefined` then. */
  readonly indexFault?: CarV2Error | undefined
}

export interface LayoutOptions extends CarLimits, CallOptions {
  /** What becomes of a CARv2 whose payload is there, but whose index starts inside it or behind the end of the file. @default 'refuse' */
  readonly badIndex?: 'refuse' | 'report' | undefined
}

const FIRST_READ_BYTES = 1024

/**
 * Find the parts of a CAR file. Reads its first bytes and the CARv1 header; looks neither into sections nor into the index.
 *
 * @throws {CarV2Error} `CARV2_TRUNCATED`: the source ends before a part that it announces; `offset` is its end.
 *   `CARV2_BAD_PRAGMA`, `CARV2_BAD_VERSION`: neither CARv1 nor CARv2, or a payload of another version than 1.
 *   `CARV2_NOT_FINALIZED`. `CARV2_BAD_HEADER`. `CARV2_TOO_LARGE`: a CARv1 header above `maxHeaderBytes`.
 */
export const readLayout = (source: ByteSource, options: LayoutOptions = {}): Promise<CarLayout> => readAll(source, layoutOf(source.sizeBytes, options), options)

/**
 * {@link readLayout} without promises, for workers and for bytes in memory: blocks the thread for what is not at hand.
 *
 * @throws as {@link readLayout}
 */
export const readLayoutSync = (source: BlockingSource, options: LayoutOptions = {}): CarLayout => {
  options.signal?.throwIfAborted()
  const work = layoutOf(source.sizeBytes, options)
  let step = work.next(NOTHING)
  while (step.done !== true) {
    const { at, length, keep } = step.value
    step = work.next((keep ? undefined : peekPlain(source, at, length)) ?? readBlocking(source, at, length))
  }
  return step.value
}

const readBlocking = (source: BlockingSource, at: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  source.readSync(at, bytes)
  return bytes
}

/** Bytes that are wanted from the source. `keep`: in memory of their own, else a view will do that is neither kept nor written. */
interface Wanted { readonly at: number, readonly length: number, readonly keep: boolean }

/** What is found from bytes, which whoever runs it reads. */
type Reading<T> = Generator<Wanted, T, Uint8Array>

const NOTHING = new Uint8Array(0)

const readAll = async <T>(source: ByteSource, work: Reading<T>, { signal }: CallOptions): Promise<T> => {
  signal?.throwIfAborted()
  let step = work.next(NOTHING)
  while (step.done !== true) {
    const { at, length, keep } = step.value
    step = work.next((keep ? undefined : peekPlain(source, at, length)) ?? await readPlain(source, at, length, { signal }))
  }
  return step.value
}

function * layoutOf (sizeBytes: number, options: LayoutOptions): Reading<CarLayout> {
  const { maxHeaderBytes } = resolveLimits(options)
  const head = yield upTo(0, FIRST_READ_BYTES, sizeBytes)
  if (startsWithPragma(head)) {
    const { header, indexFault } = readV2Header(sizeBytes, head, options.badIndex ?? 'refuse')
    const payload = { start: header.dataOffset, bytes: header.dataSize }
    const end = payload.start + payload.bytes
    const inner = Math.min(payload.start + MAX_VARINT_BYTES, end) <= head.byteLength
      ? head.subarray(payload.start, end)
      : yield upTo(payload.start, FIRST_READ_BYTES, end)
    const { version, roots, headerBytes } = yield * readV1Header(payload, inner, maxHeaderBytes)
    if (version !== 1) throw new CarV2Error('CARV2_BAD_VERSION', `payload of a CARv2; want=version 1 got=${version}`, { offset: payload.start })
    const { indexOffset, fullyIndexed, characteristics } = header
    return { version: 2, payloadStart: payload.start, payloadBytes: payload.bytes, headerBytes, roots, indexOffset, fullyIndexed, characteristics, ...(indexFault === undefined ? {} : { indexFault }) }
  }
  const payload = { start: 0, bytes: sizeBytes }
  const { version, roots, headerBytes } = yield * readV1Header(payload, head, maxHeaderBytes)
  if (version === 2) throw new CarV2Error('CARV2_BAD_PRAGMA', 'version 2, but not the bytes of the CARv2 pragma', { offset: 0 })
  if (version !== 1) throw new CarV2Error('CARV2_BAD_VERSION', `CAR version; want=1 or 2 got=${version}`, { offset: 0 })
  return { version: 1, payloadStart: 0, payloadBytes: payload.bytes, headerBytes, roots, indexOffset: undefined, fullyIndexed: false }
}

/**
 * Which version the first bytes claim, whatever number that is. Nothing else is checked: a file of version 2 may still be cut
 * behind its pragma.
 *
 * @throws {CarV2Error} `CARV2_TRUNCATED`, `CARV2_TOO_LARGE`, `CARV2_BAD_HEADER`: no CAR of any version
 */
export const readVersion = (source: ByteSource, options: Pick<CarLimits, 'maxHeaderBytes'> & CallOptions = {}): Promise<number> =>
  readAll(source, versionOf(source.sizeBytes, options), options)

function * versionOf (sizeBytes: number, options: Pick<CarLimits, 'maxHeaderBytes'>): Reading<number> {
  const { maxHeaderBytes } = resolveLimits(options)
  const head = yield upTo(0, FIRST_READ_BYTES, sizeBytes)
  return (yield * readV1Header({ start: 0, bytes: sizeBytes }, head, maxHeaderBytes)).version
}

/** At most `length` bytes from `at`, fewer where `end` comes first. */
const upTo = (at: number, length: number, end: number): Wanted => ({ at, length: Math.min(length, end - at), keep: false })

const INDEX_FIELD = 32

const readV2Header = (size: number, head: Uint8Array, badIndex: 'refuse' | 'report'): { readonly header: CarV2Header, readonly indexFault?: CarV2Error | undefined } => {
  if (head.byteLength < PRAGMA_BYTES + HEADER_BYTES) throw truncated('CARv2 header', size)
  const { header, indexFault } = decodeParts(head.slice(PRAGMA_BYTES, PRAGMA_BYTES + HEADER_BYTES))
  if (header.dataOffset > size) {
    throw new CarV2Error('CARV2_BAD_HEADER', `data offset behind the end; offset=${header.dataOffset} size=${size}`, { offset: PRAGMA_BYTES + 16 })
  }
  const fault = indexFault ?? (header.indexOffset !== undefined && header.indexOffset > size ? truncated('index', size) : undefined)
  // what is wrong with the index alone is reported of a file that has its payload
  if (badIndex === 'refuse' && indexFault !== undefined) throw indexFault
  if (header.dataOffset + header.dataSize > size) throw truncated('CARv1 payload', size)
  if (fault === undefined) return { header }
  if (badIndex === 'refuse') throw fault
  return { header: { ...header, indexOffset: undefined }, indexFault: fault }
}

/** The header, and what is wrong with its index offset when nothing else is. */
const decodeParts = (bytes: Uint8Array): { readonly header: CarV2Header, readonly indexFault?: CarV2Error } => {
  try {
    return { header: decodeHeader(bytes) }
  } catch (error) {
    if (!(error instanceof CarV2Error) || error.offset !== PRAGMA_BYTES + INDEX_FIELD) throw error
    return { header: decodeHeader(bytes.fill(0, INDEX_FIELD)), indexFault: error }
  }
}

interface V1Header { readonly version: number, readonly roots: readonly CID[], readonly headerBytes: number }

/** `head` holds the first bytes of the payload, as many as were at hand. */
function * readV1Header (payload: { start: number, bytes: number }, head: Uint8Array, maxBytes: number): Reading<V1Header> {
  const length = readVarint(head, 0, Math.min(head.byteLength, MAX_VARINT_BYTES))
  if (length === VARINT_CUT && head.byteLength < MAX_VARINT_BYTES) throw truncated('CARv1 header', payload.start + payload.bytes)
  if (length < 0) throw new CarV2Error('CARV2_BAD_HEADER', `CARv1 header length: ${varintFault(length)}`, { offset: payload.start })
  if (length === 0) throw new CarV2Error('CARV2_BAD_HEADER', 'CARv1 header of length 0', { offset: payload.start })
  if (length > maxBytes) throw new CarV2Error('CARV2_TOO_LARGE', `CARv1 header; max=${maxBytes} got=${length}`, { offset: payload.start })
  const bodyAt = varintBytes(length)
  const headerBytes = bodyAt + length
  if (headerBytes > payload.bytes) throw truncated('CARv1 header', payload.start + payload.bytes)
  const body = headerBytes <= head.byteLength ? head.slice(bodyAt, headerBytes) : yield { at: payload.start + bodyAt, length, keep: true }
  try {
    return { ...decodeCarV1Header(body), headerBytes }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    const whose = error.code !== 'CARV2_BAD_HEADER' ? '' : payload.start === 0 ? 'no CAR, or its ' : 'payload is no CARv1, or its '
    throw new CarV2Error(error.code, `${whose}${error.message}`, { cause: error.cause, offset: payload.start })
  }
}

const truncated = (what: string, offset: number): CarV2Error =>
  new CarV2Error('CARV2_TRUNCATED', `source ends inside or before the ${what}; end=${offset}`, { offset })
