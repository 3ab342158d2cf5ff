/** The sections of a CAR, one after another, for consumers that want objects. */
import type { ByteSource } from '@dagstore/io'
import type { CarLayout } from './layout.ts'
import { type ScanEnd, type ScanOptions, SectionReader } from './section-reader.ts'

/** One section. `cid` and `data` are copies that the consumer may keep. */
export interface Section {
  /** Of the length varint, from the start of the CARv1 payload. */
  readonly sectionOffset: number
  /** Varint and CID. */
  readonly headBytes: number
  readonly dataBytes: number
  /** Binary CID. */
  readonly cid: Uint8Array
  /** `undefined` unless asked for. */
  readonly data: Uint8Array | undefined
}

/**
 * The sections in file order, checked in structure, not hashed. A section length of 0 ends them; bytes behind it that are
 * read along must be zero. Memory: one window of 1 MiB, of up to 8 MiB over a network, or one
 * section where that is longer.
 *
 * @throws {CarV2Error} `CARV2_TRUNCATED`: the payload ends inside a section; `offset` is the end of the last whole one.
 *   `CARV2_BAD_SECTION`, `CARV2_BAD_CID`, `CARV2_TOO_LARGE`, `CARV2_ZERO_PADDING` (with `zeroPadding: 'refuse'`). `IO_*`
 */
export async function * scanSections (source: ByteSource, layout: CarLayout, options: ScanOptions = {}): AsyncGenerator<Section, ScanEnd, undefined> {
  const reader = new SectionReader(source, layout, options)
  const { cursor } = reader
  for (let state = cursor.next(); state !== 'end'; state = cursor.next()) {
    if (state === 'window') {
      const pending = reader.fill()
      if (pending !== undefined) await pending
      continue
    }
    const { window, sectionOffset, headBytes, dataBytes, cidAt, dataAt } = cursor
    const data = options.data === true ? window.slice(dataAt, dataAt + dataBytes) : undefined
    yield { sectionOffset, headBytes, dataBytes, cid: window.slice(cidAt, dataAt), data }
  }
  return reader.finish()
}
