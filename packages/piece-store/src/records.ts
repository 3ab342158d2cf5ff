/**
 * Records of a piece store as bytes; numbers are big-endian. Described with an example in docs/formats/piece-store.md.
 *
 *     key                                                                       value
 *     'p' commitment 32, miner u64, sector u64, offset u64, length u64          payload bytes u64, or 0 u8
 *     'c' length of multihash u16, multihash, commitment 32                     0 u8
 *     'v'                                                                       version u8: 1
 */
import { isPieceSize, type PieceCidFacts, unpaddedBytes } from '@dagstore/piece'
import { PieceStoreError } from './errors.ts'
import type { PieceLocation } from './piece-store.ts'

export const VERSION = 1
export const VERSION_KEY: Uint8Array = Uint8Array.of(0x76)
/** What stands where a record has its facts in its key: one byte, since classic-level 3.0.0 never frees the memory of an empty value. */
export const NOTHING: Uint8Array = Uint8Array.of(0)
/** What the keys of all locations begin with. */
export const LOCATIONS: Uint8Array = Uint8Array.of(0x70)
/** What the keys of all payloads begin with. */
export const PAYLOADS: Uint8Array = Uint8Array.of(0x63)
export const COMMITMENT_BYTES = 32

const LOCATION_KEY_BYTES = 1 + COMMITMENT_BYTES + 32
const MAX_U64 = 0xffff_ffff_ffff_ffffn

/** What the keys of a piece's locations begin with. */
export const piecePrefix = (commitment: Uint8Array): Uint8Array => Uint8Array.of(...LOCATIONS, ...commitment)

/** A location with the payload that the piece's CID may say. @throws {RangeError} a field out of range, or a contradiction */
export const checkLocation = (location: PieceLocation, facts: PieceCidFacts): PieceLocation => {
  const { miner, sector, offsetPadded, lengthPadded } = location
  for (const [name, id] of [['miner', miner], ['sector', sector]] as const) {
    if (typeof id !== 'bigint' || id < 0n || id > MAX_U64) throw new RangeError(`not a u64; ${name}=${id}`)
  }
  if (!Number.isSafeInteger(offsetPadded) || offsetPadded < 0 || offsetPadded % 128 !== 0) throw new RangeError(`not a multiple of 128; offset=${offsetPadded}`)
  if (!isPieceSize(lengthPadded)) throw new RangeError(`not the size of a piece; length=${lengthPadded}`)
  if (facts.paddedBytes !== undefined && facts.paddedBytes !== lengthPadded) throw new RangeError(`not the size that the piece CID says; want=${facts.paddedBytes} got=${lengthPadded}`)
  const payloadBytes = location.payloadBytes ?? facts.payloadBytes
  if (facts.payloadBytes !== undefined && facts.payloadBytes !== payloadBytes) throw new RangeError(`not the payload that the piece CID says; want=${facts.payloadBytes} got=${payloadBytes}`)
  if (payloadBytes !== undefined && (!Number.isSafeInteger(payloadBytes) || payloadBytes < 0 || payloadBytes > unpaddedBytes(lengthPadded))) {
    throw new RangeError(`payload does not fit the piece; payload=${payloadBytes} length=${lengthPadded}`)
  }
  return { miner, sector, offsetPadded, lengthPadded, payloadBytes }
}

export const locationKey = (commitment: Uint8Array, location: PieceLocation): Uint8Array => {
  const key = new Uint8Array(LOCATION_KEY_BYTES)
  key.set(LOCATIONS)
  key.set(commitment, LOCATIONS.byteLength)
  const view = new DataView(key.buffer)
  view.setBigUint64(33, location.miner)
  view.setBigUint64(41, location.sector)
  view.setBigUint64(49, BigInt(location.offsetPadded))
  view.setBigUint64(57, BigInt(location.lengthPadded))
  return key
}

export const locationValue = ({ payloadBytes }: PieceLocation): Uint8Array => {
  if (payloadBytes === undefined) return NOTHING
  const value = new Uint8Array(8)
  new DataView(value.buffer).setBigUint64(0, BigInt(payloadBytes))
  return value
}

/** @throws {PieceStoreError} `PIECE_STORE_DAMAGED` */
export const decodeLocation = (key: Uint8Array, value: Uint8Array): { readonly commitment: Uint8Array, readonly location: PieceLocation } => {
  if (key.byteLength !== LOCATION_KEY_BYTES) throw damaged(`key length; got=${key.byteLength}`)
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  const field = (at: number): bigint => view.getBigUint64(1 + COMMITMENT_BYTES + 8 * at)
  const location = { miner: field(0), sector: field(1), offsetPadded: Number(field(2)), lengthPadded: Number(field(3)), payloadBytes: decodePayloadBytes(value) }
  const commitment = key.slice(1, 1 + COMMITMENT_BYTES)
  try {
    return { commitment, location: checkLocation(location, { version: 1, commitment, payloadBytes: undefined, paddedBytes: undefined }) }
  } catch (cause) {
    throw damaged('location out of range', cause)
  }
}

/** What the keys of a payload's pieces begin with. @throws {PieceStoreError} `PIECE_STORE_BAD_CID`: longer than any CID in use */
export const payloadPrefix = (multihash: Uint8Array): Uint8Array => {
  const { byteLength } = multihash
  if (byteLength < 2 || byteLength > 0xffff) throw new PieceStoreError('PIECE_STORE_BAD_CID', `multihash length; min=2 max=65535 got=${byteLength}`)
  return Uint8Array.of(...PAYLOADS, byteLength >>> 8, byteLength & 0xff, ...multihash)
}

export const payloadKey = (multihash: Uint8Array, commitment: Uint8Array): Uint8Array =>
  Uint8Array.of(...payloadPrefix(multihash), ...commitment)

/** The multihash of a payload's key. @throws {PieceStoreError} `PIECE_STORE_DAMAGED` */
export const decodePayload = (key: Uint8Array): Uint8Array => {
  const [, high = 0, low = 0] = key
  const start = PAYLOADS.byteLength + 2
  const end = start + (high << 8 | low)
  if (key.byteLength !== end + COMMITMENT_BYTES) throw damaged(`key length; got=${key.byteLength}`)
  return key.slice(start, end)
}

const decodePayloadBytes = (value: Uint8Array): number | undefined => {
  // stores of earlier versions have no byte
  if (value.byteLength === 0 || (value.byteLength === 1 && value[0] === 0)) return undefined
  if (value.byteLength !== 8) throw damaged(`value length; got=${value.byteLength}`)
  // too large a number is found out by the check of the location
  return Number(new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0))
}

const damaged = (what: string, cause?: unknown): PieceStoreError => new PieceStoreError('PIECE_STORE_DAMAGED', `damaged record; ${what}`, { cause })
