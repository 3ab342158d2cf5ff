/** Finding again what a file holds: structure up to where it is known to be on disk, hashes behind that. */
import { type CarLayout, CarV2Error, decodeCarV1Header, decodeVarint, parseCid, readLayout, scanSections, type Section } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { crc32 } from './crc32.ts'
import { WritableCarError } from './errors.ts'
import { type FileHead, MAX_ROOTS_BYTES, startFor } from './file-head.ts'
import { createFileSource } from './file-source.ts'
import { SLOTS_END } from './resume-slot.ts'
import type { SectionTable } from './section-table.ts'

/** Longest CID of a section, in bytes, as go-car's default. */
export const MAX_CID_BYTES = 2048

interface ScanContext {
  readonly table: SectionTable
  readonly maxSectionBytes: number
  readonly signal: AbortSignal | undefined
}

/** Put a scanned section into the table; `base` is where offsets of the scan count from. */
const addSection = (table: SectionTable, base: number, section: Section): void => {
  const { multihash } = parseCid(section.cid)
  table.add({ bytes: section.cid, multihash: { bytes: multihash } }, base + section.sectionOffset, section.headBytes, section.dataBytes)
}

/** The layout that lets sections from `start` be scanned although no CARv1 header stands right before them. */
const sectionsOnly = (start: number, end: number): CarLayout =>
  ({ version: 2, payloadStart: start, payloadBytes: end - start, headerBytes: 0, roots: [], indexOffset: undefined, fullyIndexed: false })

const damaged = (cause: CarV2Error): WritableCarError =>
  new WritableCarError('WRITABLE_CAR_DAMAGED', `${cause.message}; cause=${cause.code}`, cause.offset === undefined ? { cause } : { cause, offset: cause.offset })

/**
 * The sections of an unfinalized file, into the table. Up to the slot's synced end the structure is trusted; behind it each
 * section is hashed, and the first that is torn, mismatched, unverifiable or zero ends the file.
 *
 * @returns the end of the last good section, from the start of the file
 * @throws {WritableCarError} `WRITABLE_CAR_DAMAGED`: what was known to be on disk is not there, or no sections
 */
export const recoverSections = async (file: WritableFile, head: FileHead & { readonly state: 'unfinalized' }, hashes: Hashes, context: ScanContext): Promise<number> => {
  const { start, syncedEnd, blockCount } = head.slot
  const { table, maxSectionBytes, signal } = context
  // of a creation that was cut short: the slot is on disk, the length is not; there is nothing to lose
  if (blockCount === 0 && file.sizeBytes < start && start <= startFor(MAX_ROOTS_BYTES)) return start
  if (file.sizeBytes < syncedEnd) throw new WritableCarError('WRITABLE_CAR_DAMAGED', `file is shorter than it was; synced=${syncedEnd} size=${file.sizeBytes}`, { offset: file.sizeBytes })
  const source = createFileSource(file, file.sizeBytes)
  const options = { maxSectionBytes, maxCidBytes: MAX_CID_BYTES, signal }
  try {
    for await (const section of scanSections(source, sectionsOnly(start, syncedEnd), { ...options, zeroPadding: 'refuse' })) addSection(table, start, section)
  } catch (error) {
    throw error instanceof CarV2Error ? damaged(error) : error
  }
  if (table.count !== blockCount) throw new WritableCarError('WRITABLE_CAR_DAMAGED', `blocks are missing; want=${blockCount} got=${table.count}`)

  let end = syncedEnd
  try {
    for await (const section of scanSections(source, sectionsOnly(syncedEnd, file.sizeBytes), { ...options, data: true })) {
      const { hashCode, digest } = parseCid(section.cid)
      if (section.data === undefined || !hashes.has(hashCode) || !hashes.matches(hashCode, digest, section.data)) break
      addSection(table, syncedEnd, section)
      end = syncedEnd + section.sectionOffset + section.headBytes + section.dataBytes
    }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error // torn: what came before it is good
  }
  return end
}

/** The roots that an unfinalized file was given so far; `undefined`: a change of them was cut short. */
export const recoverRoots = async (file: WritableFile, head: FileHead & { readonly state: 'unfinalized' }): Promise<readonly CID[] | undefined> => {
  const { start, header } = head.slot
  if (header === undefined) return []
  if (file.sizeBytes < start || start - header.offset > MAX_ROOTS_BYTES) return undefined
  const bytes = await file.read(header.offset, start - header.offset)
  if (crc32(bytes) !== header.crc) return undefined
  return decodeCarV1Header(bytes.subarray(decodeVarint(bytes, 0).length)).roots
}

/** A finalized CARv2 file with room for resume slots: where its sections lie, and its roots. */
export interface FinalizedCar {
  readonly start: number
  readonly end: number
  readonly roots: readonly CID[]
  readonly header: { readonly offset: number, readonly crc: number }
}

/**
 * The sections of a finalized file, into the table; structure only.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS`: no room for slots before the payload. `WRITABLE_CAR_DAMAGED`
 */
export const loadFinalized = async (file: WritableFile, head: FileHead & { readonly state: 'finalized' }, context: ScanContext): Promise<FinalizedCar> => {
  const { dataOffset } = head.header
  if (dataOffset < SLOTS_END) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', `no room before the payload; want=${SLOTS_END} got=${dataOffset}`)
  const source = createFileSource(file, file.sizeBytes)
  const { table, maxSectionBytes, signal } = context
  try {
    const layout = await readLayout(source, { signal })
    const start = dataOffset + layout.headerBytes
    let end = start
    for await (const section of scanSections(source, layout, { maxSectionBytes, maxCidBytes: MAX_CID_BYTES, signal })) {
      addSection(table, dataOffset, section)
      end = dataOffset + section.sectionOffset + section.headBytes + section.dataBytes
    }
    const header = await file.read(dataOffset, layout.headerBytes)
    return { start, end, roots: layout.roots, header: { offset: dataOffset, crc: crc32(header) } }
  } catch (error) {
    throw error instanceof CarV2Error ? damaged(error) : error
  }
}
