/** `list-multihashes`: what the index of a shard lists. */
import { openIndex } from '@dagstore/carv2'
import { IndexRepoError } from '@dagstore/index-repo'
import type { ByteSource } from '@dagstore/io'
import type { Command } from 'commander'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { writeEntries } from '../index-entries.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { aboutKey, knownShard } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

export const addListMultihashesCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('list-multihashes')))
    .description('list the multihashes in the index of a shard, in hex; with --json one object a line')
    .argument('<key>', 'of a shard; one that is not indexed yet is indexed first')
    .action((key: string, options: CommonOptions) =>
      withExistingStore(options, terminal, (store) => aboutKey(key, () => listMultihashes(store, key, options, terminal))))
}

/** The index alone is read: the source of the shard need not be there. */
const listMultihashes = async (store: ShardBackend, key: string, options: CommonOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  const { indexGeneration } = await knownShard(store, key, terminal)
  const how = { json: options.json === true, offsets: false }
  const view = await openIndex(await openFile(store, key, indexGeneration, signal), { owns: true, signal })
  try {
    await writeEntries(view, how, terminal)
  } finally {
    await view.close()
  }
}

/** @param generation - 0: there is none. The index of a remote CARv2 has no file before one of ours took its place. */
const openFile = async ({ dagstore, indices }: ShardBackend, key: string, generation: number, signal: AbortSignal | undefined): Promise<ByteSource> => {
  if (generation > 0) {
    try {
      return await indices.open(key, generation, { signal })
    } catch (error) {
      if (!(error instanceof IndexRepoError) || error.code !== 'INDEX_MISSING') throw error
    }
  }
  const { indexGeneration } = await dagstore.initialize(key, { signal })
  return indices.open(key, indexGeneration, { signal })
}
