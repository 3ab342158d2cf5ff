/** The import manager on a database and a directory. */
import type { Hashes } from '@dagstore/hashes'
import { type AnyLevel, type Clock, type Directory, systemClock } from '@dagstore/io'
import { ImportManager } from './import-manager.ts'
import type { Imports } from './imports.ts'
import { openRecords, type RecordTable } from './record-table.ts'

export type ImportsParts = ImportsPlace & ImportsState

export interface ImportsPlace {
  /** For the CAR files; nothing else should be in it. */
  readonly directory: Directory
  /** Must know blake2b-256 for imports like Lotus's. */
  readonly hashes: Hashes
  /** Ids are times. @default systemClock */
  readonly clock?: Clock | undefined
}

/** Where the records are: in a part of their own of an opened database, or where the caller keeps them. */
export type ImportsState =
  | { readonly db: AnyLevel, readonly records?: undefined }
  | { readonly records: RecordTable, readonly db?: undefined }

/** Open the imports; what a crash left unfinished is removed first. @throws {ImportError} `IMPORT_FAILED` */
export const openImports = async ({ db, records, directory, hashes, clock = systemClock }: ImportsParts): Promise<Imports> => {
  const table = records ?? await openRecords(db)
  const manager = new ImportManager({ table, directory, hashes, clock, lastId: await table.lastId() })
  for (const id of await table.pending()) await manager.clear(id)
  return manager
}
