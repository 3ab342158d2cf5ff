/** Who may hold a multihash: one range of keys, cut at a limit. */
import type { Database } from './database.ts'
import { entryKey, entryPart, decodeRun, runOf, shardKey } from './keys.ts'
import type { LiveRuns } from './live-runs.ts'
import type { Candidates, FindOptions, ShardNumber } from './top-level-index.ts'

export const DEFAULT_LIMIT = 16

/** @throws {RangeError} `limit` is not a whole number from 1 */
export const checkLimit = (limit: number): void => {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`limit out of range; got=${limit}`)
}

export const findCandidates = async (db: Database, live: LiveRuns, multihash: Uint8Array, options: FindOptions): Promise<Candidates> => {
  const { limit = DEFAULT_LIMIT, prefer = [], signal } = options
  const part = entryPart(multihash)
  const found = await scan(db, live, part, limit + 1, signal)
  if (found.length <= limit) return { shards: preferredFirst(found, new Set(prefer)), more: false }
  // a hot key: those preferred may stand behind the cut
  const preferred = await holders(db, part, [...new Set(prefer)].slice(0, limit))
  const listed = new Set(preferred)
  return { shards: [...preferred, ...found.filter((shard) => !listed.has(shard))].slice(0, limit), more: true }
}

/** The first `most` live shards, in the order of their runs. */
const scan = async (db: Database, live: LiveRuns, part: Uint8Array, most: number, signal: AbortSignal | undefined): Promise<ShardNumber[]> => {
  const found: ShardNumber[] = []
  const range = { gte: entryKey(part, 0), lte: entryKey(part, 0xffffffff) }
  for await (const keys of db.keys(range, Math.min(most, 1024))) {
    signal?.throwIfAborted()
    for (const key of keys) {
      // longer keys belong to other bytes that begin alike, which only non-multihashes do
      if (key.byteLength !== range.gte.byteLength) continue
      const answer = live.shardOf(runOf(key))
      const shard = answer instanceof Promise ? await answer : answer
      if (shard === undefined) continue
      found.push(shard as ShardNumber)
      if (found.length === most) return found
    }
  }
  return found
}

/** Those of `shards` that are preferred, in the order of preference, then the others. */
export const preferredFirst = (shards: readonly ShardNumber[], prefer: ReadonlySet<ShardNumber>): ShardNumber[] => {
  if (prefer.size === 0 || shards.length < 2) return [...shards]
  const held = new Set(shards)
  return [...[...prefer].filter((shard) => held.has(shard)), ...shards.filter((shard) => !prefer.has(shard))]
}

/** Those of `shards` that hold the key, in their order. */
const holders = async (db: Database, part: Uint8Array, shards: readonly ShardNumber[]): Promise<ShardNumber[]> => {
  const runs = await Promise.all(shards.map(async (shard) => {
    const value = await db.get(shardKey(shard))
    return value === undefined ? undefined : decodeRun(value)
  }))
  const known = shards.flatMap((shard, at) => {
    const run = runs[at]
    return run === undefined ? [] : [{ shard, key: entryKey(part, run) }]
  })
  const held = await db.has(known.map(({ key }) => key))
  return known.filter((_, at) => held[at]).map(({ shard }) => shard)
}
