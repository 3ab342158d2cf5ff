/// <reference lib="esnext.disposable" preserve="true" />
/** The top-level index in memory: for browsers, tests and stores that are made anew each time; some million entries. */
import { TopLevelIndexError } from './errors.ts'
import { checkLimit, DEFAULT_LIMIT, preferredFirst } from './find.ts'
import { inBatches } from './multihashes.ts'
import { shardNumber, type Candidates, type FindOptions, type ShardNumber, type TopLevelIndex } from './top-level-index.ts'

/** What one `publish` wrote. */
interface Run { readonly shard: ShardNumber, readonly entries: number, live: boolean }

/** An empty index. Keys are whole multihashes, so no candidate is false. A JavaScript Map holds 2^24 keys at most. */
export const createMemoryTopLevelIndex = (): TopLevelIndex => {
  const holders = new Map<string, Run[]>()
  const byShard = new Map<ShardNumber, Run>()
  const tries = new Set<{ readonly shard: ShardNumber, retired: boolean }>()
  const entries = { live: 0, dead: 0 }
  let closed = false
  const check = (): void => {
    if (closed) throw new TopLevelIndexError('TOP_LEVEL_INDEX_CLOSED', 'index is closed')
  }

  const bury = (run: Run | undefined): void => {
    if (run === undefined) return
    run.live = false
    byShard.delete(run.shard)
    entries.live -= run.entries
    entries.dead += run.entries
    buried++
    if (entries.dead > entries.live + 1024) sweep()
  }
  let buried = 0
  const sweep = (): { readonly removedEntries: number, readonly removedRuns: number } => {
    const report = { removedEntries: entries.dead, removedRuns: buried }
    for (const [key, runs] of holders) {
      const left = runs.filter(({ live }) => live)
      if (left.length === 0) holders.delete(key)
      else if (left.length < runs.length) holders.set(key, left)
    }
    entries.dead = 0
    buried = 0
    return report
  }

  const find = async (multihash: Uint8Array, { limit = DEFAULT_LIMIT, prefer = [], signal }: FindOptions = {}): Promise<Candidates> => {
    checkLimit(limit)
    signal?.throwIfAborted()
    check()
    const found = (holders.get(keyOf(multihash)) ?? []).filter(({ live }) => live).map(({ shard }) => shard)
    return { shards: preferredFirst(found, new Set(prefer)).slice(0, limit), more: found.length > limit }
  }
  const close = async (): Promise<void> => {
    closed = true
    holders.clear()
    byShard.clear()
  }

  return {
    find,
    findMany: async (multihashes, options) => Promise.all(multihashes.map((multihash) => find(multihash, options))),
    holds: async (shard, multihashes, { signal } = {}) => {
      shardNumber(shard)
      signal?.throwIfAborted()
      check()
      const run = byShard.get(shard)
      return multihashes.map((multihash) => run !== undefined && holders.get(keyOf(multihash))?.includes(run) === true)
    },
    publish: async (shard, multihashes, { signal } = {}) => {
      shardNumber(shard)
      signal?.throwIfAborted()
      check()
      const ours = { shard, retired: false }
      tries.add(ours)
      try {
        const keys = new Set<string>()
        for await (const some of inBatches(multihashes)) {
          signal?.throwIfAborted()
          check()
          for (const multihash of some) {
            if (multihash.byteLength === 0) throw new TypeError('a multihash is not empty')
            keys.add(keyOf(multihash))
          }
        }
        signal?.throwIfAborted()
        check()
        if (ours.retired) throw new TopLevelIndexError('TOP_LEVEL_INDEX_RETIRED', `shard was retired while it was published; shard=${shard}`)
        // from here on nothing waits, so nobody sees a part
        bury(byShard.get(shard))
        const run: Run = { shard, entries: keys.size, live: true }
        byShard.set(shard, run)
        entries.live += keys.size
        for (const key of keys) {
          const runs = holders.get(key)
          if (runs === undefined) holders.set(key, [run])
          else runs.push(run)
        }
        return { entryCount: keys.size }
      } finally {
        tries.delete(ours)
      }
    },
    published: async function * ({ signal } = {}) {
      signal?.throwIfAborted()
      check()
      const listed = Array.from(byShard.keys())
      for (const shard of listed) {
        yield shard
        signal?.throwIfAborted()
        check()
      }
    },
    retire: async (shard) => {
      shardNumber(shard)
      check()
      for (const run of tries) if (run.shard === shard) run.retired = true
      bury(byShard.get(shard))
    },
    purge: async ({ signal, onProgress = () => {} } = {}) => {
      signal?.throwIfAborted()
      check()
      const walkedEntries = entries.live + entries.dead
      const report = sweep()
      onProgress({ walkedEntries, removedEntries: report.removedEntries })
      return report
    },
    deadEntries: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      check()
      return entries.dead
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** One UTF-16 unit per byte. */
const keyOf = (multihash: Uint8Array): string => {
  let key = ''
  for (const byte of multihash) key += String.fromCharCode(byte)
  return key
}
