/** Records of imports in the metadata database of a Lotus node. */
import type { AnyLevel, CallOptions } from '@dagstore/io'
import type { AbstractLevel } from 'abstract-level'
import { ImportError } from './errors.ts'
import type { LotusImportRecord } from './imports.ts'
import { decodeLabels } from './labels.ts'

const PREFIX = '/client/stores/'
const MAX_ID = 2n ** 64n - 1n

/**
 * By key. Entries whose key is no id are no imports, and are left out. Nothing is written; engines that write when they open get
 * a copy.
 *
 * @param db - LevelDB of a Lotus node (`datastore/metadata` in its repository), open
 * @throws {ImportError} `IMPORT_FAILED`
 */
export async function * readLotusImports (db: AnyLevel, { signal }: CallOptions = {}): AsyncGenerator<LotusImportRecord, void, undefined> {
  signal?.throwIfAborted()
  // '0' comes right behind the slash
  const cursor = (db as AbstractLevel<string | Uint8Array, string, string>).iterator<string, string>({ gt: PREFIX, lt: `${PREFIX.slice(0, -1)}0`, keyEncoding: 'utf8', valueEncoding: 'utf8' })
  try {
    for (let entry = await cursor.next(); entry !== undefined; entry = await cursor.next()) {
      signal?.throwIfAborted()
      const [key, text] = entry
      const digits = key.slice(PREFIX.length)
      if (!/^[0-9]{1,20}$/.test(digits) || BigInt(digits) > MAX_ID) continue
      yield decodeLotusImport(BigInt(digits), text)
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new ImportError('IMPORT_FAILED', 'database failed', { cause })
  } finally {
    await cursor.close()
  }
}

/** A record as text; one that is damaged says why. */
export const decodeLotusImport = (id: bigint, text: string): LotusImportRecord => {
  try {
    return { id, labels: decodeLabels(text) }
  } catch (error) {
    return { id, labels: new Map(), damage: error instanceof Error ? error.message : String(error) }
  }
}
