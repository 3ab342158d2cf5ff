/** `refresh`: shards whose source has changed, or has moved. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { createJobWatch } from './job-watch.ts'
import { forEachKey, isUrl, knownShard, shardResult } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface RefreshOptions extends CommonOptions { readonly mount?: string }

export const addRefreshCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('refresh')))
    .description('index shards anew whose files have changed; until that is done they stay as they were')
    .argument('<key...>', 'of shards, as list-shards shows them')
    .option('--mount <url>', 'of one shard: read it from here from now on')
    .action(async (keys: string[], { mount, ...options }: RefreshOptions) => {
      if (mount !== undefined && keys.length > 1) throw new CommandError('COMMAND_USAGE', '--mount goes with one key')
      if (mount !== undefined && !isUrl(mount)) {
        const { fileUrl } = await import('@dagstore/mounts') // loaded with the store
        throw new CommandError('COMMAND_USAGE', `not a URL: ${mount}${mount === '' ? '' : ` (of a file: ${fileUrl(resolve(terminal.cwd, mount))})`}`)
      }
      const watch = createJobWatch()
      await withExistingStore(options, terminal, (store) => forEachKey(keys, options, terminal, {
        done: 'refreshed',
        watch,
        work: async (key) => {
          const before = await knownShard(store, key, terminal)
          const after = await store.dagstore.refresh(key, { signal: terminal.signal, ...(mount === undefined ? {} : { mount }) })
          const changed = after.indexGeneration !== before.indexGeneration || after.mountUrl !== before.mountUrl
          return { item: { changed, result: await shardResult(after) }, ...(changed ? {} : { said: 'unchanged:' }) }
        },
      }), watch)
    })
}
