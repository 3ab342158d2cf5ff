/** Finding again which sections a file holds: by structure where that is known to be on disk, by hash behind it. */
import { type CarLayout, CarV2Error, decodeVarint, parseCid, readLayout, scanSections, type ScanSectionsOptions, type Section } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { type ByteProgress, sourceOfFile, type WritableFile } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { WritableCarError } from './errors.ts'
import { INDEX_FIELD_OFFSET } from './file-head.ts'
import type { CarRules } from './resume-slot.ts'
import { SectionHeads } from './section-heads.ts'
import { addFound } from './section-lookup.ts'
import type { SectionTable } from './section-table.ts'

export interface Recovery {
  readonly file: WritableFile
  /** Found sections are added to it. */
  readonly table: SectionTable
  readonly rules: Pick<CarRules, 'maxSectionBytes' | 'maxCidBytes'>
  /** Where all that is gone through ends, from the start of the file. */
  readonly end: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: ByteProgress) => void) | undefined
}

/**
 * The sections from where the table ends to `end`; structure only. In a file that `others` may have written zeros behind the
 * last one are padding, in ours an error.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_DAMAGED`; `WRITABLE_CAR_TOO_LARGE` (only `others`): a section above the limits
 */
export const loadSections = async (recovery: Recovery, end: number, { others }: { readonly others: boolean }): Promise<void> => {
  const { file, table } = recovery
  const base = table.end
  const heads = headsOf(file, table)
  try {
    for await (const section of scanSections(sourceOfFile(file, file.sizeBytes), sectionsOnly(base, end), { ...scanOptions(recovery), zeroPadding: others ? 'end' : 'refuse' })) await add(table, heads, base, section)
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    throw others && error.code === 'CARV2_TOO_LARGE' ? tooLarge(error, table.end) : damaged(error)
  }
}

/**
 * The sections from where the table ends, each of them hashed. The first that is torn, mismatched or zero ends the file. A
 * whole one that nobody can check is an error instead, since it may be good; so is one above the limits in a file that
 * `others` may have written.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_TOO_LARGE` (only `others`): a whole section above the limits
 * @throws {BlockstoreError} `BLOCKSTORE_UNKNOWN_HASH`: no hasher for a section; its code is in the message
 */
export const recoverSections = async (recovery: Recovery, hashes: Hashes, { others }: { readonly others: boolean }): Promise<void> => {
  const { file, table, end } = recovery
  const base = table.end
  const heads = headsOf(file, table)
  try {
    for await (const section of scanSections(sourceOfFile(file, file.sizeBytes), sectionsOnly(base, end), { ...scanOptions(recovery), data: true })) {
      const { hashCode, digest } = parseCid(section.cid)
      if (!hashes.has(hashCode)) {
        // a tear leaves no code that was not put: behind it there are zeros, and no varint ends in a zero
        throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; hash=0x${hashCode.toString(16)} at=${base + section.sectionOffset}`, { cid: CID.decode(section.cid) })
      }
      if (section.data === undefined || !hashes.matches(hashCode, digest, section.data)) return
      await add(table, heads, base, section)
    }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    // torn: what came before it is good
    if (others && error.code === 'CARV2_TOO_LARGE') await checkTorn(file, table.end, error)
  }
}

/** Progress is told of all that is gone through, whichever part of it is scanned. */
const scanOptions = ({ table, rules, signal, end, onProgress }: Recovery): ScanSectionsOptions => {
  const start = table.start(0)
  const before = table.end - start
  return { ...rules, signal, onProgress: onProgress && (({ doneBytes }) => { onProgress({ doneBytes: before + doneBytes, totalBytes: end - start }) }) }
}

/** A length that the file does not have is a tear; one that it has may be a section of somebody with other limits. */
const checkTorn = async (file: WritableFile, at: number, cause: CarV2Error): Promise<void> => {
  const { value, length } = decodeVarint(await file.read(at, Math.min(9, file.sizeBytes - at)))
  if (at + length + value > file.sizeBytes) return
  throw tooLarge(cause, at)
}

const tooLarge = (cause: CarV2Error, at: number): WritableCarError =>
  new WritableCarError('WRITABLE_CAR_TOO_LARGE', `${cause.message}; at=${at}`, { cause, offset: at })

const add = (table: SectionTable, heads: SectionHeads, base: number, { cid, sectionOffset, headBytes, dataBytes }: Section): Promise<void> =>
  addFound(table, heads, cid, base + sectionOffset + headBytes + dataBytes)

/** The parts of a finalized file. An index that cannot be is none, unless it is said to be where we write. @throws {WritableCarError} `WRITABLE_CAR_DAMAGED` */
export const findParts = async (file: WritableFile, signal: AbortSignal | undefined): Promise<CarLayout> => {
  try {
    const layout = await readLayout(sourceOfFile(file, file.sizeBytes), { signal, badIndex: 'report' })
    if (layout.indexFault !== undefined && await indexField(file) < layout.payloadStart) throw layout.indexFault
    return layout
  } catch (error) {
    throw error instanceof CarV2Error ? damaged(error) : error
  }
}

const indexField = async (file: WritableFile): Promise<bigint> => {
  const { buffer, byteOffset } = await file.read(INDEX_FIELD_OFFSET, 8)
  return new DataView(buffer, byteOffset).getBigUint64(0, true)
}

/** Nothing waits to be written while a file is being opened. */
const headsOf = (file: WritableFile, table: SectionTable): SectionHeads =>
  new SectionHeads({ file, table, tail: { writtenEnd: file.sizeBytes, peek: () => undefined } }, 'one')

/** The layout that lets sections from `start` be scanned although no CARv1 header stands right before them. */
const sectionsOnly = (start: number, end: number): CarLayout =>
  ({ version: 2, payloadStart: start, payloadBytes: end - start, headerBytes: 0, roots: [], indexOffset: undefined, fullyIndexed: false })

const damaged = (cause: CarV2Error): WritableCarError =>
  new WritableCarError('WRITABLE_CAR_DAMAGED', `${cause.message}; cause=${cause.code}`, cause.offset === undefined ? { cause } : { cause, offset: cause.offset })
