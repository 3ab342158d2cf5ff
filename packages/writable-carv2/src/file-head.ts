/**
 * What stands before the sections of a file under construction.
 *
 *     at     size        what
 *     0      11          CARv2 pragma, written at creation
 *     11     40          CARv2 header, zeros until the file is finalized
 *     51     13          zeros
 *     64     448         two resume slots, zeros in a finalized file
 *     512    reserve     zeros, then the CARv1 header, which ends where the sections start
 *     4096   …           sections (later where the reserve is larger)
 */
import { CAR_LIMITS, type CarV2Header, CarV2Error, decodeHeader, decodeVarint, encodeCarV1Header, HEADER_BYTES, PRAGMA, PRAGMA_BYTES } from '@dagstore/carv2'
import type { WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { WritableCarError } from './errors.ts'
import { encodeSlot, newestSlot, type ResumeSlot, slotOffset, SLOTS_END, SLOTS_OFFSET } from './resume-slot.ts'

export const HEADER_OFFSET: number = PRAGMA_BYTES
/** The last field of the header: where the index starts, u64. */
export const INDEX_FIELD_OFFSET: number = HEADER_OFFSET + 32
const SECTIONS_ALIGN = 4096
/** The longest CARv1 header that readers take by default, with its length varint. */
export const MAX_ROOTS_BYTES: number = CAR_LIMITS.maxHeaderBytes + 9

/** Where sections start so that `reserveBytes` of CARv1 header fit before them. */
export const startFor = (reserveBytes: number): number => Math.ceil((SLOTS_END + reserveBytes) / SECTIONS_ALIGN) * SECTIONS_ALIGN

/** Roots that readers take; each becomes an object there. */
const MAX_ROOTS = 1 << 18

/**
 * The CARv1 header of these roots.
 *
 * @param start - where it must end, from the start of the file; without it only what readers refuse is too large
 * @throws {WritableCarError} `WRITABLE_CAR_ROOTS_TOO_LARGE`: with `reserveBytes` if it does not fit before `start`
 */
export const rootsHeader = (roots: readonly CID[], start: number = Number.MAX_SAFE_INTEGER): Uint8Array => {
  if (roots.length > MAX_ROOTS) throw new WritableCarError('WRITABLE_CAR_ROOTS_TOO_LARGE', `more roots than readers take; max=${MAX_ROOTS} got=${roots.length}`)
  const header = encodeCarV1Header(roots)
  if (decodeVarint(header, 0).value > CAR_LIMITS.maxHeaderBytes) throw new WritableCarError('WRITABLE_CAR_ROOTS_TOO_LARGE', `a longer header than readers take; max=${CAR_LIMITS.maxHeaderBytes} got=${header.byteLength}`)
  if (header.byteLength <= start - SLOTS_END) return header
  throw new WritableCarError('WRITABLE_CAR_ROOTS_TOO_LARGE', `roots do not fit; reserve=${start - SLOTS_END} need=${header.byteLength} roots=${roots.length}`, { reserveBytes: header.byteLength })
}

/** The first bytes of a new file, up to the end of the slots. */
export const newHead = (slot: ResumeSlot): Uint8Array => {
  const head = new Uint8Array(SLOTS_END)
  head.set(PRAGMA)
  head.set(encodeSlot(slot), slotOffset(slot.sequence))
  return head
}

export const writeSlot = async (file: WritableFile, slot: ResumeSlot): Promise<void> => file.write(slotOffset(slot.sequence), encodeSlot(slot))

export const clearSlots = async (file: WritableFile): Promise<void> => file.write(SLOTS_OFFSET, new Uint8Array(SLOTS_END - SLOTS_OFFSET))

/** The CARv2 header to zeros: an unfinalized file. */
export const clearHeader = async (file: WritableFile): Promise<void> => file.write(HEADER_OFFSET, new Uint8Array(HEADER_BYTES))

export type FileHead =
  | { readonly state: 'unfinalized', readonly slot: ResumeSlot, /** Not all zeros, and no header either: a write of it was torn. */ readonly tornHeader: boolean }
  | { readonly state: 'finalized', readonly header: CarV2Header, /** Left behind when finalizing was cut short after the header. */ readonly slot: ResumeSlot | undefined }

/** What a file is by its first 512 bytes. @throws {WritableCarError} `WRITABLE_CAR_NOT_OURS` */
export const readHead = async (file: WritableFile): Promise<FileHead> => {
  if (file.sizeBytes < SLOTS_END) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', `file is too short; size=${file.sizeBytes}`)
  const head = await file.read(0, SLOTS_END)
  if (PRAGMA.some((byte, at) => head[at] !== byte)) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', 'no CARv2 pragma', { offset: 0 })
  const slot = newestSlot(head)
  const fixed = head.subarray(HEADER_OFFSET, HEADER_OFFSET + HEADER_BYTES)
  const blank = fixed.every((byte) => byte === 0)
  if (!blank) {
    try {
      return { state: 'finalized', header: decodeHeader(fixed), slot }
    } catch (cause) {
      // where the index is said to be cannot be; the blocks are there all the same
      if (cause instanceof CarV2Error && cause.offset === INDEX_FIELD_OFFSET && slot === undefined) {
        return { state: 'finalized', header: decodeHeader(fixed.slice().fill(0, INDEX_FIELD_OFFSET - HEADER_OFFSET)), slot }
      }
      if (!(cause instanceof CarV2Error) || slot === undefined) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', 'bad CARv2 header', { cause, offset: HEADER_OFFSET })
    }
  }
  if (slot === undefined) throw new WritableCarError('WRITABLE_CAR_NOT_OURS', 'no valid resume slot', { offset: SLOTS_OFFSET })
  return { state: 'unfinalized', slot, tornHeader: !blank }
}
