/**
 * Giving back the space of dead runs: one walk over all entries for all of them together, in pages. How far it came is
 * written down with what it removed, so that the next walk goes on there, also after a restart.
 */
import type { Change, Database } from './database.ts'
import { CURSOR_KEY, DEAD_RANGE, deadKey, decodeRuns, EMPTY, encodeRun, encodeRuns, ENTRY_RANGE, isRunKey, NEXT_RUN_KEY, runOf, WALK_KEY } from './keys.ts'
import { withPrefix } from './publish.ts'

const PAGE_KEYS = 1024
/** Removed in one write, or up to a page more: each is synced. */
const REMOVED_KEYS = 512
/** Keys that one iterator gives: it holds on to the state that it began with, and so to what was removed since. */
const STRETCH_KEYS = 65_536
/** Runs whose entries one walk removes: 1 MiB of numbers; the rest waits for the next walk. */
const MAX_RUNS = 262_144
const NONE = new Uint32Array(0)

export interface PurgeReport {
  readonly removedEntries: number
  /** Publishes, finished or not, whose entries are all gone now. */
  readonly removedRuns: number
}

export interface PurgeProgress {
  /** Live ones too. */
  readonly walkedEntries: number
  readonly removedEntries: number
}

export interface PurgeSubject {
  readonly db: Database
  /** Whether the run is being written. */
  readonly busy: (run: number) => boolean
  /** A run number above all that were given out. */
  readonly nextRun: () => number
  /** Called before each page; throws to stop. */
  readonly check: () => void
  /** Called behind each page, with the time to go on. */
  readonly pace: () => Promise<void>
  readonly onProgress: (progress: PurgeProgress) => void
}

/**
 * Remove the entries of all runs that are dead when this starts, then their records: first those that a walk before this one
 * had begun with. What a crash undoes is found again: a run's record goes last, and its number is not given out again.
 */
export const purgeDead = async (subject: PurgeSubject): Promise<PurgeReport> => {
  const total = { walkedEntries: 0, removedEntries: 0, removedRuns: 0 }
  const left = await unfinishedWalk(subject.db)
  if (left !== undefined) await walk(subject, left, total)
  for (let dead = await deadRuns(subject); dead.length > 0; dead = dead.length < MAX_RUNS ? NONE : await deadRuns(subject)) {
    await write(subject.db, [[WALK_KEY, encodeRuns(dead)], [CURSOR_KEY]])
    await walk(subject, { dead, after: undefined }, total)
  }
  return { removedEntries: total.removedEntries, removedRuns: total.removedRuns }
}

/** Entries that the next purge would remove, about. */
export const countDead = async ({ db, busy, check }: Pick<PurgeSubject, 'db' | 'busy' | 'check'>, countOf: (value: Uint8Array) => number): Promise<number> => {
  let count = 0
  for await (const page of db.pages(DEAD_RANGE, PAGE_KEYS)) {
    check()
    for (const [key, value] of page) if (isRunKey(key) && !busy(runOf(key))) count += countOf(value)
  }
  return count
}

interface Walk {
  /** Ascending. */
  readonly dead: Uint32Array
  /** The key up to which all is done. */
  readonly after: Uint8Array | undefined
}

/** Where it is not synced, what comes back is walked over again. */
const write = async (db: Database, changes: readonly (readonly [key: Uint8Array, value?: Uint8Array | undefined])[], sync: boolean = false): Promise<void> => {
  await db.write(changes.map(([key, value]): Change => {
    const full = withPrefix(db.prefix, key)
    return value === undefined ? { type: 'del', key: full } : { type: 'put', key: full, value }
  }), { sync })
}

const unfinishedWalk = async (db: Database): Promise<Walk | undefined> => {
  const dead = decodeRuns(await db.get(WALK_KEY) ?? EMPTY)
  return dead.length === 0 ? undefined : { dead, after: await db.get(CURSOR_KEY) }
}

const walk = async (subject: PurgeSubject, { dead, after }: Walk, total: { walkedEntries: number, removedEntries: number, removedRuns: number }): Promise<void> => {
  const { db } = subject
  let last = after
  for (;;) {
    const range = last === undefined ? ENTRY_RANGE : { gt: last, lt: ENTRY_RANGE.lt }
    let seen = 0
    let written = last
    let gone: Uint8Array[] = []
    /**
     * Entries go together with how far the walk came. Synced, as what is published is: an entry that came back when its run's
     * record is gone would be nobody's to remove.
     */
    const flush = async (): Promise<void> => {
      if (gone.length === 0) return
      await write(db, [...gone.map((key) => [key] as const), [CURSOR_KEY, written = last]], true)
      total.removedEntries += gone.length
      gone = []
    }
    for await (const keys of db.keys(range, PAGE_KEYS, { limit: STRETCH_KEYS })) {
      subject.check()
      for (const key of keys) if (holds(dead, runOf(key))) gone.push(key)
      last = keys.at(-1) as Uint8Array
      if (gone.length >= REMOVED_KEYS) await flush()
      seen += keys.length
      total.walkedEntries += keys.length
      subject.onProgress({ walkedEntries: total.walkedEntries, removedEntries: total.removedEntries + gone.length })
      await subject.pace()
    }
    await flush()
    if (seen < STRETCH_KEYS) break
    if (written !== last) await write(db, [[CURSOR_KEY, last]])
  }
  subject.check()
  // synced: no record of a run may be gone before it is sure that its number does not come back
  await db.write([{ type: 'put', key: withPrefix(db.prefix, NEXT_RUN_KEY), value: encodeRun(subject.nextRun()) }], { sync: true })
  for (let at = 0; at < dead.length; at += PAGE_KEYS) {
    subject.check()
    await write(db, Array.from(dead.subarray(at, at + PAGE_KEYS), (run) => [deadKey(run)] as const))
  }
  await write(db, [[WALK_KEY], [CURSOR_KEY]])
  total.removedRuns += dead.length
}

/** Ascending. */
const deadRuns = async ({ db, busy, check }: PurgeSubject): Promise<Uint32Array> => {
  const runs: number[] = []
  for await (const keys of db.keys(DEAD_RANGE, PAGE_KEYS)) {
    check()
    for (const key of keys) if (isRunKey(key) && !busy(runOf(key))) runs.push(runOf(key))
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
