/**
 * Rows of a sublevel, many at a time, under full keys in the database below it: the calls of a sublevel take as long for each row
 * as all the rest of a registration. What is text is passed as text, which engines in native code take faster than small arrays.
 */
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'

export type Rows = AbstractSublevel<any, any, Uint8Array, Uint8Array>
/** Text stands for its UTF-8. */
export type Operation =
  | { readonly type: 'put', readonly key: Uint8Array | string, readonly value: Uint8Array | string }
  | { readonly type: 'del', readonly key: Uint8Array | string }

export const SYNC: object = { sync: true }

interface Encodings { readonly keyEncoding: 'view' | 'utf8', readonly valueEncoding: 'view' | 'utf8' }

/** Inherited, so that engines which copy the options of each change have nothing to copy. */
const encodings = (keyEncoding: 'view' | 'utf8', valueEncoding: 'view' | 'utf8'): Encodings => Object.create({ keyEncoding, valueEncoding }) as Encodings
const OF_BYTES = { bytes: encodings('view', 'view'), text: encodings('view', 'utf8') }
const OF_TEXT = { bytes: encodings('utf8', 'view'), text: encodings('utf8', 'utf8') }

/** One value per key, in order. */
export const readRows = async (rows: Rows, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> => {
  const { prefix } = rows
  const db: AbstractLevel<any, string, Uint8Array> = rows.db
  return db.getMany(keys.map((key) => prefix + key), { keyEncoding: 'utf8', valueEncoding: 'view' })
}

/** All or nothing, durable on return. */
export const writeRows = async (rows: Rows, operations: readonly Operation[]): Promise<void> => {
  const { prefix } = rows
  const start = new TextEncoder().encode(prefix)
  const full = (key: Uint8Array): Uint8Array => {
    const out = new Uint8Array(start.byteLength + key.byteLength)
    out.set(start)
    out.set(key, start.byteLength)
    return out
  }
  const batch = rows.db.batch()
  try {
    for (const operation of operations) {
      const isText = typeof operation.key === 'string'
      const key = typeof operation.key === 'string' ? prefix + operation.key : full(operation.key)
      const options = isText ? OF_TEXT : OF_BYTES
      if (operation.type === 'put') batch.put(key, operation.value, typeof operation.value === 'string' ? options.text : options.bytes)
      else batch.del(key, options.bytes)
    }
  } catch (error) {
    await batch.close()
    throw error
  }
  await batch.write(SYNC)
}
