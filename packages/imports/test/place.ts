/** Imports on a directory and a database that fail and crash when they are told to. */
import type { Hashes } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import type { Directory } from '@dagstore/io'
import { walkDag } from '@dagstore/dag'
import { createCrashFs, type CrashFs, createCrashLevel, type CrashLevel, createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import type { CID } from 'multiformats/cid'
import { type ImportRecord, type Imports, openImports, type OpenImport } from '../src/index.ts'
import { memorySources, type MemorySources } from './sources.ts'

/** Blake2b in plain JavaScript is slow. */
export const hashes: Hashes = await openHashes()
export const MIB: number = 1 << 20

export interface Place {
  readonly db: CrashLevel
  readonly fs: CrashFs
  readonly files: Directory
  readonly sources: MemorySources
  readonly clock: FakeClock
  readonly imports: Imports
}

/** @param before - what is taken over, as after a restart */
export const openPlace = async (before: Partial<Omit<Place, 'imports'>> = {}): Promise<Place> => {
  const { db = await createCrashLevel({ seed: 1 }), fs = createCrashFs({ seed: 1 }), sources = memorySources(), clock = createFakeClock() } = before
  return { db, fs, files: fs.directory, sources, clock, imports: await openImports({ db, directory: fs.directory, hashes, clock, sources }) }
}

export const all = async (imports: Imports): Promise<ImportRecord[]> => {
  const records: ImportRecord[] = []
  for await (const record of imports.list()) records.push(record)
  return records
}

/** Keys of the imports in the database. */
export const keysIn = async (db: CrashLevel): Promise<string[]> => (await db.keys().all()).map((key) => key.replace('!imports!', ''))

/** Blocks under the root, by CID, as the store gives them. */
export const readAll = async ({ blockstore, root }: Pick<OpenImport, 'blockstore'> & { readonly root: CID }): Promise<Map<string, Uint8Array>> => {
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of walkDag(blockstore, root)) blocks.set(cid.toString(), bytes)
  return blocks
}
