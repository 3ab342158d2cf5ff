/**
 * The layouts of go-car: the CARv1 header stands right before the sections from the start, and nothing says how far they
 * are on disk.
 *
 *     go-car   0 pragma, 11 header (zeros until finalized), 51 zeros (dataPadding), then the CARv1 header and the sections
 *     carv1    0 the CARv1 header, then the sections
 *
 * Source: go-car v2/blockstore/readwrite.go, v2/internal/store/resume.go. Stricter: each block is hashed when a file is taken
 * up, and what is torn is cut off, where go-car takes half a block for a whole one and leaves a hole behind it.
 */
import { CarV2Error, decodeHeader, HEADER_BYTES, PRAGMA, PRAGMA_BYTES, readLayout } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { createWindow, sourceOfFile, type WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { Opened } from './car-on-file.ts'
import { WritableCarError } from './errors.ts'
import { clearHeader, HEADER_OFFSET, rootsHeader } from './file-head.ts'
import { type CarFileLayout, type CarFileOptions, checkRoots, type OpenCarOptions, rootsOf, rulesOf } from './options.ts'
import { findParts, loadSections, recoverSections } from './recover.ts'
import type { CarRules, ResumeSlot } from './resume-slot.ts'
import { SectionTable } from './section-table.ts'

export type BareLayout = Exclude<CarFileLayout, 'resumable'>

const DATA_OFFSET = PRAGMA_BYTES + HEADER_BYTES

const headerAtOf = (layout: BareLayout, { dataPadding = 0 }: CarFileOptions): number => layout === 'carv1' ? 0 : DATA_OFFSET + dataPadding

/** Its CARv1 header, and before it what there is; durable. */
export const createBare = async (file: WritableFile, layout: BareLayout, options: CarFileOptions): Promise<Opened> => {
  const roots = rootsOf(options) ?? []
  const header = rootsHeader(roots)
  const headerAt = headerAtOf(layout, options)
  await file.write(headerAt, header)
  if (layout === 'go-car') await file.write(0, PRAGMA)
  await file.sync()
  const rules = rulesOf(options)
  return opened(layout, rules, { headerAt, start: headerAt + header.byteLength, roots }, undefined)
}

/** An unfinalized file: its whole blocks, what is torn cut off. Nothing is changed before all is read. */
export const resumeBare = async (file: WritableFile, layout: BareLayout, options: OpenCarOptions & { readonly hashes: Hashes }): Promise<Opened> => {
  const { signal, onProgress, hashes } = options
  const isTorn = layout === 'go-car' && await checkUnfinalized(file)
  const found = await readBareHeader(file, headerAtOf(layout, options), signal)
  checkRoots(rootsOf(options), found.roots)
  const rules = rulesOf(options)
  const table = new SectionTable({ ...rules, start: found.start })
  await recoverSections({ file, table, rules, end: file.sizeBytes, signal, onProgress }, hashes, { others: true })
  signal?.throwIfAborted()
  if (file.sizeBytes !== table.end) await file.truncate(table.end)
  if (isTorn) await clearHeader(file)
  await file.sync()
  return opened(layout, rules, found, table)
}

/** A finalized file, made an unfinalized one; structure only. */
export const extendBare = async (file: WritableFile, layout: BareLayout, options: OpenCarOptions): Promise<Opened> => {
  if (layout === 'carv1') throw new WritableCarError('WRITABLE_CAR_NOT_FINALIZED', 'a CARv1 is never finalized; resume it')
  const { signal, onProgress } = options
  const header = await readFixed(file)
  if (header.every((byte) => byte === 0)) throw new WritableCarError('WRITABLE_CAR_NOT_FINALIZED', 'the file is not finalized')
  const { payloadStart, payloadBytes, headerBytes, roots } = await findParts(file, signal)
  const wanted = options.dataPadding === undefined ? payloadStart : headerAtOf(layout, options)
  if (payloadStart !== wanted) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', `the file has another padding; file=${payloadStart - DATA_OFFSET} given=${options.dataPadding}`, { offset: HEADER_OFFSET })
  checkRoots(rootsOf(options), roots)
  const rules = rulesOf(options)
  const start = payloadStart + headerBytes
  const table = new SectionTable({ ...rules, start })
  const end = payloadStart + payloadBytes
  await loadSections({ file, table, rules, end, signal, onProgress }, end, { others: true })
  signal?.throwIfAborted()
  // until here it is finalized; from here on it can be resumed: what is left of the index matches no hash
  await clearHeader(file)
  await file.sync()
  await file.truncate(table.end)
  await file.sync()
  return opened(layout, rules, { headerAt: payloadStart, start, roots }, table)
}

interface Bare { readonly headerAt: number, readonly start: number, readonly roots: readonly CID[] }

const opened = (layout: BareLayout, rules: CarRules, { headerAt, start, roots }: Bare, found: SectionTable | undefined): Opened => {
  const table = found ?? new SectionTable({ ...rules, start })
  const slot: ResumeSlot = { sequence: 0, start, syncedEnd: table.end, blockCount: table.count, header: { offset: headerAt, crc: 0 }, ...rules }
  return { layout, slot, roots, table }
}

/** The 40 bytes behind the pragma. @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS` */
const readFixed = async (file: WritableFile): Promise<Uint8Array> => {
  const head = await file.read(0, Math.min(file.sizeBytes, DATA_OFFSET))
  if (head.byteLength < DATA_OFFSET || PRAGMA.some((byte, at) => head[at] !== byte)) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', 'no CARv2 pragma', { offset: 0 })
  return head.subarray(PRAGMA_BYTES)
}

/** Whether there is a header that was torn while it was written. @throws {WritableCarError} `WRITABLE_CAR_FINALIZED`, `WRITABLE_CAR_NOT_OURS` */
const checkUnfinalized = async (file: WritableFile): Promise<boolean> => {
  const fixed = await readFixed(file)
  try {
    decodeHeader(fixed)
  } catch (error) {
    if (error instanceof CarV2Error) return error.code !== 'CARV2_NOT_FINALIZED'
    throw error
  }
  throw new WritableCarError('WRITABLE_CAR_FINALIZED', 'the file is finalized')
}

/** The CARv1 header at this place, which the sections follow. @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS` */
const readBareHeader = async (file: WritableFile, headerAt: number, signal: AbortSignal | undefined): Promise<Bare> => {
  try {
    if (headerAt >= file.sizeBytes) throw new CarV2Error('CARV2_TRUNCATED', `file ends before the CARv1 header; size=${file.sizeBytes}`)
    const { version, roots, headerBytes } = await readLayout(createWindow(sourceOfFile(file, file.sizeBytes), headerAt, file.sizeBytes - headerAt), { signal })
    if (version === 1) return { headerAt, roots, start: headerAt + headerBytes }
  } catch (cause) {
    if (!(cause instanceof CarV2Error)) throw cause
    throw new WritableCarError('WRITABLE_CAR_NOT_OURS', `no CARv1 header; at=${headerAt}`, { cause, offset: headerAt })
  }
  throw new WritableCarError('WRITABLE_CAR_NOT_OURS', 'not a CARv1', { offset: headerAt })
}
