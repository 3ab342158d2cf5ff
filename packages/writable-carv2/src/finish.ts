/** What makes a file under construction a CARv2: written in an order in which a cut leaves it resumable or finished. */
import { createIndexBuilder, encodeHeader } from '@dagstore/carv2'
import type { WritableFile } from '@dagstore/io'
import { clearSlots, HEADER_OFFSET } from './file-head.ts'
import { SLOTS_END } from './resume-slot.ts'
import type { SectionTable } from './section-table.ts'

/** What is long is written in pieces of about this many bytes. */
const PIECE_BYTES = 1 << 20

export interface Finish {
  readonly file: WritableFile
  /** Rejects for ever once it has rejected. */
  readonly sync: () => Promise<void>
  readonly table: SectionTable
  /** Where the sections lie, from the start of the file; all of them are written. */
  readonly start: number
  readonly end: number
  /** The CARv1 header with its length varint. */
  readonly carV1Header: Uint8Array
}

/** Index and CARv1 header, on disk; the file is still unfinalized. */
export const writeIndex = async (finish: Finish): Promise<void> => {
  const { file, sync, table, start, end, carV1Header } = finish
  const dataOffset = start - carV1Header.byteLength
  const builder = createIndexBuilder({ identityCids: 'included' })
  table.all((at, headBytes, dataBytes, cid) => { builder.add({ sectionOffset: at - dataOffset, headBytes, dataBytes, cid }) })
  const payloadEnd = end - dataOffset
  const index = builder.finish({ payloadStart: dataOffset, payloadEnd, carV1Header, source: undefined })

  if (file.sizeBytes > end) await file.truncate(end) // of an attempt before
  await writeReserve(file, start, carV1Header)
  let at = end
  let piece = new Uint8Array(PIECE_BYTES)
  let used = 0
  const flush = async (): Promise<void> => {
    await file.write(at, piece.subarray(0, used))
    at += used
    used = 0
  }
  for (const bytes of index.encode()) {
    if (used + bytes.byteLength > piece.byteLength && used > 0) await flush()
    if (bytes.byteLength > piece.byteLength) piece = new Uint8Array(bytes.byteLength)
    piece.set(bytes, used)
    used += bytes.byteLength
  }
  await flush()
  await sync()
}

/** The 40 bytes that make it a CARv2 file, on disk; from here on readers take it. */
export const writeHeader = async ({ file, sync, start, end, carV1Header }: Finish): Promise<void> => {
  const dataOffset = start - carV1Header.byteLength
  await file.write(HEADER_OFFSET, encodeHeader({ fullyIndexed: true, dataOffset, dataSize: end - dataOffset, indexOffset: end }))
  await sync()
}

/** The resume slots emptied, so that equal input gives equal files. */
export const writeEnd = async ({ file, sync }: Finish): Promise<void> => {
  await clearSlots(file)
  await sync()
}

/** Zeros, then the header, which ends where the sections start. */
export const writeReserve = async (file: WritableFile, start: number, carV1Header: Uint8Array): Promise<void> => {
  const headerAt = start - carV1Header.byteLength
  // in one piece, but for a foreign file with much padding before its payload
  let at = SLOTS_END
  for (; headerAt - at > PIECE_BYTES; at += PIECE_BYTES) await file.write(at, new Uint8Array(PIECE_BYTES))
  const last = new Uint8Array(start - at)
  last.set(carV1Header, headerAt - at)
  await file.write(at, last)
}
