/** The operations on many shards. */
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
}

export const createBulk = (parts: BulkParts): BulkOperations => ({
  registerMany: (items, options = {}) => registerMany(parts, items, options),
  initializeAll: (options = {}) => initializeAll(parts, options),
})
