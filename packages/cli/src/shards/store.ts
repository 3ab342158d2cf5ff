/** A command on the store that is there, or on one that it may make. */
import type { DagstoreEvent } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { openLocalBackend } from '../backend/local.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { CommonOptions } from '../options.ts'
import { existingRoot, hasStore, type RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

export const addRootOption = (command: Command): Command =>
  command.option('--root <dir>', 'folder of the store (default: DAGSTORE_PATH, else ./.dagstore)')

export interface StoreUse {
  readonly onEvent?: (event: DagstoreEvent) => void
}

/** @throws {CommandError} `COMMAND_NO_STORE` */
export const withExistingStore = <T>(options: CommonOptions, terminal: Terminal, work: (store: ShardBackend) => Promise<T>, use?: StoreUse): Promise<T> =>
  withStore(existingRoot(options.root, terminal), work, use)

/** Makes it where there is none, and says so. */
export const withAnyStore = <T>(root: RootFolder, terminal: Terminal, work: (store: ShardBackend) => Promise<T>, use?: StoreUse): Promise<T> => {
  const isNew = !hasStore(root)
  return withStore(root, (store) => {
    if (isNew) terminal.stderr(`made a DAG store at ${printable(root.label)}\n`)
    return work(store)
  }, use)
}

const withStore = async <T>(root: RootFolder, work: (store: ShardBackend) => Promise<T>, use: StoreUse = {}): Promise<T> => {
  const store = await openLocalBackend(root, use.onEvent)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
