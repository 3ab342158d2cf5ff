/** The sections of a CAR, one after another, for consumers that want objects. */
import type { Hashes } from '@dagstore/hashes'
import type { BlockingSource, ByteSource } from '@dagstore/io'
import type { CarLayout } from './layout.ts'
import type { SectionCursor } from './section-cursor.ts'
import { checkSectionHash } from './section-hash.ts'
import { type ScanEnd, type ScanOptions, SectionReader } from './section-reader.ts'

/** One section. `cid` and `data` are copies that the consumer may keep. */
export interface Section {
  /** Of the length varint, from the start of the CARv1 payload: what an index lists. */
  readonly sectionOffset: number
  /** The same from the start of the source: another number for a CARv2. */
  readonly sourceOffset: number
  /** Varint and CID. */
  readonly headBytes: number
  readonly dataBytes: number
  /** Binary CID. */
  readonly cid: Uint8Array
  /** `undefined` unless asked for. */
  readonly data: Uint8Array | undefined
}

export interface ScanSectionsOptions extends ScanOptions {
  /** Hash every section before it is given. Without them nothing is hashed: the CAR is trusted. */
  readonly hashes?: Hashes | undefined
}

/**
 * The sections in file order, checked in structure, and hashed where `hashes` are given. A section length of 0 ends them; bytes
 * behind it that are read along must be zero. Memory: four windows of 1 MiB, of up to 8 MiB over a network, and one section.
 *
 * @throws {CarV2Error} `CARV2_TRUNCATED`: the payload ends inside a section; `offset` is the end of the last whole one.
 *   `CARV2_BAD_SECTION`, `CARV2_BAD_CID`, `CARV2_TOO_LARGE`, `CARV2_ZERO_PADDING` (with `zeroPadding: 'refuse'`). With `hashes`
 *   `CARV2_HASH_MISMATCH`, `CARV2_UNKNOWN_HASH`. `IO_*`
 */
export async function * scanSections (source: ByteSource, layout: CarLayout, options: ScanSectionsOptions = {}): AsyncGenerator<Section, ScanEnd, undefined> {
  const reader = readerOf(source, layout, options)
  const { cursor } = reader
  for (let state = cursor.next(); state !== 'end'; state = cursor.next()) {
    if (state === 'section') {
      yield sectionAt(cursor, options)
      continue
    }
    const pending = reader.fill()
    if (pending !== undefined) await pending
  }
  return reader.finish()
}

/**
 * The same without a promise, blocking the thread for each read: only for workers and one-shot commands.
 *
 * @throws as {@link scanSections}
 */
export function * scanSectionsSync (source: BlockingSource, layout: CarLayout, options: Omit<ScanSectionsOptions, 'blocking'> = {}): Generator<Section, ScanEnd, undefined> {
  const reader = readerOf(source, layout, { ...options, blocking: true })
  const { cursor } = reader
  for (let state = cursor.next(); state !== 'end'; state = cursor.next()) {
    if (state === 'section') yield sectionAt(cursor, options)
    else void reader.fill() // no promise, since it blocks
  }
  return reader.end()
}

const readerOf = (source: ByteSource, layout: CarLayout, options: ScanSectionsOptions): SectionReader =>
  new SectionReader(source, layout, { ...options, data: options.data === true || options.hashes !== undefined })

/** The section under the cursor, hashed if asked for. */
export const sectionAt = (cursor: SectionCursor, { data, hashes }: Pick<ScanSectionsOptions, 'data' | 'hashes'>): Section => {
  if (hashes !== undefined) checkSectionHash(cursor, hashes)
  const { window, sectionOffset, headBytes, dataBytes, cidAt, dataAt } = cursor
  return {
    sectionOffset,
    sourceOffset: cursor.payloadStart + sectionOffset,
    headBytes,
    dataBytes,
    cid: window.slice(cidAt, dataAt),
    data: data === true ? window.slice(dataAt, dataAt + dataBytes) : undefined,
  }
}
