/** Writing one run: entries in batches, nothing read. */
import type { Change, Database } from './database.ts'
import { deadKey, EMPTY, encodeCount, entryKey, entryPart } from './keys.ts'

export const DEFAULT_BATCH_ENTRIES = 16_384

/** One try to publish a shard. */
export interface Try {
  readonly run: number
  readonly shard: number
  /** Entries taken in. */
  entries: number
  /** Entries that the database has: garbage, should the try fail. */
  written: number
  /** Set by `retire`: must not become live any more. */
  retired: boolean
}

/**
 * Write the entries of a run, all but the last batch of them, which is returned: it goes with the change that makes the run
 * live, so that a small shard is one batch. The first batch also says that the run is being written, so that a crash leaves
 * nothing that the next purge would not find.
 *
 * Every batch is synced: LevelDB syncs only the log that it writes to, and what stands unsynced in the log before that one
 * would not become durable with the run.
 *
 * @param batchEntries - most entries that are in memory
 * @param check - called before each batch; throws to stop
 */
export const writeEntries = async (db: Database, run: Try, multihashes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, batchEntries: number, check: () => void): Promise<Change[]> => {
  const dead = withPrefix(db.prefix, deadKey(run.run))
  let batch: Change[] = []
  let last: Uint8Array = EMPTY
  for await (const multihash of multihashes) {
    if (multihash.byteLength === 0) throw new TypeError('a multihash is not empty')
    const key = entryKey(entryPart(multihash), run.run, db.prefix)
    if (equal(key, last)) continue
    if (batch.length === batchEntries) {
      check()
      batch.push({ type: 'put', key: dead, value: encodeCount(run.entries) })
      await db.write(batch, { sync: true })
      batch = []
      run.written = run.entries
    }
    last = key
    batch.push({ type: 'put', key, value: EMPTY })
    run.entries++
  }
  return batch
}

export const withPrefix = (prefix: Uint8Array, key: Uint8Array): Uint8Array => {
  const full = new Uint8Array(prefix.byteLength + key.byteLength)
  full.set(prefix)
  full.set(key, prefix.byteLength)
  return full
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.byteLength !== b.byteLength) return false
  // the digest's end differs first, the run does not differ at all
  for (let at = a.byteLength - 5; at >= 0; at--) if (a[at] !== b[at]) return false
  return true
}
