/** `list-multihashes`: what the index of a shard lists. */
import { openIndex } from '@dagstore/carv2'
import type { Command } from 'commander'
import type { ShardStore } from '../compose.ts'
import { writeEntries } from '../index-entries.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { aboutKey, knownShard } from './keys.ts'
import { addRootOption, withExistingStore } from './store.ts'

export const addListMultihashesCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('list-multihashes')))
    .description('list the multihashes in the index of a shard, in hex; with --json one object a line')
    .argument('<key>', 'of a shard; one that is not indexed yet is indexed first')
    .action((key: string, options: CommonOptions) =>
      withExistingStore(options, terminal, (store) => aboutKey(key, () => listMultihashes(store, key, options, terminal))))
}

/** The index alone is read: the source of the shard need not be there. */
const listMultihashes = async (store: ShardStore, key: string, options: CommonOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  const { indexGeneration } = await knownShard(store, key, terminal)
  const how = { json: options.json === true, offsets: false }
  if (indexGeneration === 0) {
    const lease = await store.dagstore.acquire(key, { signal })
    try {
      await writeEntries(lease.index, how, terminal)
    } finally {
      await lease.close()
    }
    return
  }
  const view = await openIndex(await store.indices.open(key, indexGeneration, { signal }), { owns: true, signal })
  try {
    await writeEntries(view, how, terminal)
  } finally {
    await view.close()
  }
}
