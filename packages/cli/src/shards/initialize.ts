/** `initialize-shard`, `initialize-all`: fetch and index now what would be at its first read. */
import type { Command } from 'commander'
import { type Bulk, inBulk } from '../bulk.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
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

interface InitializeAllOptions extends CommonOptions { readonly concurrency?: number, readonly rebuild?: boolean }

export const addInitializeAllCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('initialize-all')))
    .description('fetch and index every shard that is not indexed yet')
    .option('--rebuild', 'before, write the index of all shards anew from the indices of each: when it was damaged, or lost')
    .option('--concurrency <n>', 'shards at a time', positiveNumber)
    .action(async (options: InitializeAllOptions) => {
      const watch = createJobWatch()
      await withExistingStore(options, terminal, (store) => initializeAll(store, options, terminal, watch), watch)
    })
}

/** Lines as of Lotus's command: `(3/12) KEY SUCCESS`. */
const initializeAll = async ({ dagstore }: ShardBackend, { concurrency, rebuild, ...options }: InitializeAllOptions, terminal: Terminal, watch: JobWatch): Promise<void> => {
  await inBulk(terminal, options, async (bulk) => {
    let shards = 0
    const rebuilt = rebuild === true ? await rebuildIndex(dagstore, bulk, terminal) : {}
    watch.show(bulk)
    for await (const { key, ok, error, index, total } of dagstore.initializeAll({ signal: terminal.signal, ...(concurrency === undefined ? {} : { concurrency }) })) {
      shards = total
      watch.show(bulk, total)
      if (ok) await bulk.done({ key }, `(${index}/${total}) ${key} SUCCESS`)
      else await bulk.fail({ key }, error, `(${index}/${total}) ${key} ERROR`, hintOf(error, key), [key])
    }
    if (shards === 0) terminal.stderr('no shard is waiting to be indexed\n')
    return { total: shards, ...rebuilt }
  })
}

/** Shards whose own index is lost or damaged are among those that are indexed afterwards. */
const rebuildIndex = async (dagstore: ShardBackend['dagstore'], bulk: Bulk, { signal }: Terminal): Promise<object> => {
  const { shards, entries, failures } = await dagstore.rebuildTopLevelIndex({
    signal, onProgress: ({ done, total }) => { bulk.status.show(() => `  rebuild   ${done} of ${count(total ?? done, 'shard')} …`) },
  })
  const lost = failures.length === 0 ? '' : `; ${count(failures.length, 'shard')} without a whole index of ${failures.length === 1 ? 'its' : 'their'} own`
  await bulk.say(`rebuilt: ${count(entries, 'entry').replace(/entrys$/, 'entries')} of ${count(shards, 'shard')}${lost}`)
  return { rebuilt: { shards, entries, lost: failures.map(({ key }) => key) } }
}
