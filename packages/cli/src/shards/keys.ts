/** Commands that do one thing to each of several shards. */
import type { ShardInfo } from '@dagstore/dagstore'
import { inBulk, inParallel } from '../bulk.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { codeOf, CommandError, explain } from '../failure.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import type { JobWatch } from './job-watch.ts'

export interface KeyWork {
  /** What is said of a shard once it is done: `recovered`. */
  readonly done: string
  /** Members of its JSON object besides `key` and `ok`; `said` takes the place of `done`. */
  work (key: string): Promise<{ readonly item?: object, readonly said?: string } | void>
  /** What the user may do about it. @default as {@link hintOf} */
  hint? (error: unknown, key: string): string | undefined
  /** Shows what the store's jobs do meanwhile. */
  readonly watch?: JobWatch
  /** At a time. @default 4 */
  readonly width?: number
}

const WIDTH = 4

/**
 * @param keys - doubled ones count once
 * @throws {CommandError} `COMMAND_FAILED_ITEMS`
 */
export const forEachKey = async (keys: readonly string[], options: CommonOptions, terminal: Terminal, how: KeyWork): Promise<void> => {
  const all = new Set(keys)
  await inBulk(terminal, options, async (bulk) => {
    how.watch?.show(bulk, all.size)
    await inParallel(all, how.width ?? WIDTH, async (key) => {
      try {
        const { item = {}, said = how.done } = await how.work(key) ?? {}
        await bulk.done({ key, ...item }, `${said} ${key}`)
      } catch (error) {
        terminal.signal.throwIfAborted()
        await bulk.fail({ key }, error, key, (how.hint ?? hintOf)(error, key))
      }
    })
  })
}

/** What to do about a shard's failure, as far as its code says it. */
export const hintOf = (error: unknown, key: string): string | undefined => {
  switch (codeOf(error)) {
    case 'DAGSTORE_SHARD_UNKNOWN': return 'dagstore list-shards lists those there are'
    case 'DAGSTORE_SHARD_EXISTS': return `to read it from elsewhere: dagstore refresh --mount URL ${argument(key)}`
    case 'DAGSTORE_SHARD_ERRORED': return `once the cause is gone: dagstore recover-shard ${argument(key)}`
    default: return undefined
  }
}

/** @throws {DagstoreError} `DAGSTORE_SHARD_UNKNOWN` */
export const knownShard = async ({ dagstore }: Pick<ShardBackend, 'dagstore'>, key: string, { signal }: Terminal): Promise<ShardInfo> => {
  const info = await dagstore.shard(key, { signal })
  if (info !== undefined) return info
  const { DagstoreError } = await import('@dagstore/dagstore') // loaded with the store
  throw new DagstoreError('DAGSTORE_SHARD_UNKNOWN', 'no such shard', { key })
}

/** A shard as the calls that answer with one give it. */
export const shardResult = async (info: ShardInfo): Promise<object> => (await import('@dagstore/rpc/wire')).shardOf(info, true) // loaded when needed

/** Of what may be a path that was meant to be one. */
export const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]+:/i.test(text)

/** As a shell takes it for one word. */
export const quoted = (text: string): string => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** A key as the last word of a command line. */
export const argument = (key: string): string => key.startsWith('-') ? `-- ${quoted(key)}` : quoted(key)

/** The work on one shard whose failure is the command's. */
export const aboutKey = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    const hint = hintOf(cause, key)
    throw new CommandError('COMMAND_REFUSED', `${explain(cause, key)}${hint === undefined ? '' : `; ${hint}`}`, { cause })
  }
}
