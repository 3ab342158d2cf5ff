/** Many changes of a sublevel in one synced write. */
import type { AbstractSublevel } from 'abstract-level'

export type Rows = AbstractSublevel<any, any, Uint8Array, Uint8Array>
export type Operation = { readonly type: 'put', readonly key: Uint8Array, readonly value: Uint8Array } | { readonly type: 'del', readonly key: Uint8Array }

export const SYNC: object = { sync: true }

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** Inherited, so that engines which copy the options of each change have nothing to copy. */
const INHERITED: typeof BYTES = Object.create(BYTES) as typeof BYTES

/**
 * All or nothing, durable on return. Written to the database below the sublevel, under full keys: a batch of the sublevel
 * takes as long for each change as all the rest of a registration.
 */
export const writeRows = async (rows: Rows, operations: readonly Operation[]): Promise<void> => {
  const prefix = new TextEncoder().encode(rows.prefix)
  const batch = rows.db.batch()
  try {
    for (const operation of operations) {
      const key = new Uint8Array(prefix.byteLength + operation.key.byteLength)
      key.set(prefix)
      key.set(operation.key, prefix.byteLength)
      if (operation.type === 'put') batch.put(key, operation.value, INHERITED)
      else batch.del(key, INHERITED)
    }
  } catch (error) {
    await batch.close()
    throw error
  }
  await batch.write(SYNC)
}
