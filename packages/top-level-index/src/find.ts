/** Who may hold a multihash: one range of keys, cut at a limit. */
import type { Database } from './database.ts'
import { TopLevelIndexError } from './errors.ts'
import { entryKey, entryPart, decodeRun, runOf, shardKey } from './keys.ts'
import { DAMAGED, type LiveRuns } from './live-runs.ts'
import { liveRunsOf } from './runs-of-shard.ts'
import type { Candidates, FindOptions, ShardNumber } from './top-level-index.ts'

export const DEFAULT_LIMIT = 16

/** @throws {RangeError} `limit` is not a whole number from 1 */
export const checkLimit = (limit: number): void => {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`limit out of range; got=${limit}`)
}

export interface FindSubject {
  readonly db: Database
  readonly live: LiveRuns
  /** Whether the run is being written. */
  readonly busy: (run: number) => boolean
  /** Given the entries of dead runs that were met on the way. */
  readonly onDead: (keys: readonly Uint8Array[]) => void
}

/** @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_DAMAGED`, `TOP_LEVEL_INDEX_FAILED` */
export const findCandidates = async (subject: FindSubject, multihash: Uint8Array, options: FindOptions): Promise<Candidates> => {
  const { limit = DEFAULT_LIMIT, prefer = [], signal } = options
  const part = entryPart(multihash)
  const { shards: found, damaged } = await scan(subject, part, limit + 1, signal)
  if (found.length === 0 && damaged !== undefined) {
    throw new TopLevelIndexError('TOP_LEVEL_INDEX_DAMAGED', `a shard holds the block, and which one cannot be read; run=${damaged}`)
  }
  if (found.length <= limit) return { shards: preferredFirst(found, new Set(prefer)), more: damaged !== undefined }
  // a hot key: those preferred may stand behind the cut
  const preferred = await holders(subject.db, part, [...new Set(prefer)].slice(0, limit))
  const listed = new Set(preferred)
  return { shards: [...preferred, ...found.filter((shard) => !listed.has(shard))].slice(0, limit), more: true }
}

interface Scanned {
  readonly shards: readonly ShardNumber[]
  /** A run of which nobody knows the shard. */
  readonly damaged: number | undefined
}

/** The first `most` live shards, in the order of their runs. */
const scan = async ({ db, live, busy, onDead }: FindSubject, part: Uint8Array, most: number, signal: AbortSignal | undefined): Promise<Scanned> => {
  const shards: ShardNumber[] = []
  let damaged: number | undefined
  const range = { gte: entryKey(part, 0), lte: entryKey(part, 0xffffffff) }
  for await (const keys of db.keys(range, Math.min(most, 1024))) {
    signal?.throwIfAborted()
    const dead: Uint8Array[] = []
    for (const key of keys) {
      // longer keys belong to other bytes that begin alike, which only non-multihashes do
      if (key.byteLength !== range.gte.byteLength) continue
      const run = runOf(key)
      // asked first: what is not being written now, and not live after that, never will be
      const writing = busy(run)
      const answer = live.shardOf(run)
      const shard = answer instanceof Promise ? await answer : answer
      if (shard === DAMAGED) damaged = run
      else if (shard !== undefined) shards.push(shard as ShardNumber)
      else if (!writing) dead.push(key)
      if (shards.length === most) break
    }
    if (dead.length > 0) onDead(dead)
    if (shards.length === most) break
  }
  return { shards, damaged }
}

/** Whether the shard is published for each of the multihashes. */
export const holdsEach = async (db: Database, shard: ShardNumber, multihashes: readonly Uint8Array[]): Promise<readonly boolean[]> => {
  const held = multihashes.map(() => false)
  // one, unless rows are damaged
  for (const { run } of await liveRunsOf(db, shard) ?? []) {
    const answers = await db.has(multihashes.map((multihash) => entryKey(entryPart(multihash), run)))
    for (const [at, answer] of answers.entries()) if (answer) held[at] = true
  }
  return held
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
