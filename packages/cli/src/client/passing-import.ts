/** Imports that nobody is told of, and that go with their folder: of data that are only passed on. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hashes } from '@dagstore/hashes'
import { createMemoryRecords, type ImportPathOptions, openImports, type SourceFiles } from '@dagstore/imports'
import { openDirectory } from '@dagstore/io/node'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

export interface PassingOptions {
  readonly hashes: Hashes
  /** What may be read, but for a folder that is being written, and may be in what is read. */
  readonly sourcesBeside: (folder: string) => SourceFiles
}

export interface PassingImport {
  readonly root: CID
  readonly store: ReadBlockstore
  readonly fileBytes: number | undefined
  readonly blocks: number | undefined
}

/** @throws what the imports and `work` throw */
export const withPassingImport = async <T>({ hashes, sourcesBeside }: PassingOptions, source: string, how: ImportPathOptions, work: (passing: PassingImport) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'dagstore-passing-'))
  try {
    await using passing = await openImports({ records: createMemoryRecords(), directory: openDirectory(folder), hashes, sources: sourcesBeside(folder) })
    const { id, root, fileBytes, blocks } = await passing.importPath(source, how)
    const { blockstore, close } = await passing.open(id, { signal: how.signal })
    try {
      return await work({ root, store: blockstore, fileBytes, blocks })
    } finally {
      await close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
