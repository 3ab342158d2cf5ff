import type { Hashes } from '@dagstore/hashes'
import { ImportError, type ImportRecord, type Imports, openImports } from '@dagstore/imports'
import type { Directory, TreeEntry } from '@dagstore/io'
import type { AbstractLevel } from 'abstract-level'

export const firstUse = async (db: AbstractLevel<any, any, any>, directory: Directory, hashes: Hashes, entry: TreeEntry): Promise<readonly ImportRecord[]> => {
  const imports: Imports = await openImports({ db, directory, hashes })
  const records: ImportRecord[] = []
  try {
    const { reused } = await imports.importTree(entry, { sourceLabel: 'a', fingerprint: 'b', profile: 'lotus-2021' })
    for await (const record of imports.list()) if (!reused) records.push(record)
  } catch (error) {
    if (!(error instanceof ImportError)) throw error
  }
  return records
}
