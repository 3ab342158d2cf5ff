/** `initialize-shard`: fetch and index now what would be at its first read. */
import type { Command } from 'commander'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { createJobWatch } from './job-watch.ts'
import { forEachKey, knownShard, shardResult } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

export const addInitializeShardCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('initialize-shard')))
    .description('fetch and index shards now')
    .argument('<key...>', 'of shards, as list-shards shows them')
    .action(async (keys: string[], options: CommonOptions) => {
      const watch = createJobWatch()
      await withExistingStore(options, terminal, (store) => forEachKey(keys, options, terminal, {
        done: 'initialized',
        watch,
        work: async (key) => {
          const before = await knownShard(store, key, terminal)
          const after = await store.dagstore.initialize(key, { signal: terminal.signal })
          const was = before.health === 'available'
          return { item: { initialized: !was, result: await shardResult(after) }, ...(was ? { said: 'initialized already:' } : {}) }
        },
      }), watch)
    })
}
