/** Collects from time to time what nothing needs. */
import type { Dagstore } from '@dagstore/dagstore'
import type { Clock } from '@dagstore/io'
import type { Logger } from '../log/logs.ts'
import { showBytes } from '../text.ts'

export interface GcLoopOptions {
  readonly dagstore: Pick<Dagstore, 'gc'>
  readonly clock: Pick<Clock, 'sleep'>
  readonly log: Logger
  /** From the end of one collection to the beginning of the next. 0: none. */
  readonly intervalMs: number
  readonly signal: AbortSignal
}

/** Never rejects; ends when the signal fires. A collection that fails is told, and the next one is tried all the same. */
export const runGcLoop = async ({ dagstore, clock, log, intervalMs, signal }: GcLoopOptions): Promise<void> => {
  if (intervalMs === 0) return
  while (!signal.aborted) {
    try {
      await clock.sleep(intervalMs, { signal })
      const { items, reclaimedBytes, failures } = await dagstore.gc({ signal })
      log[items.length === 0 ? 'debug' : 'info']('collected', { items: items.length - failures, reclaimed: showBytes(reclaimedBytes) })
      for (const { key, kind, name, error } of items) if (error !== undefined) log.warn('could not be collected', { shard: key, kind, name, error })
    } catch (error) {
      if (!signal.aborted) log.error('collection failed', { error })
    }
  }
}
