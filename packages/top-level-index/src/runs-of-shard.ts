/** The live runs of one shard: one at most, unless rows are damaged. */
import type { Database } from './database.ts'
import { decodeLive, decodeRun, isRunKey, LIVE_RANGE, liveKey, runOf, shardKey } from './keys.ts'

export interface Run { readonly run: number, readonly entries: number }

/** `undefined` when nothing of the shard is published. Where its own row and that of the run disagree, all rows are looked at. */
export const liveRunsOf = async (db: Database, shard: number): Promise<readonly Run[] | undefined> => {
  const value = await db.get(shardKey(shard))
  if (value === undefined) return undefined
  const run = decodeRun(value)
  const row = run === undefined ? undefined : await db.get(liveKey(run))
  const live = row === undefined ? undefined : decodeLive(row)
  if (run !== undefined && live?.shard === shard) return [{ run, entries: live.entries }]
  // a run whose own row is spoilt is nobody's: if the shard's row names it, it goes too
  return allRunsOf(db, shard, row === undefined ? undefined : run)
}

const allRunsOf = async (db: Database, shard: number, named: number | undefined): Promise<Run[]> => {
  const runs: Run[] = []
  for await (const page of db.pages(LIVE_RANGE, 1024)) {
    for (const [key, value] of page) {
      if (!isRunKey(key)) continue
      const run = runOf(key)
      const live = decodeLive(value)
      if (live === undefined ? run === named : live.shard === shard) runs.push({ run, entries: live?.entries ?? 0 })
    }
  }
  return runs
}
