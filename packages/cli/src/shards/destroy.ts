/** `destroy-shard`: forget shards, and delete what the store made for them. */
import type { Command } from 'commander'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { forEachKey } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface DestroyOptions extends CommonOptions { readonly force?: boolean }

export const addDestroyShardCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('destroy-shard')))
    .description('forget shards and delete what the store made for them: indices and copies, never the file that was added')
    .argument('<key...>', 'of shards, as list-shards shows them')
    .option('--force', 'refuse reads under way at once instead of waiting for them')
    .action(async (keys: string[], options: DestroyOptions) => {
      await withExistingStore(options, terminal, ({ dagstore }) => forEachKey(keys, options, terminal, {
        done: 'destroyed',
        work: async (key) => {
          await dagstore.destroy(key, { mode: options.force === true ? 'force' : 'drain', signal: terminal.signal })
          return { item: { result: null } }
        },
      }))
    })
}
