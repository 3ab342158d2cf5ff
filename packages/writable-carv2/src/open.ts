/** The three ways to a writable CARv2 file: a new one, one that was left unfinished, one that was finished. */
import { createHashes, type Hashes } from '@dagstore/hashes'
import type { CallOptions, WritableFile } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { createCar } from './car-on-file.ts'
import { crc32 } from './crc32.ts'
import { WritableCarError } from './errors.ts'
import { HEADER_OFFSET, MAX_ROOTS_BYTES, newHead, readHead, rootsHeader, startFor, writeSlot } from './file-head.ts'
import { writeReserve } from './finish.ts'
import { loadFinalized, recoverRoots, recoverSections } from './recover.ts'
import type { ResumeSlot } from './resume-slot.ts'
import { SectionTable } from './section-table.ts'
import { createTail } from './tail.ts'
import type { WritableCar } from './writable-car.ts'

/** What all three ways take. */
export interface WritableCarOptions {
  /** Of the finished file, unless `finalize` is given others. @default those the file has, else none */
  readonly roots?: readonly AnyCid[] | undefined
  /** @default createHashes() */
  readonly hashes?: Hashes
  /** Hash what is put. @default true */
  readonly verifyPuts?: boolean
  /** `never`: blocks are given back as they are in the file. @default 'always' */
  readonly verify?: 'always' | 'never'
  /** Close the file with the store. @default true */
  readonly owns?: boolean
  /** Longest section in bytes, its CID counted; go-car refuses longer ones than its default. @default 8 MiB; a resumed file keeps its own */
  readonly maxSectionBytes?: number
}

/** What a file is made with, and keeps. */
export interface CarFileOptions extends WritableCarOptions {
  /** Blocks of one multihash under several CIDs are several blocks. @default false */
  readonly wholeCid?: boolean
  /** `store`: identity CIDs become sections, as the payload form needs. `inline`: they are not written. @default 'inline' */
  readonly identity?: 'store' | 'inline'
}

export interface CreateCarOptions extends CarFileOptions {
  /** Room for the CARv1 header that holds the roots, in bytes; at most what readers take, some 32 MiB. @default 3584, or what `roots` need; rounded up */
  readonly reserveBytes?: number
}

const MAX_SECTION_BYTES = 8 << 20
const DEFAULT_RESERVE_BYTES = 3584
const UINT32_MAX = 2 ** 32 - 1

/**
 * A new CARv2 file in an empty one. On return it is durable and can be resumed. When it rejects, `file` stays the caller's.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_EMPTY`; `WRITABLE_CAR_ROOTS_TOO_LARGE`: `roots` need more than `reserveBytes`
 * @throws {IoError}
 */
export const createWritableCar = async (file: WritableFile, options: CreateCarOptions = {}): Promise<WritableCar> => {
  const maxSectionBytes = checkMaxSection(options.maxSectionBytes)
  checkReserve(options.reserveBytes)
  const roots = options.roots?.map(toCid)
  if (file.sizeBytes !== 0) throw new WritableCarError('WRITABLE_CAR_NOT_EMPTY', `file is not empty; size=${file.sizeBytes}`)
  const header = rootsHeader(roots ?? [], Number.MAX_SAFE_INTEGER)
  const start = startFor(options.reserveBytes ?? Math.max(DEFAULT_RESERVE_BYTES, header.byteLength))
  rootsHeader(roots ?? [], start)
  const slot: ResumeSlot = {
    sequence: 1,
    start,
    syncedEnd: start,
    blockCount: 0,
    header: roots === undefined ? undefined : { offset: start - header.byteLength, crc: crc32(header) },
    maxSectionBytes,
    wholeCid: options.wholeCid ?? false,
    storesIdentity: options.identity === 'store',
  }
  await file.truncate(start)
  if (roots !== undefined) await writeReserve(file, start, header)
  await file.write(0, newHead(slot))
  await file.sync()
  return open(file, slot, roots ?? [], new SectionTable(slot), start, options)
}

/**
 * An unfinalized file of ours, opened again: whole blocks that reached the disk are there, what is torn behind them is cut
 * off, and on return what is there is durable. Options that the file keeps are taken from it.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS`: also a file whose creation was cut short. `WRITABLE_CAR_FINALIZED`:
 *   see {@link extendWritableCar}. `WRITABLE_CAR_DAMAGED`: blocks that were known to be on disk are not.
 *   `WRITABLE_CAR_ROOTS_TOO_LARGE`. Nothing is changed.
 * @throws {TypeError} `wholeCid` or `identity` is given, and the file was made with another one
 * @throws {IoError}
 */
export const resumeWritableCar = async (file: WritableFile, options: CarFileOptions & CallOptions = {}): Promise<WritableCar> => {
  const head = await readHead(file)
  if (head.state === 'finalized') throw new WritableCarError('WRITABLE_CAR_FINALIZED', 'the file is finalized')
  const { slot } = head
  checkSame('wholeCid', options.wholeCid, slot.wholeCid)
  checkSame('identity', options.identity, slot.storesIdentity ? 'store' : 'inline')
  const table = new SectionTable(slot)
  const hashes = options.hashes ?? createHashes()
  const { maxSectionBytes } = slot
  const end = await recoverSections(file, head, hashes, { table, maxSectionBytes, signal: options.signal })
  const roots = givenRoots(options, slot.start) ?? await recoverRoots(file, head)
  options.signal?.throwIfAborted()

  if (file.sizeBytes !== end) await file.truncate(end)
  if (head.tornHeader) await file.write(HEADER_OFFSET, new Uint8Array(40))
  await file.sync()
  const next: ResumeSlot = { ...slot, sequence: slot.sequence + 1, syncedEnd: end, blockCount: table.count }
  await writeSlot(file, next)
  await file.sync()
  return open(file, next, roots, table, end, { ...options, hashes })
}

/**
 * A finalized file, opened for more blocks. It becomes an unfinalized one (readers refuse it until it is finalized again),
 * and loses its index; a crash on the way leaves it finalized or resumable. Any CARv2 will do whose payload starts at 512
 * or later: ours, and those of go-car with enough data padding. Its structure is trusted; blocks are hashed when read.
 * `wholeCid` and `identity` are not told by such a file and must be given as they were.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS`, `WRITABLE_CAR_NOT_FINALIZED`: see {@link resumeWritableCar};
 *   `WRITABLE_CAR_DAMAGED`, `WRITABLE_CAR_ROOTS_TOO_LARGE`. Nothing is changed.
 * @throws {IoError}
 */
export const extendWritableCar = async (file: WritableFile, options: CarFileOptions & CallOptions = {}): Promise<WritableCar> => {
  const maxSectionBytes = checkMaxSection(options.maxSectionBytes)
  const head = await readHead(file)
  if (head.state === 'unfinalized') throw new WritableCarError('WRITABLE_CAR_NOT_FINALIZED', 'the file is not finalized')
  const table = new SectionTable({ wholeCid: options.wholeCid ?? false })
  const found = await loadFinalized(file, head, { table, maxSectionBytes, signal: options.signal })
  options.signal?.throwIfAborted()

  const { start, end, header } = found
  const roots = givenRoots(options, start) ?? found.roots
  // one that was left behind says nothing any more, but a newer one must count
  const sequence = (head.slot?.sequence ?? 0) + 1
  const slot: ResumeSlot = {
    sequence, start, syncedEnd: end, blockCount: table.count, header, maxSectionBytes, wholeCid: options.wholeCid ?? false, storesIdentity: options.identity === 'store',
  }
  await writeSlot(file, slot)
  await file.sync() // until here it is finalized, from here on it can be resumed
  await file.write(HEADER_OFFSET, new Uint8Array(40))
  await file.sync()
  await file.truncate(end)
  return open(file, slot, roots, table, end, options)
}

const open = (file: WritableFile, slot: ResumeSlot, roots: readonly CID[] | undefined, table: SectionTable, end: number, options: WritableCarOptions): WritableCar => {
  const { hashes = createHashes(), verifyPuts = true, verify = 'always', owns = true } = options
  return createCar({ file, table, tail: createTail(file, end), slot, roots, hashes, verifyPuts, verifyReads: verify === 'always', owns })
}

/** As they are asked for, before anything is changed for them. @throws {WritableCarError} `WRITABLE_CAR_ROOTS_TOO_LARGE` */
const givenRoots = (options: WritableCarOptions, start: number): readonly CID[] | undefined => {
  const roots = options.roots?.map(toCid)
  if (roots !== undefined) rootsHeader(roots, start)
  return roots
}

const checkReserve = (bytes = 0): void => {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > MAX_ROOTS_BYTES) throw new RangeError(`reserveBytes; min=0 max=${MAX_ROOTS_BYTES} got=${bytes}`)
}

const checkMaxSection = (bytes = MAX_SECTION_BYTES): number => {
  if (Number.isSafeInteger(bytes) && bytes > 0 && bytes <= UINT32_MAX) return bytes
  throw new RangeError(`maxSectionBytes; min=1 max=${UINT32_MAX} got=${bytes}`)
}

const checkSame = <T>(name: string, given: T | undefined, kept: T): void => {
  if (given !== undefined && given !== kept) throw new TypeError(`the file was made with another ${name}; file=${String(kept)} given=${String(given)}`)
}
