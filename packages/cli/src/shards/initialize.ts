/** `initialize-shard`, `initialize-all`: fetch and index now what would be at its first read. */
import type { Command } from 'commander'
import { inBulk } from '../bulk.ts'
import type { ShardStore } from '../compose.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { createJobWatch, type JobWatch } from './job-watch.ts'
import { forEachKey, hintOf, knownShard } from './keys.ts'
import { positiveNumber } from './numbers.ts'
import { addRootOption, withExistingStore } from './store.ts'

export const addInitializeShardCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('initialize-shard')))
    .description('fetch and index shards now')
    .argument('<key...>')
    .action(async (keys: string[], options: CommonOptions) => {
      const watch = createJobWatch()
      await withExistingStore(options, terminal, (store) => forEachKey(keys, options, terminal, {
        done: 'initialized',
        watch,
        work: async (key) => {
          const before = await knownShard(store, key, terminal)
          await store.dagstore.initialize(key, { signal: terminal.signal })
          return before.health === 'available' ? { item: { initialized: false }, said: 'initialized already:' } : { item: { initialized: true } }
        },
      }), watch)
    })
}

interface InitializeAllOptions extends CommonOptions { readonly concurrency: number }

export const addInitializeAllCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('initialize-all')))
    .description('fetch and index every shard that is not indexed yet')
    .option('--concurrency <n>', 'shards at a time', positiveNumber, 2)
    .action(async (options: InitializeAllOptions) => {
      const watch = createJobWatch()
      await withExistingStore(options, terminal, (store) => initializeAll(store, options, terminal, watch), watch)
    })
}

/** Lines as of Lotus's command: `(3/12) KEY SUCCESS`. */
const initializeAll = async ({ dagstore }: ShardStore, { concurrency, ...options }: InitializeAllOptions, terminal: Terminal, watch: JobWatch): Promise<void> => {
  await inBulk(terminal, options, async (bulk) => {
    let shards = 0
    watch.show(bulk)
    for await (const { key, ok, error, index, total } of dagstore.initializeAll({ concurrency, signal: terminal.signal })) {
      shards = total
      watch.show(bulk, total)
      if (ok) await bulk.done({ key }, `(${index}/${total}) ${key} SUCCESS`)
      else await bulk.fail({ key }, error, `(${index}/${total}) ${key} ERROR`, hintOf(error, key))
    }
    if (shards === 0) terminal.stderr('no shard is waiting to be indexed\n')
    return { total: shards }
  })
}
