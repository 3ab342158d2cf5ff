/** The operations on many shards. */
import type { CallOptions, Directory } from '@dagstore/io'
import { type AdoptIndexOutcome, adoptIndices, type AdoptIndicesOptions } from './adopt-indices.ts'
import { gc, type GcOptions, type GcReport } from './gc.ts'
import { type ExportIndexOutcome, exportIndices } from './export-indices.ts'
import { exportShards } from './export-shards.ts'
import { type ImportOutcome, importShards } from './import-shards.ts'
import { initializeAll, type InitializeAllOptions, type InitializeOutcome } from './initialize-all.ts'
import type { BulkOptions, BulkParts } from './parts.ts'
import { Rebuild, type RebuildNote, type RebuildReport } from './rebuild-top-level-index.ts'
import { registerMany, type RegisterItem, type RegisterOutcome } from './register-many.ts'

/** What a store does with many shards; the rules of single calls hold. A generator does nothing before it is iterated. */
export interface BulkOperations {
  /**
   * Register shards, lazy ones 256 to a write; an outcome, once it is yielded, is durable. Outcomes come in the order of the
   * items, errors of one item in its outcome. Nothing is asked of `items` while nobody asks for an outcome; of a source that
   * is faster, 256 items are in memory. Repeating it, whole or in part, changes nothing: that is how one that was cut off goes on.
   *
   * @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`; what `items` throws passes through
   */
  registerMany(items: Iterable<RegisterItem> | AsyncIterable<RegisterItem>, options?: BulkOptions): AsyncGenerator<RegisterOutcome, void, undefined>
  /**
   * Fetch and index shards, a few at a time; an outcome for each as it ends. One that fails stops no other. No new one starts
   * while nobody asks for an outcome. Leaving the iteration starts no more; builds under way go on. Keys are kept in memory.
   *
   * @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`
   * @throws {RangeError} `concurrency`
   */
  initializeAll(options?: InitializeAllOptions): AsyncGenerator<InitializeOutcome, void, undefined>
  /**
   * Delete what nothing needs: copies that nobody reads, what replaced indices left, files of ours that no record names, and
   * entries of the top-level index that are retired, or under a number that nobody knows. What leases use stays, and so does
   * every file that is not ours. While a record cannot be read, nothing counts as an orphan. The store serves meanwhile; who
   * leaves has lost nothing: the next one goes on.
   *
   * @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`
   */
  gc(options?: GcOptions): Promise<GcReport>
  /**
   * What a store needs to be made again elsewhere: keys and mount URLs, as lines of JSON (`docs/formats/shards.md`), by key.
   * Shards that come or go meanwhile may be listed or not. Indices are not part of it: `exportIndices`, or they are built anew.
   */
  exportShards(options?: CallOptions): AsyncGenerator<Uint8Array, void, undefined>
  /**
   * Register what an export lists, as `registerMany` does; an outcome for each line, errors with its number. Repeating it
   * changes nothing. A line that is missing, or an end that is, is an outcome too.
   *
   * @throws {DagstoreError} `DAGSTORE_BAD_EXPORT`: the first line says that it is none. `DAGSTORE_BAD_FORMAT`: of a later version.
   *   `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`; what `chunks` throws passes through
   */
  importShards(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options?: BulkOptions): AsyncGenerator<ImportOutcome, void, undefined>
  /**
   * Write the top-level index anew from the index files of the shards, without their data: after it was emptied or damaged.
   * Misses meanwhile say that shards are unindexed, `find` knows only what is done. The work belongs to the store: a caller who
   * leaves ends nothing, a second one joins, and what is cut off goes on at the next start. A shard whose index file is lost or
   * damaged counts as unindexed, and is indexed by whoever acquires it next.
   *
   * @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`
   * @throws {TopLevelIndexError}
   */
  rebuildTopLevelIndex(options?: BulkOptions): Promise<RebuildReport>
  /**
   * Write the index of each shard that has one into a folder as the Go DAG store keeps it: `<key>.full.idx`, the standard bytes,
   * checked on the way, and `.version`. What is there under the same name is replaced. A key that is no file name there is an
   * outcome with `DAGSTORE_BAD_KEY`.
   *
   * @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: the folder is of another version. `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`
   * @throws {IoError} `.version` can not be read or written
   */
  exportIndices(directory: Directory, options?: BulkOptions): AsyncGenerator<ExportIndexOutcome, void, undefined>
  /**
   * Take over the indices of a folder as the Go DAG store keeps it, for registered shards that were never indexed: they can be
   * read at once, without a scan of their data. What such an index finds is compared with its section, and what it does not
   * list is no proof of absence: a miss waits for a scan, and the shard counts as unindexed. The first lease has an index of ours
   * built behind it, which takes its place. An index of codec 0x0400 has no multihashes, so `find` does not know the shard before
   * that. An outcome for each file; the folder is only read.
   *
   * @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: the folder is of another version. `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`
   * @throws {IoError} the folder can not be read
   */
  adoptIndices(directory: Directory, options?: AdoptIndicesOptions): AsyncGenerator<AdoptIndexOutcome, void, undefined>
}

/** The operations, and what goes on in the background. */
export interface Bulk extends BulkOperations {
  /** Shards whose blocks may be missing in the top-level index although they have an index. */
  readonly unlisted: number
  /** Finish what an earlier process began. */
  goOn(): Promise<void>
}

export const createBulk = (parts: BulkParts, note: RebuildNote | undefined): Bulk => {
  const rebuild = new Rebuild(parts, note)
  return {
    get unlisted () { return rebuild.unlisted },
    goOn: () => rebuild.goOn(),
    registerMany: (items, options = {}) => registerMany(parts, items, options),
    initializeAll: (options = {}) => initializeAll(parts, options),
    gc: (options = {}) => gc(parts, () => rebuild.unlisted, options),
    exportShards: (options = {}) => exportShards(parts, options),
    importShards: (chunks, options = {}) => importShards(parts, chunks, options),
    rebuildTopLevelIndex: (options = {}) => rebuild.run(options),
    exportIndices: (directory, options = {}) => exportIndices(parts, directory, options),
    adoptIndices: (directory, options = {}) => adoptIndices(parts, directory, options),
  }
}
