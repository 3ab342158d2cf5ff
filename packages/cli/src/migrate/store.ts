/** The store that deals or records are taken into: the one at the root, made where there is none; a dry run makes none. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openShardStore, type ShardStore } from '../compose.ts'
import { codeOf, CommandError, explain } from '../failure.ts'
import { hasStore, type RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

/** @throws {CommandError} `COMMAND_REFUSED`: a daemon, or another command, has the store */
export const withOwnStore = async <T>(root: RootFolder, dryRun: boolean, terminal: Terminal, work: (store: ShardStore) => Promise<T>): Promise<T> => {
  const isNew = !hasStore(root)
  // what a dry run looks at where nothing is yet is an empty store, and gone afterwards
  const passing = isNew && dryRun ? await mkdtemp(join(tmpdir(), 'dagstore-dry-run-')) : undefined
  try {
    const store = await open(passing === undefined ? root : { path: passing, label: root.label })
    try {
      if (isNew && !dryRun) terminal.stderr(`made a DAG store at ${printable(root.label)}\n`)
      return await work(store)
    } finally {
      await store.close()
    }
  } finally {
    if (passing !== undefined) await rm(passing, { recursive: true, force: true })
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
