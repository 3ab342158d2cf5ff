/** Records of imports in the metadata database of a Lotus node. */
import type { AnyLevel, CallOptions } from '@dagstore/io'
import type { LotusImportRecord } from './imports.ts'
import { decodeLabels } from './labels.ts'
import { type Cursor, walk } from './texts.ts'

const PREFIX = '/client/stores/'
/** What every `AbstractLevel` has and {@link AnyLevel} does not say. */
interface Level { iterator(options: object): Cursor<readonly [string, string]> }

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
  const range = { gt: PREFIX, lt: `${PREFIX.slice(0, -1)}0`, keyEncoding: 'utf8', valueEncoding: 'utf8' }
  for await (const [key, text] of walk(() => (db as AnyLevel & Level).iterator(range))) {
    signal?.throwIfAborted()
    const digits = key.slice(PREFIX.length)
    if (/^[0-9]{1,20}$/.test(digits) && BigInt(digits) <= MAX_ID) yield decodeLotusImport(BigInt(digits), text)
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
