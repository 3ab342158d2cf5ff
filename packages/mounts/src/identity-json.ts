/** Identities of sources in the JSON of transient copies; `null` where a source has none. */
import type { SourceIdentity } from '@dagstore/io'

/** `JSON.stringify` with this writes identities. */
export const bigintsAsText = (_: string, value: unknown): unknown => typeof value === 'bigint' ? value.toString() : value

/** @throws {TypeError} no identity */
export const parseIdentity = (json: unknown): SourceIdentity | undefined => {
  if (json === null || json === undefined) return undefined
  const fields = fieldsOf(json)
  const sizeBytes = countIn(fields, 'sizeBytes')
  switch (fields.get('kind')) {
    case 'content': return { kind: 'content', cid: textIn(fields, 'cid'), sizeBytes }
    case 'version': return { kind: 'version', tag: textIn(fields, 'tag'), sizeBytes }
    case 'file': return { kind: 'file', sizeBytes, mtimeNs: BigInt(textIn(fields, 'mtimeNs')), inode: BigInt(textIn(fields, 'inode')) }
    default: throw new TypeError('kind')
  }
}

export const fieldsOf = (json: unknown): ReadonlyMap<string, unknown> => new Map(Object.entries(Object(json)))

/** @throws {TypeError} no text */
export const textIn = (fields: ReadonlyMap<string, unknown>, name: string): string => {
  const value = fields.get(name)
  if (typeof value !== 'string') throw new TypeError(name)
  return value
}

/** @throws {TypeError} no whole number from 0 */
export const countIn = (fields: ReadonlyMap<string, unknown>, name: string): number => {
  const value = fields.get(name)
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError(name)
  return value
}
