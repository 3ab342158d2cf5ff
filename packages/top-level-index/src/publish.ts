/** Writing one run: entries in batches, nothing read. */
import type { Batch, Database } from './database.ts'
import { EntryKeys } from './entry-keys.ts'
import { deadKey, encodeCount, PRESENT } from './keys.ts'
import { inBatches, type Multihashes } from './multihashes.ts'

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
 * live, so that a small shard is one batch. Each batch also says that the run is being written, so that a crash leaves nothing
 * that the next purge would not find. One batch is filled while the one before it is written; never are two written at once.
 *
 * Every batch is synced: LevelDB syncs only the log that it writes to, and what stands unsynced in the log before that one
 * would not become durable with the run.
 *
 * @param batchEntries - most entries of a batch
 * @param check - called before each batch; throws to stop
 */
export const writeEntries = async (db: Database, run: Try, multihashes: Multihashes, batchEntries: number, check: () => void): Promise<Batch> => {
  const dead = withPrefix(db.prefix, deadKey(run.run))
  const keys = new EntryKeys(run.run, db.prefix)
  let batch = db.batch()
  let filled = 0
  let writing: Promise<Outcome> = Promise.resolve({})
  try {
    for await (const some of inBatches(multihashes)) {
      for (const multihash of some) {
        if (multihash.byteLength === 0) throw new TypeError('a multihash is not empty')
        const key = keys.next(multihash)
        if (key === undefined) continue
        if (filled === batchEntries) {
          check()
          batch.put(dead, encodeCount(run.entries))
          await settled(writing)
          run.written = run.entries
          writing = outcome(batch.write({ sync: true }))
          batch = db.batch()
          filled = 0
        }
        batch.put(key, PRESENT)
        filled++
        run.entries++
      }
    }
    await settled(writing)
    return batch
  } catch (error) {
    await Promise.all([writing, batch.drop()])
    throw error
  }
}

interface Outcome { readonly error?: unknown }

/** Never rejects: whoever settles it gets the error. */
const outcome = (work: Promise<void>): Promise<Outcome> => work.then(() => ({}), (error: unknown) => ({ error }))

const settled = async (work: Promise<Outcome>): Promise<void> => {
  const { error } = await work
  if (error !== undefined) throw error
}

export const withPrefix = (prefix: Uint8Array, key: Uint8Array): Uint8Array => {
  const full = new Uint8Array(prefix.byteLength + key.byteLength)
  full.set(prefix)
  full.set(key, prefix.byteLength)
  return full
}

