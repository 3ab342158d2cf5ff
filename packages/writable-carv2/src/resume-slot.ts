/**
 * The resume slots of an unfinalized file: how far its sections are known to be on disk. Two of them lie in bytes 64 to
 * 511 and are written in turn, so that the older one stands while the newer is being written.
 *
 *     at   size  field
 *     0    8     'CARV2RW1'
 *     8    8     sequence, u64 little-endian like all numbers here; the valid slot with the higher one counts
 *     16   8     start: where the first section begins, from the start of the file
 *     24   8     synced end: where the last section ends that is known to be on disk, from the start of the file
 *     32   8     blocks between the two
 *     40   8     where the CARv1 header begins, which ends at start; 0: none is written yet
 *     48   4     CRC-32 of that header; 0 without one
 *     52   4     the longest section in bytes, length varint not counted
 *     56   4     options: 1 blocks compare by whole CID, 2 identity CIDs are stored, 4 blocks that are there are stored again,
 *                8 the index leaves out identity CIDs, 16 the header does not say that it lists them, 32 they are not
 *                answered from the CID
 *     60   4     the longest CID in bytes
 *     64   156   zeros
 *     220  4     CRC-32 of the 220 bytes before
 */
import { CAR_LIMITS, type IdentityPolicy } from '@dagstore/carv2'
import { crc32 } from '@dagstore/hashes'

export const SLOTS_OFFSET = 64
export const SLOT_BYTES = 224
export const SLOTS_END = 512

const MAGIC = Uint8Array.of(0x43, 0x41, 0x52, 0x56, 0x32, 0x52, 0x57, 0x31)
const CRC_OFFSET = SLOT_BYTES - 4
const WHOLE_CID = 1
const STORES_IDENTITY = 2
const DUPLICATES = 4
const IDENTITY_NOT_INDEXED = 8
const IDENTITY_NOT_MARKED = 16
const IDENTITY_NOT_INLINE = 32
const ALL_OPTIONS = 63

/** What a file is made with and keeps. */
export interface CarRules {
  /** CID and data of one section, in bytes. */
  readonly maxSectionBytes: number
  /** CID of one section, in bytes. */
  readonly maxCidBytes: number
  /** Blocks compare by CID, not by multihash. */
  readonly wholeCid: boolean
  /** A block that is there is stored again. */
  readonly duplicates: boolean
  readonly identity: IdentityPolicy
}

/** Offsets in bytes from the start of the file; all numbers safe integers. */
export interface ResumeSlot extends CarRules {
  readonly sequence: number
  readonly start: number
  readonly syncedEnd: number
  readonly blockCount: number
  /** `undefined`: no CARv1 header is written yet. */
  readonly header: { readonly offset: number, readonly crc: number } | undefined
}

export const encodeSlot = (slot: ResumeSlot): Uint8Array => {
  const bytes = new Uint8Array(SLOT_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC)
  view.setBigUint64(8, BigInt(slot.sequence), true)
  view.setBigUint64(16, BigInt(slot.start), true)
  view.setBigUint64(24, BigInt(slot.syncedEnd), true)
  view.setBigUint64(32, BigInt(slot.blockCount), true)
  view.setBigUint64(40, BigInt(slot.header?.offset ?? 0), true)
  view.setUint32(48, slot.header?.crc ?? 0, true)
  view.setUint32(52, slot.maxSectionBytes, true)
  view.setUint32(56, encodeOptions(slot), true)
  view.setUint32(60, slot.maxCidBytes, true)
  view.setUint32(CRC_OFFSET, crc32(bytes.subarray(0, CRC_OFFSET)), true)
  return bytes
}

const encodeOptions = ({ wholeCid, duplicates, identity }: CarRules): number =>
  (wholeCid ? WHOLE_CID : 0) | (duplicates ? DUPLICATES : 0) | (identity.store ? STORES_IDENTITY : 0) |
  (identity.index ? 0 : IDENTITY_NOT_INDEXED) | (identity.mark ? 0 : IDENTITY_NOT_MARKED) | (identity.inline ? 0 : IDENTITY_NOT_INLINE)

/** `undefined`: nothing written, torn, or of a later version. @param bytes - exactly {@link SLOT_BYTES} long */
export const decodeSlot = (bytes: Uint8Array): ResumeSlot | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SLOT_BYTES)
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) return undefined
  if (view.getUint32(CRC_OFFSET, true) !== crc32(bytes.subarray(0, CRC_OFFSET))) return undefined
  const number = (at: number): number => Number(view.getBigUint64(at, true))
  const options = view.getUint32(56, true)
  const headerOffset = number(40)
  const slot: ResumeSlot = {
    sequence: number(8),
    start: number(16),
    syncedEnd: number(24),
    blockCount: number(32),
    header: headerOffset === 0 ? undefined : { offset: headerOffset, crc: view.getUint32(48, true) },
    maxSectionBytes: view.getUint32(52, true),
    maxCidBytes: view.getUint32(60, true) || CAR_LIMITS.maxCidBytes,
    wholeCid: (options & WHOLE_CID) !== 0,
    duplicates: (options & DUPLICATES) !== 0,
    identity: {
      store: (options & STORES_IDENTITY) !== 0,
      index: (options & IDENTITY_NOT_INDEXED) === 0,
      mark: (options & IDENTITY_NOT_MARKED) === 0,
      inline: (options & IDENTITY_NOT_INLINE) === 0,
    },
  }
  const sane = Number.isSafeInteger(slot.sequence) && Number.isSafeInteger(slot.syncedEnd) && slot.start >= SLOTS_END && slot.syncedEnd >= slot.start &&
    (options & ~ALL_OPTIONS) === 0 && (slot.identity.index || !slot.identity.mark) && slot.maxSectionBytes > 0 && (headerOffset === 0 || (headerOffset >= SLOTS_END && headerOffset < slot.start))
  return sane ? slot : undefined
}

/** Where the slot with this sequence is written, from the start of the file. */
export const slotOffset = (sequence: number): number => SLOTS_OFFSET + (sequence % 2) * SLOT_BYTES

/** The newest valid slot. @param head - the first {@link SLOTS_END} bytes of the file */
export const newestSlot = (head: Uint8Array): ResumeSlot | undefined => {
  const [a, b] = [0, 1].map((turn) => decodeSlot(head.subarray(slotOffset(turn), slotOffset(turn) + SLOT_BYTES)))
  return a === undefined || (b !== undefined && b.sequence > a.sequence) ? b : a
}
