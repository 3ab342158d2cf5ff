/**
 * Rows of a sublevel, many at a time, under full keys in the database below it: the calls of a sublevel take as long for each row
 * as all the rest of a registration. Keys and values are views of one piece of memory, since small arrays of their own cost
 * engines in native code more than what is done with them.
 */
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'

export type Rows = AbstractSublevel<any, any, Uint8Array, Uint8Array>
export type Operation = { readonly type: 'put', readonly key: Uint8Array, readonly value: Uint8Array } | { readonly type: 'del', readonly key: Uint8Array }

export const SYNC: object = { sync: true }

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** Inherited, so that engines which copy the options of each change have nothing to copy. */
const INHERITED: typeof BYTES = Object.create(BYTES) as typeof BYTES

/** One value per key, in order. */
export const readRows = async (rows: Rows, keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> => {
  const prefix = new TextEncoder().encode(rows.prefix)
  const piece = new Piece(keys.reduce((sum, key) => sum + prefix.byteLength + key.byteLength, 0))
  const db: AbstractLevel<any, Uint8Array, Uint8Array> = rows.db
  return db.getMany(keys.map((key) => piece.add(prefix, key)), BYTES)
}

/** All or nothing, durable on return. */
export const writeRows = async (rows: Rows, operations: readonly Operation[]): Promise<void> => {
  const prefix = new TextEncoder().encode(rows.prefix)
  const piece = new Piece(operations.reduce((sum, operation) => sum + prefix.byteLength + operation.key.byteLength + (operation.type === 'put' ? operation.value.byteLength : 0), 0))
  const batch = rows.db.batch()
  try {
    for (const operation of operations) {
      const key = piece.add(prefix, operation.key)
      if (operation.type === 'put') batch.put(key, piece.add(operation.value), INHERITED)
      else batch.del(key, INHERITED)
    }
  } catch (error) {
    await batch.close()
    throw error
  }
  await batch.write(SYNC)
}

/** Memory that is filled from its start. */
class Piece {
  readonly #bytes: Uint8Array
  #end = 0

  constructor (byteLength: number) {
    this.#bytes = new Uint8Array(byteLength)
  }

  /** A view of `parts`, one behind the other. */
  add (...parts: readonly Uint8Array[]): Uint8Array {
    const start = this.#end
    for (const part of parts) {
      this.#bytes.set(part, this.#end)
      this.#end += part.byteLength
    }
    return this.#bytes.subarray(start, this.#end)
  }
}
