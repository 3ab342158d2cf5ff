/** The three ways to a writable CARv2 file: a new one, one that was left unfinished, one that was finished. */
import { decodeCarV1Header, decodeVarint } from '@dagstore/carv2'
import { crc32, createHashes } from '@dagstore/hashes'
import type { WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { createCar, type Opened } from './car-on-file.ts'
import { WritableCarError } from './errors.ts'
import { clearHeader, MAX_ROOTS_BYTES, newHead, readHead, rootsHeader, startFor, writeSlot } from './file-head.ts'
import { writeReserve } from './finish.ts'
import { createBare, extendBare, resumeBare } from './open-bare.ts'
import { checkKept, type CreateCarOptions, layoutOf, type OpenCarOptions, rootsOf, rulesOf, type WritableCarOptions } from './options.ts'
import { findParts, loadSections, recoverSections } from './recover.ts'
import { type ResumeSlot, SLOTS_END } from './resume-slot.ts'
import { SectionTable } from './section-table.ts'
import type { WritableCar } from './writable-car.ts'

const DEFAULT_RESERVE_BYTES = 3584

/**
 * A new CARv2 file in an empty one. On return it is durable and can be resumed. When it rejects, `file` stays the caller's.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_EMPTY`; `WRITABLE_CAR_ROOTS_TOO_LARGE`: `roots` need more than `reserveBytes`
 * @throws {IoError}
 */
export const createWritableCar = async (file: WritableFile, options: CreateCarOptions = {}): Promise<WritableCar> => {
  const rules = rulesOf(options)
  const layout = layoutOf(options)
  const roots = rootsOf(options)
  if (file.sizeBytes !== 0) throw new WritableCarError('WRITABLE_CAR_NOT_EMPTY', `file is not empty; size=${file.sizeBytes}`)
  if (layout !== 'resumable') return open(file, await createBare(file, layout, options), options)
  const header = rootsHeader(roots ?? [])
  const start = startFor(options.reserveBytes ?? Math.max(DEFAULT_RESERVE_BYTES, header.byteLength))
  rootsHeader(roots ?? [], start)
  const slot: ResumeSlot = {
    sequence: 1,
    start,
    syncedEnd: start,
    blockCount: 0,
    header: roots === undefined ? undefined : { offset: start - header.byteLength, crc: crc32(header) },
    ...rules,
  }
  await file.truncate(start)
  if (roots !== undefined) await writeReserve(file, start, header)
  await file.write(0, newHead(slot))
  await file.sync()
  return open(file, { layout, slot, roots: roots ?? [], table: new SectionTable(slot) }, options)
}

/**
 * An unfinalized file, opened again: whole blocks that reached the disk are there, what is torn behind them is cut off, and
 * on return what is there is durable. Options that the file keeps are taken from it. In the layouts of go-car, which keep
 * none, every block is hashed.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS`: also a file whose creation was cut short. `WRITABLE_CAR_FINALIZED`:
 *   see {@link extendWritableCar}. `WRITABLE_CAR_DAMAGED`: blocks that were known to be on disk are not.
 *   `WRITABLE_CAR_ROOTS_TOO_LARGE`. Layouts of go-car: `WRITABLE_CAR_ROOTS_FIXED`, `WRITABLE_CAR_TOO_LARGE`. Nothing is changed.
 * @throws {BlockstoreError} `BLOCKSTORE_UNKNOWN_HASH`: a block that has to be checked can not be, since there is no hasher; the
 *   message has its code. Nothing is changed.
 * @throws {TypeError} a kept option is given, and the file was made with another one
 * @throws {IoError}
 */
export const resumeWritableCar = async (file: WritableFile, options: OpenCarOptions = {}): Promise<WritableCar> => {
  const layout = layoutOf(options)
  const { signal, onProgress } = options
  const hashes = options.hashes ?? createHashes()
  if (layout !== 'resumable') return open(file, await resumeBare(file, layout, { ...options, hashes }), { ...options, hashes })
  const head = await readHead(file)
  if (head.state === 'finalized') throw new WritableCarError('WRITABLE_CAR_FINALIZED', 'the file is finalized')
  const { slot } = head
  checkKept(options, slot)
  const table = new SectionTable(slot)
  // of a creation that was cut short: the slot is on disk, the length is not; there is nothing to lose
  const isStillborn = slot.blockCount === 0 && file.sizeBytes < slot.start && slot.start <= startFor(MAX_ROOTS_BYTES)
  if (!isStillborn) {
    if (file.sizeBytes < slot.syncedEnd) throw new WritableCarError('WRITABLE_CAR_DAMAGED', `file is shorter than it was; synced=${slot.syncedEnd} size=${file.sizeBytes}`, { offset: file.sizeBytes })
    const recovery = { file, table, rules: slot, end: file.sizeBytes, signal, onProgress }
    await loadSections(recovery, slot.syncedEnd, { others: false })
    if (table.count !== slot.blockCount) throw new WritableCarError('WRITABLE_CAR_DAMAGED', `blocks are missing; want=${slot.blockCount} got=${table.count}`)
    await recoverSections(recovery, hashes, { others: false })
  }
  const roots = givenRoots(options, slot.start) ?? await recoverRoots(file, slot)
  signal?.throwIfAborted()

  if (file.sizeBytes !== table.end) await file.truncate(table.end)
  if (head.tornHeader) await clearHeader(file)
  await file.sync()
  const next: ResumeSlot = { ...slot, sequence: slot.sequence + 1, syncedEnd: table.end, blockCount: table.count }
  await writeSlot(file, next)
  await file.sync()
  return open(file, { layout, slot: next, roots, table }, { ...options, hashes })
}

/**
 * A finalized file, opened for more blocks. It becomes an unfinalized one (readers refuse it until it is finalized again),
 * and loses its index; a crash on the way leaves it finalized or resumable. Any CARv2 will do whose payload starts at 512
 * or later: ours, and those of go-car with enough data padding; in the `go-car` layout any at all. Its structure is trusted;
 * blocks are hashed when read. Rules such as `wholeCid` and `identity` are not told by such a file and must be given as they were.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS`, `WRITABLE_CAR_NOT_FINALIZED`: see {@link resumeWritableCar};
 *   `WRITABLE_CAR_DAMAGED`, `WRITABLE_CAR_TOO_LARGE`, `WRITABLE_CAR_ROOTS_TOO_LARGE`, `WRITABLE_CAR_ROOTS_FIXED`. Nothing is changed.
 * @throws {IoError}
 */
export const extendWritableCar = async (file: WritableFile, options: OpenCarOptions = {}): Promise<WritableCar> => {
  const rules = rulesOf(options)
  const layout = layoutOf(options)
  const { signal, onProgress } = options
  if (layout !== 'resumable') return open(file, await extendBare(file, layout, options), options)
  const head = await readHead(file)
  if (head.state === 'unfinalized') throw new WritableCarError('WRITABLE_CAR_NOT_FINALIZED', 'the file is not finalized')
  const { dataOffset } = head.header
  if (dataOffset < SLOTS_END) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', `no room before the payload; want=${SLOTS_END} got=${dataOffset}`)
  const { headerBytes, ...found } = await findParts(file, signal)
  const start = dataOffset + headerBytes
  const table = new SectionTable({ ...rules, start })
  const end = dataOffset + found.payloadBytes
  await loadSections({ file, table, rules, end, signal, onProgress }, end, { others: true })
  const header = { offset: dataOffset, crc: crc32(await file.read(dataOffset, headerBytes)) }
  const roots = givenRoots(options, start) ?? found.roots
  signal?.throwIfAborted()

  // one that was left behind says nothing any more, but a newer one must count
  const sequence = (head.slot?.sequence ?? 0) + 1
  const slot: ResumeSlot = { sequence, start, syncedEnd: table.end, blockCount: table.count, header, ...rules }
  await writeSlot(file, slot)
  await file.sync() // until here it is finalized, from here on it can be resumed
  await clearHeader(file)
  await file.sync()
  await file.truncate(table.end)
  await file.sync() // else what is left of the index could stand among sections to come
  return open(file, { layout, slot, roots, table }, options)
}

const open = (file: WritableFile, opened: Opened, options: WritableCarOptions): WritableCar => {
  const { hashes = createHashes(), verifyPuts = true, verify = 'always', owns = true, indexMemoryBytes } = options
  return createCar({ file, ...opened, indexMemoryBytes, hashes, verifyPuts: verifyPuts === true, hashed: verifyPuts !== false, verifyReads: verify === 'always', owns })
}

/** The roots that an unfinalized file was given so far; `undefined`: a change of them was cut short. */
const recoverRoots = async (file: WritableFile, { start, header }: ResumeSlot): Promise<readonly CID[] | undefined> => {
  if (header === undefined) return []
  if (file.sizeBytes < start || start - header.offset > MAX_ROOTS_BYTES) return undefined
  const bytes = await file.read(header.offset, start - header.offset)
  if (crc32(bytes) !== header.crc) return undefined
  return decodeCarV1Header(bytes.subarray(decodeVarint(bytes, 0).length)).roots
}

/** As they are asked for, before anything is changed for them. @throws {WritableCarError} `WRITABLE_CAR_ROOTS_TOO_LARGE` */
const givenRoots = (options: WritableCarOptions, start: number): readonly CID[] | undefined => {
  const roots = rootsOf(options)
  if (roots !== undefined) rootsHeader(roots, start)
  return roots
}
