/** `initialize-shard`, `initialize-all`: fetch and index now what would be at its first read. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { inBulk, inParallel } from '../bulk.ts'
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
          await initialize(store, before, terminal)
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
const initializeAll = async (store: ShardStore, options: InitializeAllOptions, terminal: Terminal, watch: JobWatch): Promise<void> => {
  const { signal } = terminal
  let total = 0
  for await (const _ of store.dagstore.shards({ health: 'new', signal })) total++
  await inBulk(terminal, options, async (bulk) => {
    watch.show(bulk, total)
    if (total === 0) terminal.stderr('no shard is waiting to be indexed\n')
    await inParallel(store.dagstore.shards({ health: 'new', signal }), options.concurrency, async (info) => {
      const { key } = info
      try {
        await initialize(store, info, terminal)
        await bulk.done({ key }, `(${bulk.succeeded + bulk.failed + 1}/${total}) ${key} SUCCESS`)
      } catch (error) {
        signal.throwIfAborted()
        await bulk.fail({ key }, error, `(${bulk.succeeded + bulk.failed + 1}/${total}) ${key} ERROR`, hintOf(error, key))
      }
    })
    return { total }
  })
}

const initialize = async ({ dagstore }: ShardStore, { key, mountUrl }: Pick<ShardInfo, 'key' | 'mountUrl'>, { signal }: Terminal): Promise<void> => {
  await dagstore.register(key, mountUrl, { indexing: 'eager', signal })
}
