/** Indexing what a store has not indexed yet, while it is served already. */
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { Logger } from '../log/logs.ts'
import type { StatusLine } from '../status-line.ts'
import { count } from '../text.ts'

export interface IndexBehindOptions {
  readonly store: Pick<ShardBackend, 'dagstore'>
  readonly status: StatusLine
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Resolves when all are indexed, or have failed, or the signal is aborted; never rejects. */
export const indexBehind = async ({ store, status, log, signal }: IndexBehindOptions): Promise<void> => {
  let [done, failed, total] = [0, 0, 0]
  try {
    for await (const { Event, Success, Total } of store.dagstore.initializeAll({ concurrency: 0, includeSealed: false, signal })) {
      if (total === 0) log.info('indexing; what is not found meanwhile is waited for', { cars: Total })
      total = Total
      if (Event === 'end') {
        if (Success) done++
        else failed++ // the store tells why
      }
      status.show(() => `  index     ${done + failed} of ${count(total, 'CAR')} …`)
    }
    status.clear()
    if (failed > 0) log.warn('indexed, but for CARs that cannot be read, whose blocks are not served; once they are mended, and the gateway is stopped: dagstore recover-shard --all', { cars: done, failed })
    else if (total > 0) log.info('indexed', { cars: done })
  } catch (error) {
    status.clear()
    if (!signal.aborted) log.error('indexing has ended early; the next start goes on', { error })
  }
}
