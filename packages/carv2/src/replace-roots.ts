/** Other roots for a CAR that is there already, without writing its blocks again. */
import { type ByteProgress, type ByteSource, type CallOptions, createWindow, sourceOfFile, type WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { attachIndex } from './attach-index.ts'
import { encodeCarV1Header, MAX_ROOTS } from './carv1-header.ts'
import { CarV2Error } from './errors.ts'
import { encodeHeader, HEADER_BYTES, PRAGMA_BYTES } from './header.ts'
import type { IdentityPolicy, IdentityPolicyName } from './identity-policy.ts'
import { type CarLimits, readLayout } from './layout.ts'
import { openIndex } from './open-index.ts'

export interface ReplaceRootsOptions extends CarLimits, CallOptions {
  /**
   * Whether a change may be made that a crash can leave half done, because its bytes lie in more than one sector of 512
   * bytes. A CARv2 is then not finalized in between; the header of a CARv1 may be half old, half new. @default 'refuse'
   */
  readonly torn?: 'refuse' | 'accept' | undefined
  /** Of the index that is built again where the length of the header changes. @default 'full' */
  readonly identity?: IdentityPolicyName | IdentityPolicy | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface ReplaceRootsReport {
  /** Of the CARv1 header, with its length. */
  readonly headerBytes: number
  /** Where the payload starts now. */
  readonly payloadStart: number
  /** What became of the index: as it was, built again, or there was none. */
  readonly index: 'kept' | 'rebuilt' | 'none'
}

const SECTOR_BYTES = 512
const START_BYTES = PRAGMA_BYTES + HEADER_BYTES
/** The resume slots of `@dagstore/writable-carv2`, which a finalizing that was cut short leaves: what a file that is not finalized is taken up by. */
const SLOTS = { offsets: [64, 288], end: 512, mark: 'CARV2RW1' }

/**
 * Replace the roots in the header of a CARv1 or CARv2, in place. The new header must be as long as the old one; in a CARv2 it
 * may also be shorter, or longer by what the padding before the payload has room for. Since offsets in an index count
 * from the start of the payload, one that is there is then removed with the same write, and built again; so is one that
 * repeats the roots in our trailer. Resume slots that a writer left in the padding are no room.
 *
 * Crash-safe as long as all bytes that change lie in one sector: so in every CARv2 of a few roots without data padding, and
 * in every file of a few roots when the length stays.
 *
 * @param file - open for writing; stays open
 * @throws {CarV2Error} `CARV2_ROOTS_DO_NOT_FIT`: the sizes are in the message; more roots than readers take; or, unless `torn`
 *   accepts it, the change spans sectors. As {@link readLayout}, before anything is written. As {@link buildIndex}: the roots are replaced, the index is gone.
 *   `IO_*`
 */
export const replaceRoots = async (file: WritableFile, roots: readonly CID[], options: ReplaceRootsOptions = {}): Promise<ReplaceRootsReport> => {
  const { torn = 'refuse', signal, identity, onProgress } = options
  if (roots.length > MAX_ROOTS) throw new CarV2Error('CARV2_ROOTS_DO_NOT_FIT', `more roots than readers take; max=${MAX_ROOTS} got=${roots.length}`)
  const source = sourceOfFile(file)
  const layout = await readLayout(source, options)
  const header = encodeCarV1Header(roots)
  const headerBytes = header.byteLength
  const room = layout.headerBytes + (layout.version === 1 ? 0 : layout.payloadStart - await paddingStart(file, layout.payloadStart))
  const fits = headerBytes === layout.headerBytes || (layout.version === 2 && headerBytes <= room)
  if (!fits) {
    throw new CarV2Error('CARV2_ROOTS_DO_NOT_FIT', `header of other length; have=${layout.headerBytes} need=${headerBytes} room=${room}`, { offset: layout.payloadStart })
  }
  // the sections stay where they are: the header ends there, and the payload starts sooner or later
  const end = layout.payloadStart + layout.headerBytes
  const payloadStart = end - headerBytes
  const from = Math.min(payloadStart, layout.payloadStart)
  const bytes = new Uint8Array(end - from)
  bytes.set(header, payloadStart - from)
  const change = differing(from, await file.read(from, end - from), bytes)
  const again = (): Promise<unknown> => attachIndex(file, { ...limitsOf(options), signal, identity, onProgress })
  const moved: Uint8Array | undefined = payloadStart === layout.payloadStart
    ? undefined
    : encodeHeader({
      fullyIndexed: false,
      characteristics: layout.characteristics,
      dataOffset: payloadStart,
      dataSize: layout.payloadBytes + headerBytes - layout.headerBytes,
      indexOffset: undefined,
    })
  const atomic = isAtomic(change, moved !== undefined)
  if (!atomic && torn === 'refuse') {
    const { at } = change
    throw new CarV2Error('CARV2_ROOTS_DO_NOT_FIT', `change spans sectors, a crash could leave half of it; from=${moved === undefined ? at : PRAGMA_BYTES} to=${at + change.bytes.byteLength}`, { offset: at })
  }
  const hasIndex = layout.indexOffset !== undefined
  if (moved === undefined) {
    const isChanged = change.bytes.byteLength > 0
    const stale = isChanged && layout.indexOffset !== undefined && await namesRoots(source, layout.indexOffset, signal)
    if (stale) await attachIndex(file, { ...limitsOf(options), signal, index: 'none' })
    if (isChanged && (atomic || layout.version === 1)) await overwrite(file, change)
    else if (isChanged) await overwriteTwice(file, change, await file.read(PRAGMA_BYTES, HEADER_BYTES))
    if (stale) await again()
    return { headerBytes, payloadStart, index: stale ? 'rebuilt' : hasIndex ? 'kept' : 'none' }
  }
  if (atomic) await overwrite(file, await withHeader(file, change, moved))
  else await overwriteTwice(file, change, moved)
  if (hasIndex) await again()
  return { headerBytes, payloadStart, index: hasIndex ? 'rebuilt' : 'none' }
}

/** Where the padding before the payload can be written. */
const paddingStart = async (file: WritableFile, payloadStart: number): Promise<number> => {
  if (payloadStart < SLOTS.end) return START_BYTES
  const head = await file.read(0, SLOTS.end)
  const isMarked = (at: number): boolean => String.fromCharCode(...head.subarray(at, at + SLOTS.mark.length)) === SLOTS.mark
  return SLOTS.offsets.some(isMarked) ? SLOTS.end : START_BYTES
}

interface Change { readonly at: number, readonly bytes: Uint8Array }

/** What really changes. */
const differing = (at: number, old: Uint8Array, bytes: Uint8Array): Change => {
  let first = 0
  while (first < bytes.byteLength && bytes[first] === old[first]) first++
  let last = bytes.byteLength
  while (last > first && bytes[last - 1] === old[last - 1]) last--
  return { at: at + first, bytes: bytes.subarray(first, last) }
}

/** Whether all of it lies in one sector. @param withHeader - the header of the CARv2, which lies in the first, changes too */
const isAtomic = ({ at, bytes }: Change, withHeader: boolean): boolean => {
  const last = Math.floor((at + bytes.byteLength - 1) / SECTOR_BYTES)
  return withHeader ? last === 0 : bytes.byteLength === 0 || Math.floor(at / SECTOR_BYTES) === last
}

/** One write for both. What lies between them is kept: a writer may have put something of its own into the padding. */
const withHeader = async (file: WritableFile, { at, bytes }: Change, header: Uint8Array): Promise<Change> => {
  const all = await file.read(PRAGMA_BYTES, at + bytes.byteLength - PRAGMA_BYTES)
  all.set(header)
  all.set(bytes, at - PRAGMA_BYTES)
  return { at: PRAGMA_BYTES, bytes: all }
}

const overwrite = async (file: WritableFile, { at, bytes }: Change): Promise<void> => {
  await file.write(at, bytes)
  await file.sync()
}

/** In a CARv2 that is not finalized in between. @param header - the one that it has afterwards */
const overwriteTwice = async (file: WritableFile, change: Change, header: Uint8Array): Promise<void> => {
  await overwrite(file, { at: PRAGMA_BYTES, bytes: new Uint8Array(HEADER_BYTES) })
  await overwrite(file, change)
  await overwrite(file, { at: PRAGMA_BYTES, bytes: header })
}

/** Whether the index repeats the roots, as our trailer does. One that cannot be read repeats nothing. */
const namesRoots = async (source: ByteSource, indexOffset: number, signal: AbortSignal | undefined): Promise<boolean> => {
  try {
    return (await openIndex(createWindow(source, indexOffset, source.sizeBytes - indexOffset), { signal })).facts.roots !== undefined
  } catch (error) {
    if (error instanceof CarV2Error) return false
    throw error
  }
}

const limitsOf = ({ maxHeaderBytes, maxSectionBytes, maxCidBytes }: CarLimits): CarLimits => ({ maxHeaderBytes, maxSectionBytes, maxCidBytes })
