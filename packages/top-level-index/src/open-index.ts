/** Opening the top-level index of a database: its version, its totals, the first free run number. */
import type { AnyLevel } from '@dagstore/io'
import { type Change, type Database, openDatabase } from './database.ts'
import { TopLevelIndexError } from './errors.ts'
import { DEAD_RANGE, decodeCount, decodeRun, EMPTY, isRunKey, LIVE_RANGE, NEXT_RUN_KEY, runOf, TOTALS_KEY, VERSION, VERSION_KEY } from './keys.ts'
import { LevelTopLevelIndex, type TopLevelIndexOptions } from './level-index.ts'
import { DEFAULT_BATCH_ENTRIES, withPrefix } from './publish.ts'
import { DEFAULT_PURGE_SHARE } from './purger.ts'

/**
 * Open the index that lies in the sublevel `tli` of `db`, or an empty one. `db` is open, and stays the caller's; one index at
 * a time may be open on it.
 *
 * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_BAD_FORMAT`: made by a later version. `TOP_LEVEL_INDEX_DAMAGED`: nobody can say by
 *   which; {@link clearTopLevelIndex} makes room for a new one. `TOP_LEVEL_INDEX_FAILED`
 * @throws {RangeError} `batchEntries` is not a whole number from 1, `purgeShare` not above 0 and at most 1
 */
export const openTopLevelIndex = async (db: AnyLevel, options: TopLevelIndexOptions = {}): Promise<LevelTopLevelIndex> => {
  const { batchEntries = DEFAULT_BATCH_ENTRIES, purgeShare = DEFAULT_PURGE_SHARE } = options
  if (!(purgeShare > 0 && purgeShare <= 1)) throw new RangeError(`share out of range; got=${purgeShare}`)
  if (!Number.isSafeInteger(batchEntries) || batchEntries < 1) throw new RangeError(`batch size out of range; got=${batchEntries}`)
  const database = await openDatabase(db, 'tli')
  const version = await database.get(VERSION_KEY)
  if (version === undefined) await database.write([{ type: 'put', key: withPrefix(database.prefix, VERSION_KEY), value: Uint8Array.of(VERSION) }], { sync: true })
  else if (version.byteLength !== 1 || version[0] === 0) throw new TopLevelIndexError('TOP_LEVEL_INDEX_DAMAGED', `version cannot be read; bytes=${version.byteLength}`)
  else if (version[0] !== VERSION) {
    throw new TopLevelIndexError('TOP_LEVEL_INDEX_BAD_FORMAT', `top-level index was written by a later version of this package, which is needed to open it; supported=${VERSION} found=${version[0]}`)
  }
  const liveEntries = decodeCount(await database.get(TOTALS_KEY) ?? EMPTY) ?? 0
  // all that were given out have a row, or had one when a purge wrote down where to go on
  const noted = decodeRun(await database.get(NEXT_RUN_KEY) ?? EMPTY) ?? 0
  const nextRun = Math.max(noted, 1 + await lastRun(database, LIVE_RANGE), 1 + await lastRun(database, DEAD_RANGE))
  return new LevelTopLevelIndex(database, { nextRun, liveEntries }, options)
}

/**
 * Remove an index that cannot be opened, whatever it holds, for who can publish all of it anew. None is open on `db`. Cut off,
 * it is damaged as before.
 *
 * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_FAILED`
 */
export const clearTopLevelIndex = async (db: AnyLevel): Promise<void> => {
  const database = await openDatabase(db, 'tli')
  const write = async (keys: readonly Uint8Array[]): Promise<void> => {
    await database.write(keys.map((key): Change => ({ type: 'del', key: withPrefix(database.prefix, key) })), { sync: true })
  }
  for (let after: Uint8Array | undefined; ;) {
    const found: Uint8Array[] = []
    for await (const keys of database.keys(after === undefined ? {} : { gt: after }, CLEARED_AT_A_TIME, { limit: CLEARED_AT_A_TIME })) found.push(...keys)
    after = found.at(-1)
    if (after === undefined) break
    await write(found.filter((key) => !isVersionKey(key)))
  }
  // last: what is left of one that was cut off must not be taken for an index
  await write([VERSION_KEY])
}

const CLEARED_AT_A_TIME = 16_384

const isVersionKey = (key: Uint8Array): boolean => key.byteLength === 1 && key[0] === VERSION_KEY[0]

const lastRun = async (db: Database, range: typeof LIVE_RANGE): Promise<number> => {
  for await (const keys of db.pages(range, 1, { reverse: true })) {
    for (const [key] of keys) if (isRunKey(key)) return runOf(key)
  }
  return -1
}
