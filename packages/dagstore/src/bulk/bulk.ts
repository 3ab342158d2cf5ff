/** The operations on many shards. */
import type { CallOptions } from '@dagstore/io'
import { exportShards } from './export-shards.ts'
import { type ImportOutcome, importShards } from './import-shards.ts'
import { initializeAll, type InitializeAllOptions, type InitializeOutcome } from './initialize-all.ts'
import type { BulkOptions, BulkParts } from './parts.ts'
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
}

export const createBulk = (parts: BulkParts): BulkOperations => ({
  registerMany: (items, options = {}) => registerMany(parts, items, options),
  initializeAll: (options = {}) => initializeAll(parts, options),
  exportShards: (options = {}) => exportShards(parts, options),
  importShards: (chunks, options = {}) => importShards(parts, chunks, options),
})
