/** The sections of a CAR that comes as a stream: read forward only, each byte once. */
import { decodeCarV1Header } from './carv1-header.ts'
import { type ByteChunks, ChunkFeed } from './chunk-feed.ts'
import { CarV2Error } from './errors.ts'
import { type CarV2Header, decodeHeader, HEADER_BYTES, PRAGMA_BYTES, startsWithPragma } from './header.ts'
import { type CarLayout, resolveLimits } from './layout.ts'
import { type ScanSectionsOptions, type Section, sectionAt } from './scan.ts'
import { SectionCursor } from './section-cursor.ts'
import type { ScanEnd } from './section-reader.ts'
import { MAX_VARINT_BYTES, readVarint, VARINT_CUT, varintBytes, varintFault } from './varint.ts'

/** What the beginning of a stream says of the whole. */
export interface StreamLayout extends Omit<CarLayout, 'payloadBytes'> {
  /** `undefined` for a CARv1: it ends with the stream. */
  readonly payloadBytes: number | undefined
}

export interface CarStream {
  readonly layout: StreamLayout
  /**
   * To be iterated once. A section is given when all of it has come. Ends, and lets the stream go, at the end of the payload; leaving
   * early cancels the stream. Zeros behind the last section are read and checked.
   *
   * @throws {CarV2Error} as {@link scanSections}; what the stream throws; the signal's reason
   */
  readonly sections: AsyncGenerator<Section, ScanEnd, undefined>
}

export type StreamOptions = Omit<ScanSectionsOptions, 'blocking'>

/**
 * Read the header of a CARv1 or CARv2 from a stream, of which the rest is read as the sections are asked for. Memory: the chunk
 * that came last; a section's data only with `data` or `hashes`.
 *
 * @throws {CarV2Error} as {@link readLayout}, but for what only the length of a file tells; then the stream is cancelled
 */
export const scanStream = async (chunks: ByteChunks, options: StreamOptions = {}): Promise<CarStream> => {
  const limits = resolveLimits(options)
  const feed = new ChunkFeed(chunks, options)
  try {
    options.signal?.throwIfAborted()
    const layout = await readStreamLayout(feed, limits.maxHeaderBytes)
    const cursor = new SectionCursor({
      position: layout.headerBytes,
      payloadStart: layout.payloadStart,
      payloadBytes: layout.payloadBytes ?? Infinity,
      needsData: options.data === true || options.hashes !== undefined,
      limits,
    })
    const sections = sectionsOf(feed, cursor, layout, options)
    await sections.next()
    return { layout, sections }
  } catch (error) {
    await feed.close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

/** What comes first is no section: a generator that was begun lets the stream go, whenever it is left. */
const sectionsOf = async function * (feed: ChunkFeed, cursor: SectionCursor, layout: StreamLayout, options: StreamOptions): AsyncGenerator<Section, ScanEnd, undefined> {
  const { payloadStart } = cursor
  let failure: { readonly error: unknown } | undefined
  let reportedBytes = -Infinity
  const report = (doneBytes: number): void => { options.onProgress?.({ doneBytes, totalBytes: layout.payloadBytes ?? doneBytes }) }
  const torn = (at: number): CarV2Error =>
    new CarV2Error('CARV2_TRUNCATED', `stream ends inside the payload; end=${feed.endBytes} last good end=${at}`, { offset: payloadStart + at })
  try {
    yield undefined as unknown as Section
    for (let state = cursor.next(); state !== 'end'; state = cursor.next()) {
      if (state === 'section') {
        const section = sectionAt(cursor, options)
        if (!cursor.needsData) await feed.need(payloadStart + cursor.position, payloadStart + cursor.position)
        if (feed.endBytes < payloadStart + cursor.position) throw torn(cursor.sectionOffset)
        yield section
        continue
      }
      if (cursor.position - reportedBytes >= 1 << 20) report(reportedBytes = cursor.position)
      const from = payloadStart + cursor.position
      const to = Math.min(from + cursor.needBytes, payloadStart + cursor.payloadBytes)
      await feed.need(from, to)
      if (feed.isDone && feed.endBytes < to) {
        if (layout.payloadBytes !== undefined) throw torn(cursor.position)
        cursor.payloadBytes = feed.endBytes - payloadStart
      }
      const { bytes, start } = feed.window(from, to)
      // what follows the payload belongs to none of its sections
      cursor.show(bytes.subarray(0, Math.min(bytes.byteLength, payloadStart + cursor.payloadBytes - start)), start - payloadStart)
    }
    const end = await finish(feed, cursor, layout, options)
    report(cursor.payloadBytes)
    return end
  } catch (error) {
    failure = { error }
    throw error
  } finally {
    await feed.close().catch((error: unknown) => { if (failure === undefined) throw error })
  }
}

/** Zeros to the end of the payload. */
const finish = async (feed: ChunkFeed, cursor: SectionCursor, layout: StreamLayout, { zeroPadding = 'end' }: StreamOptions): Promise<ScanEnd> => {
  const { payloadStart, position: payloadEnd } = cursor
  let at = payloadStart + payloadEnd
  const to = payloadStart + (layout.payloadBytes ?? Infinity)
  await feed.need(at, Math.min(at + 1, to))
  if (zeroPadding === 'refuse' && feed.endBytes > at && at < to) throw new CarV2Error('CARV2_ZERO_PADDING', `section of length 0; section=${at}`, { offset: at })
  while (at < to) {
    await feed.need(at, at + 1)
    if (feed.endBytes <= at) break
    const { bytes, start } = feed.window(at, at + 1)
    const end = Math.min(start + bytes.byteLength, to)
    for (; at < end; at++) {
      if (bytes[at - start] !== 0) throw new CarV2Error('CARV2_BAD_SECTION', `bytes behind the zero padding; at=${at}`, { offset: at })
    }
  }
  if (layout.payloadBytes !== undefined && at < to) {
    throw new CarV2Error('CARV2_TRUNCATED', `stream ends inside the payload; end=${feed.endBytes} last good end=${payloadEnd}`, { offset: payloadStart + payloadEnd })
  }
  cursor.payloadBytes = at - payloadStart
  return { payloadEnd, paddingBytes: cursor.payloadBytes - payloadEnd }
}

const readStreamLayout = async (feed: ChunkFeed, maxHeaderBytes: number): Promise<StreamLayout> => {
  await feed.need(0, PRAGMA_BYTES)
  const first = feed.window(0, PRAGMA_BYTES).bytes
  if (!startsWithPragma(first)) {
    const { version, roots, headerBytes } = await readV1Header(feed, 0, Infinity, maxHeaderBytes)
    if (version === 2) throw new CarV2Error('CARV2_BAD_PRAGMA', 'version 2, but not the bytes of the CARv2 pragma', { offset: 0 })
    if (version !== 1) throw new CarV2Error('CARV2_BAD_VERSION', `CAR version; want=1 or 2 got=${version}`, { offset: 0 })
    return { version, payloadStart: 0, payloadBytes: undefined, headerBytes, roots, indexOffset: undefined, fullyIndexed: false }
  }
  const { dataOffset, dataSize, indexOffset, fullyIndexed, characteristics } = await readV2Header(feed)
  const { version, roots, headerBytes } = await readV1Header(feed, dataOffset, dataSize, maxHeaderBytes)
  if (version !== 1) throw new CarV2Error('CARV2_BAD_VERSION', `payload of a CARv2; want=version 1 got=${version}`, { offset: dataOffset })
  return { version: 2, payloadStart: dataOffset, payloadBytes: dataSize, headerBytes, roots, indexOffset, fullyIndexed, characteristics }
}

const readV2Header = async (feed: ChunkFeed): Promise<CarV2Header> => {
  const end = PRAGMA_BYTES + HEADER_BYTES
  await feed.need(0, end)
  if (feed.endBytes < end) throw cut('CARv2 header', feed.endBytes)
  const { bytes, start } = feed.window(PRAGMA_BYTES, end)
  return decodeHeader(bytes.subarray(PRAGMA_BYTES - start, end - start))
}

const readV1Header = async (feed: ChunkFeed, at: number, payloadBytes: number, maxBytes: number): Promise<{ version: number, roots: CarLayout['roots'], headerBytes: number }> => {
  const most = Math.min(MAX_VARINT_BYTES, payloadBytes)
  await feed.need(at, at + most)
  const { bytes, start } = feed.window(at, at + most)
  const length = readVarint(bytes, at - start, Math.min(bytes.byteLength, at - start + most))
  if (length === VARINT_CUT) throw cut('CARv1 header', Math.min(feed.endBytes, at + payloadBytes))
  if (length < 0) throw new CarV2Error('CARV2_BAD_HEADER', `CARv1 header length: ${varintFault(length)}`, { offset: at })
  if (length === 0) throw new CarV2Error('CARV2_BAD_HEADER', 'CARv1 header of length 0', { offset: at })
  if (length > maxBytes) throw new CarV2Error('CARV2_TOO_LARGE', `CARv1 header; max=${maxBytes} got=${length}`, { offset: at })
  const headerBytes = varintBytes(length) + length
  if (headerBytes > payloadBytes) throw new CarV2Error('CARV2_TRUNCATED', `payload ends inside the CARv1 header; end=${at + payloadBytes}`, { offset: at + payloadBytes })
  await feed.need(at, at + headerBytes)
  if (feed.endBytes < at + headerBytes) throw cut('CARv1 header', feed.endBytes)
  const whole = feed.window(at, at + headerBytes)
  const bodyAt = at + varintBytes(length) - whole.start
  try {
    return { ...decodeCarV1Header(whole.bytes.slice(bodyAt, bodyAt + length)), headerBytes }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    throw new CarV2Error(error.code, error.message, { cause: error.cause, offset: at })
  }
}

const cut = (what: string, offset: number): CarV2Error =>
  new CarV2Error('CARV2_TRUNCATED', `stream ends inside or before the ${what}; end=${offset}`, { offset })
