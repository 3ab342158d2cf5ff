/** Giving back the space of dead runs: one walk over all entries, whatever their number. */
import type { Change, Database } from './database.ts'
import { DEAD_RANGE, deadKey, ENTRY_RANGE, runOf } from './keys.ts'
import { withPrefix } from './publish.ts'

const PAGE_KEYS = 1024
/** Runs whose entries one walk removes: 4 MiB of numbers; the rest waits for the next walk. */
const MAX_RUNS = 1_048_576

export interface PurgeReport {
  readonly removedEntries: number
  readonly removedRuns: number
}

/**
 * Remove the entries of all runs that are dead when this starts, then their records. Nothing of it is synced: what a crash
 * undoes is found again. A run number is free for use only once its record is gone, which comes last.
 *
 * @param busy - runs that are being written
 * @param check - called before each page; throws to stop
 */
export const purgeDead = async (db: Database, busy: (run: number) => boolean, check: () => void): Promise<PurgeReport> => {
  const dead = await deadRuns(db, busy, check)
  let removedEntries = 0
  if (dead.length === 0) return { removedEntries, removedRuns: 0 }
  for await (const keys of db.keys(ENTRY_RANGE, PAGE_KEYS)) {
    check()
    const gone: Change[] = keys.filter((key) => holds(dead, runOf(key))).map((key) => ({ type: 'del', key: withPrefix(db.prefix, key) }))
    if (gone.length > 0) await db.write(gone, { sync: false })
    removedEntries += gone.length
  }
  for (let at = 0; at < dead.length; at += PAGE_KEYS) {
    check()
    await db.write(Array.from(dead.subarray(at, at + PAGE_KEYS), (run) => ({ type: 'del' as const, key: withPrefix(db.prefix, deadKey(run)) })), { sync: false })
  }
  return { removedEntries, removedRuns: dead.length }
}

/** Ascending. */
const deadRuns = async (db: Database, busy: (run: number) => boolean, check: () => void): Promise<Uint32Array> => {
  const runs: number[] = []
  for await (const keys of db.keys(DEAD_RANGE, PAGE_KEYS)) {
    check()
    for (const key of keys) if (!busy(runOf(key))) runs.push(runOf(key))
    if (runs.length >= MAX_RUNS) break
  }
  return Uint32Array.from(runs)
}

const holds = (sorted: Uint32Array, run: number): boolean => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < run) low = middle + 1
    else high = middle
  }
  return sorted[low] === run
}
