/** The store that deals or records are taken into: the one at the root, made where there is none; a dry run looks at a copy of what it knows. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Dagstore, openCatalogue } from '@dagstore/dagstore'
import type { AnyLevel } from '@dagstore/io'
import type { PieceStore } from '@dagstore/piece-store'
import { openLevelCopy } from '@dagstore/piece-store/node'
import { ClassicLevel } from 'classic-level'
import { openShardStore, type ShardStore } from '../compose.ts'
import { codeOf, CommandError, explain } from '../failure.ts'
import { hasStore, type RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

export interface OwnStore {
  readonly dagstore: Pick<Dagstore, 'registerMany' | 'shard' | 'adoptIndices'>
  readonly db: AnyLevel
  /** Opened by the first place that is noted. */
  readonly pieces: Pick<PieceStore, 'addMany'>
}

/**
 * A dry run opens nothing of the store, and needs no daemon to stop: its database is copied, and the copy looked at. Where there
 * is no store, it looks at an empty one. Either is gone afterwards.
 *
 * @throws {CommandError} `COMMAND_REFUSED`: a daemon, or another command, has the store
 * @throws {PieceStoreError} `PIECE_STORE_FAILED`: dry run; the database cannot be copied
 */
export const withOwnStore = async <T>(root: RootFolder, dryRun: boolean, terminal: Terminal, work: (store: OwnStore) => Promise<T>): Promise<T> => {
  if (dryRun) return lookingAt(root, terminal, work)
  const isNew = !hasStore(root)
  const store = await open(root)
  try {
    if (isNew) terminal.stderr(`made a DAG store at ${printable(root.label)}\n`)
    return await work(storeOf(store))
  } finally {
    await store.close()
  }
}

const storeOf = ({ dagstore, openPieces }: ShardStore): OwnStore => {
  let opened: Promise<PieceStore> | undefined
  return { dagstore, db: dagstore.db, pieces: { addMany: async (copies) => { await (await (opened ??= openPieces())).addMany(copies) } } }
}

const lookingAt = async <T>(root: RootFolder, { signal }: Terminal, work: (store: OwnStore) => Promise<T>): Promise<T> => {
  const passing = await mkdtemp(join(tmpdir(), 'dagstore-dry-run-'))
  try {
    const empty = await openShardStore({ path: passing, label: root.label })
    try {
      return await (hasStore(root) ? withCopy(root, empty, signal, work) : work(storeOf(empty)))
    } finally {
      await empty.close()
    }
  } finally {
    await rm(passing, { recursive: true, force: true })
  }
}

/** What the records of the store say; nothing begins that a store begins when it opens. */
const withCopy = async <T>(root: RootFolder, empty: ShardStore, signal: AbortSignal, work: (store: OwnStore) => Promise<T>): Promise<T> => {
  const copy = await openLevelCopy(join(root.path, 'db'), {
    signal,
    openLevel: async (folder) => {
      const level = new ClassicLevel(folder, { createIfMissing: false })
      await level.open()
      return level
    },
  })
  try {
    await using catalogue = await openCatalogue(copy.db)
    const shard: Dagstore['shard'] = async (key) => {
      const record = (await catalogue.get(key))?.record
      if (record === undefined) return undefined
      const { url: mountUrl, health, destroying, dataGeneration, index, failure } = record
      return { key, mountUrl, health, leases: 0, destroying, dataGeneration, indexGeneration: index?.generation ?? 0, error: failure, findings: [] }
    }
    const { dagstore } = empty
    return await work({
      ...storeOf(empty), db: copy.db,
      dagstore: { shard, registerMany: (items, options) => dagstore.registerMany(items, options), adoptIndices: (folder, options) => dagstore.adoptIndices(folder, options) },
    })
  } finally {
    await copy.close()
  }
}

const open = async (root: RootFolder): Promise<ShardStore> => {
  try {
    return await openShardStore(root)
  } catch (cause) {
    if (codeOf(cause) !== 'DAGSTORE_LOCKED') throw cause
    throw new CommandError('COMMAND_REFUSED', `${explain(cause)}; stop it first: this writes to the store itself`, { cause })
  }
}
