/** Files of retrievals that are over go by themselves, where the configuration says so. */
import type { RetrievalClient } from '@dagstore/deal-client'
import type { Clock } from '@dagstore/io'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log/logs.ts'

export interface RetentionOptions {
  readonly config: Pick<Config, 'retrievalRetentionMs' | 'retrievalMaxBytes'>
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const EVERY_MS = 600_000

/** Now, then each ten minutes, until the signal. */
export const keepRetention = async (retrievals: Pick<RetrievalClient, 'prune'>, { config, clock, log, signal }: RetentionOptions): Promise<void> => {
  const { retrievalRetentionMs, retrievalMaxBytes } = config
  if (retrievalRetentionMs === 0 && retrievalMaxBytes === 0) return
  while (!signal.aborted) {
    try {
      const { removed, removedBytes } = await retrievals.prune({
        signal, ...(retrievalRetentionMs === 0 ? {} : { olderThanMs: retrievalRetentionMs }), ...(retrievalMaxBytes === 0 ? {} : { maxBytes: retrievalMaxBytes }),
      })
      if (removed.length > 0) log.info('files of retrievals were removed', { count: removed.length, bytes: removedBytes })
    } catch (error) {
      if (!signal.aborted) log.warn('files of retrievals could not be removed', { error })
    }
    await clock.sleep(EVERY_MS, { signal }).catch(() => {}) // it ends
  }
}
