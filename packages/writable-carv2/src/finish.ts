/** What makes a file under construction a CARv2: written in an order in which a cut leaves it resumable or finished. */
import { encodeHeader, type IdentityPolicy } from '@dagstore/carv2'
import type { WritableFile } from '@dagstore/io'
import { clearSlots, HEADER_OFFSET } from './file-head.ts'
import { indexChunks } from './index-making.ts'
import type { CarFileLayout } from './options.ts'
import { SLOTS_END } from './resume-slot.ts'
import type { SectionTable } from './section-table.ts'
import type { Tail } from './tail.ts'
import type { FinalizeOptions, IndexForm } from './writable-car.ts'

/** What is long is written in pieces of about this many bytes. */
const PIECE_BYTES = 1 << 20
const FORMS: readonly IndexForm[] = ['with-trailer', 'multihash-index-sorted', 'index-sorted', 'none']
const MAX_PADDING_BYTES = 1 << 30

export interface Finish extends FinalizeOptions {
  readonly file: WritableFile
  /** Rejects for ever once it has rejected. */
  readonly sync: () => Promise<void>
  readonly table: SectionTable
  readonly tail: Tail
  readonly layout: CarFileLayout
  readonly identity: IdentityPolicy
  /** Where the sections lie, from the start of the file; all of them are written. */
  readonly start: number
  readonly end: number
  /** How far the sections are known to be on disk. */
  readonly syncedEnd: number
  /** With its length varint. */
  readonly carV1Header: Uint8Array
  /** Where it begins, from the start of the file. */
  readonly dataOffset: number
  readonly indexMemoryBytes: number | undefined
}

/** @throws {TypeError} no such form, or one that this layout does not have @throws {RangeError} `indexPadding` */
export const checkFinalizeOptions = ({ index, indexPadding }: FinalizeOptions, layout: CarFileLayout): void => {
  if (index !== undefined && !FORMS.includes(index)) throw new TypeError(`no such form of an index; got=${String(index)}`)
  if (layout === 'carv1' && (index !== undefined || indexPadding !== undefined)) throw new TypeError('a CARv1 has no index')
  if (indexPadding === undefined) return
  if (index === 'none') throw new TypeError('indexPadding: without an index')
  if (!Number.isSafeInteger(indexPadding) || indexPadding < 0 || indexPadding > MAX_PADDING_BYTES) throw new RangeError(`indexPadding; min=0 max=${MAX_PADDING_BYTES} got=${indexPadding}`)
}

/** Index and CARv1 header, on disk; the file is still unfinalized. */
export const writeIndex = async (finish: Finish): Promise<void> => {
  const { file, sync, layout, start, end, syncedEnd, carV1Header, signal, onProgress, index = 'with-trailer' } = finish
  if (layout === 'carv1') return sync()
  if (file.sizeBytes > end) await file.truncate(end) // of an attempt before
  // the sections are the most of it: they go to the disk while the index is made
  const sections = Promise.allSettled(end === syncedEnd ? [] : [sync()])
  try {
    if (layout === 'resumable') await writeReserve(file, start, carV1Header)
    if (index !== 'none') {
      const indexOffset = indexOffsetOf(finish)
      const fileEnd = await writePieces(file, indexOffset, indexChunks({ ...finish, indexOffset }, index), signal)
      if (file.sizeBytes > fileEnd) await file.truncate(fileEnd) // what the making of it has left there
    }
    onProgress?.({ doneBytes: end - start, totalBytes: end - start })
  } catch (error) {
    await sections
    throw error
  }
  for (const result of await sections) if (result.status === 'rejected') throw result.reason
  await sync()
  signal?.throwIfAborted()
}

/** The 40 bytes that make it a CARv2 file, on disk; from here on readers take it. */
export const writeHeader = async (finish: Finish): Promise<void> => {
  const { file, sync, layout, end, dataOffset, identity, index } = finish
  if (layout === 'carv1') return
  const fullyIndexed = index !== 'none' && identity.mark
  await file.write(HEADER_OFFSET, encodeHeader({ fullyIndexed, dataOffset, dataSize: end - dataOffset, indexOffset: index === 'none' ? undefined : indexOffsetOf(finish) }))
  await sync()
}

/** The resume slots emptied, so that equal input gives equal files. */
export const writeEnd = async ({ file, sync, layout }: Finish): Promise<void> => {
  if (layout !== 'resumable') return
  await clearSlots(file)
  await sync()
}

const indexOffsetOf = ({ end, indexPadding = 0 }: Finish): number => end + indexPadding

/** In large pieces. @returns where it ends */
const writePieces = async (file: WritableFile, from: number, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<number> => {
  let at = from
  let piece = new Uint8Array(PIECE_BYTES)
  let used = 0
  const flush = async (): Promise<void> => {
    await file.write(at, piece.subarray(0, used))
    at += used
    used = 0
  }
  for await (const bytes of chunks) {
    signal?.throwIfAborted()
    if (used + bytes.byteLength > piece.byteLength && used > 0) await flush()
    if (bytes.byteLength > piece.byteLength) piece = new Uint8Array(bytes.byteLength)
    piece.set(bytes, used)
    used += bytes.byteLength
  }
  await flush()
  return at
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
