/** Disks of storage paths come and go: the log says when, and whoever asks how the daemon is. */
import type { Clock } from '@dagstore/io'
import type { MissingStorage } from '@dagstore/lotus-mount/node'
import type { Logger } from '../log/logs.ts'

export interface StorageWatchOptions {
  readonly missing: () => Promise<readonly MissingStorage[]>
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface StorageWatch {
  /** How many were not there when they were looked at last. */
  readonly missing: number
  /** Resolves after the signal. */
  readonly ended: Promise<void>
}

/** So often they are looked at. */
const EVERY_MS = 5_000

/** On return they have been looked at once. */
export const watchStorage = async ({ missing, log, clock, signal }: StorageWatchOptions): Promise<StorageWatch> => {
  let known: ReadonlySet<string> = new Set()
  const look = async (): Promise<void> => {
    const found = await missing()
    const paths = new Set(found.map(({ path }) => path))
    for (const { path, error } of found) if (!known.has(path)) log.warn('storage is not there; its pieces cannot be read until it is', { path, error })
    for (const path of known) if (!paths.has(path)) log.info('storage is there again', { path })
    known = paths
  }
  await look()
  const go = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(EVERY_MS, { signal })
      await look()
    }
  }
  return {
    get missing () { return known.size },
    ended: go().catch((error: unknown) => { if (!signal.aborted) log.error('storage is no longer looked at', { error }) }),
  }
}
