/** Answers of other systems, whose shape nobody vouches for. */
import { badRow } from './deal-fields.ts'

/** A member of an object; `undefined` when it has none. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW`: no object */
export const memberOf = (value: unknown, name: string): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRow(`no object; member=${name}`)
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

/** Go writes an empty list as null. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const itemsOf = (value: unknown, name: string): readonly unknown[] => {
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) throw badRow(`${name} is no list`)
  return value
}

/** `{"/": "…"}`. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const linkText = (value: unknown): unknown => memberOf(value, '/')
