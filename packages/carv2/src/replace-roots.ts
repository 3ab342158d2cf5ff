/** Other roots for a CAR that is there already, without writing its blocks again. */
import { type ByteProgress, type ByteSource, type CallOptions, createWindow, type WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { attachIndex } from './attach-index.ts'
import { encodeCarV1Header } from './carv1-header.ts'
import { CarV2Error } from './errors.ts'
import { sourceOfFile } from './file-source.ts'
import { encodeHeader, HEADER_BYTES, PRAGMA_BYTES } from './header.ts'
import type { IdentityPolicy, IdentityPolicyName } from './identity-policy.ts'
import { type CarLimits, readLayout } from './layout.ts'
import { openIndex } from './open-index.ts'

export interface ReplaceRootsOptions extends CarLimits, CallOptions {
  /**
   * Whether a change may be made that a crash can leave half done, because its bytes lie in more than one sector of 512
   * bytes. A CARv2 is then not finalized in between, a CARv1 has a broken header. @default 'refuse'
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

/**
 * Replace the roots in the header of a CARv1 or CARv2, in place. The new header must be as long as the old one; in a CARv2 it
 * may also be shorter, or longer by what the padding before the payload has room for. Since offsets in an index count
 * from the start of the payload, one that is there is then removed with the same write, and built again; so is one that
 * repeats the roots in our trailer.
 *
 * Crash-safe as long as all bytes that change lie in one sector: so in every CARv2 of a few roots without data padding, and
 * in every file of a few roots when the length stays.
 *
 * @param file - open for writing; stays open
 * @throws {CarV2Error} `CARV2_ROOTS_DO_NOT_FIT`: the sizes are in the message; or, unless `torn` accepts it, the change spans
 *   sectors. As {@link readLayout}, before anything is written. As {@link buildIndex}: the roots are replaced, the index is gone.
 *   `IO_*`
 */
export const replaceRoots = async (file: WritableFile, roots: readonly CID[], options: ReplaceRootsOptions = {}): Promise<ReplaceRootsReport> => {
  const { torn = 'refuse', signal, identity, onProgress } = options
  const source = sourceOfFile(file)
  const layout = await readLayout(source, options)
  const header = encodeCarV1Header(roots)
  const headerBytes = header.byteLength
  const room = layout.headerBytes + (layout.version === 1 ? 0 : layout.payloadStart - START_BYTES)
  const fits = headerBytes === layout.headerBytes || (layout.version === 2 && headerBytes <= room)
  if (!fits) {
    throw new CarV2Error('CARV2_ROOTS_DO_NOT_FIT', `header of other length; have=${layout.headerBytes} need=${headerBytes} room=${room}`, { offset: layout.payloadStart })
  }
  const again = (): Promise<unknown> => attachIndex(file, { ...limitsOf(options), signal, identity, onProgress })
  if (headerBytes === layout.headerBytes) {
    const stale = layout.indexOffset !== undefined && await namesRoots(source, layout.indexOffset, signal)
    const change = planChange(layout.payloadStart, await file.read(layout.payloadStart, headerBytes), header, torn)
    if (stale) await attachIndex(file, { ...limitsOf(options), signal, index: 'none' })
    await overwrite(file, change, undefined)
    if (stale) await again()
    return { headerBytes, payloadStart: layout.payloadStart, index: layout.indexOffset === undefined ? 'none' : stale ? 'rebuilt' : 'kept' }
  }

  // the sections stay where they are: the header ends there, and the payload starts sooner or later
  const payloadStart = layout.payloadStart + layout.headerBytes - headerBytes
  const from = Math.min(payloadStart, layout.payloadStart)
  const end = payloadStart + headerBytes
  const change = new Uint8Array(end - PRAGMA_BYTES)
  change.set(encodeHeader({
    fullyIndexed: false,
    characteristics: layout.characteristics,
    dataOffset: payloadStart,
    dataSize: layout.payloadBytes + headerBytes - layout.headerBytes,
    indexOffset: undefined,
  }))
  // what lies between is kept: a writer may have put something of its own into the padding
  if (from > START_BYTES) change.set(await file.read(START_BYTES, from - START_BYTES), HEADER_BYTES)
  change.set(header, payloadStart - PRAGMA_BYTES)
  await overwrite(file, planChange(PRAGMA_BYTES, await file.read(PRAGMA_BYTES, change.byteLength), change, torn), change)
  if (layout.indexOffset === undefined) return { headerBytes, payloadStart, index: 'none' }
  await again()
  return { headerBytes, payloadStart, index: 'rebuilt' }
}

interface Change { readonly at: number, readonly bytes: Uint8Array, /** All of it lies in one sector. */ readonly atomic: boolean }

/** What really changes. @throws {CarV2Error} `CARV2_ROOTS_DO_NOT_FIT`: in more than one sector, and that is refused */
const planChange = (at: number, old: Uint8Array, bytes: Uint8Array, torn: 'refuse' | 'accept'): Change => {
  let first = 0
  while (first < bytes.byteLength && bytes[first] === old[first]) first++
  let last = bytes.byteLength
  while (last > first && bytes[last - 1] === old[last - 1]) last--
  const atomic = first === last || Math.floor((at + first) / SECTOR_BYTES) === Math.floor((at + last - 1) / SECTOR_BYTES)
  if (!atomic && torn === 'refuse') {
    throw new CarV2Error('CARV2_ROOTS_DO_NOT_FIT', `change spans sectors, a crash could leave half of it; from=${at + first} to=${at + last}`, { offset: at + first })
  }
  return { at: at + first, bytes: bytes.subarray(first, last), atomic }
}

/** @param moved - of a CARv2 whose payload starts elsewhere afterwards: everything from the header on */
const overwrite = async (file: WritableFile, { at, bytes, atomic }: Change, moved: Uint8Array | undefined): Promise<void> => {
  if (bytes.byteLength === 0) return
  if (atomic || moved === undefined) {
    await file.write(at, bytes)
  } else {
    await file.write(PRAGMA_BYTES, new Uint8Array(HEADER_BYTES))
    await file.sync()
    await file.write(START_BYTES, moved.subarray(HEADER_BYTES))
    await file.sync()
    await file.write(PRAGMA_BYTES, moved.subarray(0, HEADER_BYTES))
  }
  await file.sync()
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
