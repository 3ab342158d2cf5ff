/** Fields of foreign rows, checked: every number exact and in its range, every text short. */
import { isPieceSize, parsePieceCid, type PieceCidFacts, PieceError, unpaddedBytes } from '@dagstore/piece'
import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { PieceStoreError } from './errors.ts'
import type { PieceDeal } from './piece-deals.ts'

/** What a row says, as it came. `undefined`, `null` and the empty text: nothing. */
export interface DealFields {
  readonly dealId: unknown
  /** An actor id, or an address of protocol 0. */
  readonly miner: unknown
  readonly sector: unknown
  readonly offsetPadded: unknown
  readonly lengthPadded: unknown
  /** 0: not known. */
  readonly rawSize?: unknown
  readonly state?: unknown
}

const MAX_U64 = 0xffff_ffff_ffff_ffffn
/** Twenty digits are a u64; leading zeros beyond that are none of anybody's ids. */
const DIGITS = /^\d{1,20}$/
const ID_ADDRESS = /^[ft]0(\d{1,20})$/
const MAX_TEXT = 256
const CONTROLS = /\p{Cc}/u

/** @throws {PieceStoreError} `PIECE_STORE_BAD_ROW`, with the field */
export const readDeal = (piece: PieceCidFacts, fields: DealFields): PieceDeal => {
  const dealId = readText('dealId', typeof fields.dealId === 'number' || typeof fields.dealId === 'bigint' ? String(fields.dealId) : fields.dealId)
  if (dealId === undefined) throw badField('dealId', 'is missing')
  const sector = isNothing(fields.sector) ? undefined : readId('sector', fields.sector)
  const offsetPadded = isNothing(fields.offsetPadded) ? undefined : readSize('offsetPadded', fields.offsetPadded)
  if (sector !== undefined && offsetPadded === undefined) throw badField('offsetPadded', 'is missing beside a sector')
  if (sector === undefined && offsetPadded !== undefined && offsetPadded !== 0) throw badField('sector', 'is missing beside an offset')
  if (offsetPadded !== undefined && offsetPadded % 128 !== 0) throw badField('offsetPadded', 'is no multiple of 128', offsetPadded)
  const lengthPadded = readSize('lengthPadded', fields.lengthPadded)
  if (!isPieceSize(lengthPadded)) throw badField('lengthPadded', 'is not the size of a piece', lengthPadded)
  if (piece.paddedBytes !== undefined && piece.paddedBytes !== lengthPadded) throw badField('lengthPadded', `is not what the piece CID says; want=${piece.paddedBytes}`, lengthPadded)
  const said = isNothing(fields.rawSize) ? 0 : readSize('rawSize', fields.rawSize)
  const rawSize = said === 0 ? piece.payloadBytes : said
  if (piece.payloadBytes !== undefined && rawSize !== piece.payloadBytes) throw badField('rawSize', `is not what the piece CID says; want=${piece.payloadBytes}`, rawSize)
  if (rawSize !== undefined && rawSize > unpaddedBytes(lengthPadded)) throw badField('rawSize', 'is more than the piece holds', rawSize)
  const state = readText('state', fields.state)
  return {
    dealId, miner: readMiner(fields.miner), sector, offsetPadded: offsetPadded ?? 0, lengthPadded,
    ...(rawSize === undefined ? {} : { rawSize }), ...(state === undefined ? {} : { state }),
  }
}

/** A piece CID as text, in bytes, or any CID object. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` with the field `pieceCid` */
export const readPieceCid = (value: unknown, field = 'pieceCid'): PieceCidFacts => {
  if (isNothing(value)) throw badField(field, 'is missing')
  try {
    if (typeof value === 'string') return parsePieceCid(bytesOfText(value.length > MAX_TEXT ? '' : value.trim()))
    if (value instanceof Uint8Array) return parsePieceCid(value)
    const cid = CID.asCID(value)
    if (cid !== null) return parsePieceCid(cid)
  } catch (cause) {
    const why = cause instanceof PieceError ? 'is no piece CID' : 'is no CID'
    throw badField(field, why, value, cause)
  }
  throw badField(field, 'is no CID', value)
}

/** `CID.parse` would remember the text of each of a million. */
const bytesOfText = (text: string): Uint8Array => text.startsWith(base32.prefix) ? base32.decode(text) : CID.parse(text).bytes

/** @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const readMiner = (value: unknown): bigint => {
  const address = typeof value === 'string' ? ID_ADDRESS.exec(value.trim())?.[1] : undefined
  return readId('miner', address ?? value)
}

/** A u64, from a number, digits or a `bigint`. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const readId = (field: string, value: unknown): bigint => {
  if (isNothing(value)) throw badField(field, 'is missing')
  const id = typeof value === 'bigint' ? value
    : typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value)
      : typeof value === 'string' && DIGITS.test(value.trim()) ? BigInt(value.trim()) : undefined
  if (id === undefined || id < 0n || id > MAX_U64) throw badField(field, 'is no u64', value)
  return id
}

/** Bytes, 0 to 2^53 - 1. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const readSize = (field: string, value: unknown): number => {
  const size = readId(field, value)
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw badField(field, 'is out of range', value)
  return Number(size)
}

/** @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const readText = (field: string, value: unknown): string | undefined => {
  if (isNothing(value)) return undefined
  const text = typeof value === 'string' ? value.trim() : ''
  if (text === '' || text.length > MAX_TEXT || CONTROLS.test(text)) throw badField(field, 'is no short text', value)
  return text
}

export const badRow = (what: string, cause?: unknown): PieceStoreError => new PieceStoreError('PIECE_STORE_BAD_ROW', what, { cause })

const badField = (field: string, what: string, got?: unknown, cause?: unknown): PieceStoreError =>
  new PieceStoreError('PIECE_STORE_BAD_ROW', got === undefined ? `${field} ${what}` : `${field} ${what}; got=${shown(got)}`, { field, cause })

const isNothing = (value: unknown): value is undefined | null | '' => value === undefined || value === null || (typeof value === 'string' && value.trim() === '')

/** For messages and places; whatever it is. */
export const shown = (value: unknown): string => {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value) : typeof value
}
