/** The imports of a Lotus repository: a copy of its metadata is read, and nothing in it is opened or changed. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { LotusImportRecord } from '@dagstore/imports'
import type { CallOptions } from '@dagstore/io'
import { CommandError } from '../failure.ts'

/** @param repository - `$LOTUS_PATH` @throws {CommandError} `COMMAND_REFUSED`: none is there. {PieceStoreError} it cannot be copied */
export async function * withLotusImports<T> (repository: string, options: CallOptions, work: (records: AsyncIterable<LotusImportRecord>, importsFolder: string) => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const metadata = join(repository, 'datastore', 'metadata')
  if (!existsSync(join(metadata, 'CURRENT'))) throw new CommandError('COMMAND_REFUSED', 'no repository of a Lotus node there: it has no datastore/metadata')
  const [{ openLevelCopy }, { readLotusImports }, { ClassicLevel }] = await Promise.all([import('@dagstore/piece-store/node'), import('@dagstore/imports'), import('classic-level')])
  const copy = await openLevelCopy(metadata, {
    ...options,
    openLevel: async (folder) => {
      const level = new ClassicLevel(folder)
      await level.open()
      return level
    },
  })
  try {
    yield * work(readLotusImports(copy.db, options), join(repository, 'imports'))
  } finally {
    await copy.close()
  }
}
