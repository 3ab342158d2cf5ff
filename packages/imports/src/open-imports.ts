/** The import manager on a database and a directory. */
import { createPageCache, type PageCache } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { type AnyLevel, type Clock, type Directory, systemClock } from '@dagstore/io'
import { ImportCore } from './import-core.ts'
import { createImports } from './import-manager.ts'
import type { Imports } from './imports.ts'
import { openRecords, type RecordTable } from './record-table.ts'
import { NO_SOURCES, type SourceFiles } from './sources.ts'

export type ImportsParts = ImportsPlace & ImportsState

export interface ImportsPlace {
  /** For the CAR files; nothing else should be in it. */
  readonly directory: Directory
  /** Must know blake2b-256 for imports like Lotus's. */
  readonly hashes: Hashes
  /** Ids are times. @default systemClock */
  readonly clock?: Clock | undefined
  /** Files outside of `directory`: what is imported by path, referred to, or a CAR in place. @default none may be read */
  readonly sources?: SourceFiles | undefined
  /** For the indices of imports that are open. @default a cache of 64 MiB of its own */
  readonly pages?: PageCache | undefined
}

/** Where the records are: in a part of their own of an opened database, or where the caller keeps them. */
export type ImportsState =
  | { readonly db: AnyLevel, readonly records?: undefined }
  | { readonly records: RecordTable, readonly db?: undefined }

/** Open the imports; what a crash left unfinished is removed first. @throws {ImportError} `IMPORT_FAILED` */
export const openImports = async ({ db, records, directory, hashes, clock = systemClock, sources = NO_SOURCES, pages = createPageCache() }: ImportsParts): Promise<Imports> => {
  const table = records ?? await openRecords(db)
  const core = new ImportCore({ table, directory, hashes, clock, sources, pages, lastId: await table.lastId() })
  for (const files of await table.pending()) await core.clear(files)
  return createImports(core)
}
