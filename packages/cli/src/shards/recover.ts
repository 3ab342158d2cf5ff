/** `recover-shard`: fetch and index errored shards anew. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { inBulk, inParallel } from '../bulk.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { codeOf, CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { createJobWatch, type JobWatch } from './job-watch.ts'
import { forEachKey, knownShard } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface RecoverOptions extends CommonOptions {
  readonly all?: boolean
  readonly code?: string
}

/** At a time; the store builds as many of them as its own limit says. */
const WIDTH = 4

export const addRecoverShardCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('recover-shard')))
    .description('fetch and index errored shards anew')
    .argument('[key...]', 'of shards, as list-shards shows them; of those that wait for it the piece is unsealed')
    .option('--all', 'every errored shard')
    .option('--code <code>', 'with --all: only those that failed with this code, as MOUNT_MISSING')
    .action(async (keys: string[], options: RecoverOptions) => {
      if ((options.all === true) === keys.length > 0) throw new CommandError('COMMAND_USAGE', 'name shards, or say --all')
      if (options.code !== undefined && options.all !== true) throw new CommandError('COMMAND_USAGE', '--code goes with --all')
      const watch = createJobWatch()
      await withExistingStore(options, terminal, async (store) => {
        if (options.all === true) await recoverAll(store, options, terminal, watch)
        else await forEachKey(keys, options, terminal, { done: 'recovered', watch, hint: notErroredHint, work: (key) => recover(store, key, terminal).then(() => ({ item: { result: null } })) })
      }, watch)
    })
}

/** What the store tries again by itself, since it was opened, is waited for. @param wasErrored - it was when it was listed, so that it may have been done since */
const recover = async (store: ShardBackend, key: string, terminal: Terminal, wasErrored: boolean = false): Promise<void> => {
  const { dagstore } = store
  const { signal } = terminal
  await knownShard(store, key, terminal)
  try {
    await dagstore.recover(key, { signal })
  } catch (error) {
    const health = codeOf(error) === 'DAGSTORE_NOT_ERRORED' ? (await dagstore.shard(key, { signal }))?.health : undefined
    if (health !== 'initializing' && health !== 'recovering' && !(wasErrored && health === 'available')) throw error
    await dagstore.initialize(key, { signal })
  }
}

const notErroredHint = (error: unknown): string | undefined => codeOf(error) === 'DAGSTORE_NOT_ERRORED' ? 'nothing to recover from' : undefined

const recoverAll = async (store: ShardBackend, options: RecoverOptions, terminal: Terminal, watch: JobWatch): Promise<void> => {
  const { signal } = terminal
  const { code } = options
  await inBulk(terminal, options, async (bulk) => {
    // what fails again is errored again, behind or before the place that is read: each is tried once
    const tried = new Set<string>()
    watch.show(bulk)
    await inParallel(errored(store.dagstore.shards({ health: 'errored', signal }), code), WIDTH, async ({ key }) => {
      if (tried.has(key)) return
      tried.add(key)
      try {
        await recover(store, key, terminal, true)
        await bulk.done({ key, result: null }, `recovered ${key}`)
      } catch (error) {
        signal.throwIfAborted()
        await bulk.fail({ key }, error, key, notErroredHint(error))
      }
    })
    if (tried.size === 0) terminal.stderr(code === undefined ? 'no shard is errored\n' : `no shard is errored with ${code}\n`)
  })
}

const errored = async function * (shards: AsyncIterable<ShardInfo>, code: string | undefined): AsyncGenerator<ShardInfo, void, undefined> {
  for await (const info of shards) if (code === undefined || info.error?.code === code) yield info
}
