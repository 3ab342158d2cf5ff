/** Indexing a shard for as long as somebody waits for it. */
import type { Dagstore, ShardInfo } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'

/**
 * As `Dagstore.initialize`, but what is under way ends when all who wait for it have left. By a lease that is given back at once, as Lotus
 * does it: work for a lease ends with whoever asked for it, work that was asked for by itself goes on.
 *
 * @throws as `Dagstore.acquire`, and `Dagstore.initialize`
 */
export const indexShard = async (dagstore: Pick<Dagstore, 'acquire' | 'initialize' | 'shard'>, key: string, options: CallOptions): Promise<ShardInfo> => {
  const info = await dagstore.shard(key, options)
  if (info?.health === 'new' || info?.health === 'initializing') {
    const lease = await dagstore.acquire(key, { ...options, priority: 'background' })
    await lease.close()
  }
  // an index that lies in the bytes is good enough for a lease: one of ours takes its place now
  return dagstore.initialize(key, options)
}
