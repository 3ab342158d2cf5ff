/** Waiting for what is not indexed yet. */
import type { CallOptions } from '@dagstore/io'

export interface UnindexedOptions {
  /** How long a request waits for shards to be indexed, in all, milliseconds. `0`: not at all. @default 10,000 */
  readonly waitMs?: number | undefined
  /**
   * Resolves when the store has indexed something since it was called: worth another look. Where there is none, the store is asked
   * again after growing pauses.
   *
   * @default none
   */
  readonly changed?: ((options: CallOptions) => Promise<void>) | undefined
}
