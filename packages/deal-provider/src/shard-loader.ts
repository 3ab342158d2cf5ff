/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Pieces as blockstores, and what goes on around them: Lotus's wrapper around the DAG store.
 *
 * Source: lotus markets/dagstore/wrapper.go `LoadShard`, `gcLoop`, `traceLoop`, `recoveryLoop`. Stricter: an abort leaves no lease behind; two calls for a piece that nobody has
 * registered both get it; what collection and recovery come to is told.
 */
import type { Dagstore, DagstoreEvent, GcReport } from '@dagstore/dagstore'
import { type CallOptions, type Clock, createEventHub, type DroppedEvents, type EventHub, type EventsOptions, systemClock } from '@dagstore/io'
import { lotusUrl } from '@dagstore/lotus-mount/mount'
import { type AnyPieceCid, toPieceCidV1 } from '@dagstore/piece'
import { promote, type PromotedBlockstore } from '@dagstore/promote-blockstore'
import { DealProviderError } from './errors.ts'

export interface ShardLoaderOptions {
  readonly dagstore: Pick<Dagstore, 'acquire' | 'gc' | 'recover' | 'events'>
  /** Pause between two collections; 0 or less: none is made. @default 1 minute */
  readonly gcIntervalMs?: number | undefined
  /** Times in a row that a shard is recovered which has failed and is not tried again by the store itself; until it is available, or the process ends. 0: never. @default 1 */
  readonly recoveries?: number | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

export const SHARD_LOADER_DEFAULTS: { readonly gcIntervalMs: number, readonly recoveries: number } = Object.freeze({ gcIntervalMs: 60_000, recoveries: 1 })

/** What the store tells, and what the loader does with it. */
export type ShardLoaderEvent =
  | DagstoreEvent
  /** A collection has ended; it failed where there is no report. */
  | { readonly type: 'gc', readonly report: GcReport | undefined, readonly error: unknown }
  /** A recovery has ended. @param error - `undefined`: the shard is available */
  | { readonly type: 'recovery', readonly key: string, readonly attempt: number, readonly error: unknown }

export interface ShardLoader extends AsyncDisposable {
  /**
   * The piece as a full blockstore that refuses writes; the caller closes it, and with it the lease. A piece that nobody has registered is
   * registered as `lotus://<piece CID>` first, once for all callers.
   *
   * @throws {PieceError} `PIECE_BAD_CID`
   * @throws {DagstoreError} as `acquire`
   * @throws {DealProviderError} `DEAL_CLOSED`
   */
  loadShard(piece: AnyPieceCid, options?: CallOptions): Promise<PromotedBlockstore>
  /** From the beginning of the iteration on; ends with the loader. A consumer that is slow loses the oldest events and is told so. */
  events(options?: EventsOptions): AsyncIterable<ShardLoaderEvent | DroppedEvents>
  /** Idempotent; waits for the loops to end. The DAG store stays open, and with it what was loaded. */
  close(): Promise<void>
}

/** @throws {RangeError} an interval that is no number, or a count that is none */
export const createShardLoader = ({ dagstore, clock = systemClock, ...options }: ShardLoaderOptions): ShardLoader => {
  const { gcIntervalMs = SHARD_LOADER_DEFAULTS.gcIntervalMs, recoveries = SHARD_LOADER_DEFAULTS.recoveries } = options
  if (Number.isNaN(gcIntervalMs)) throw new RangeError('gcIntervalMs; want=a number got=NaN')
  if (!Number.isSafeInteger(recoveries) || recoveries < 0) throw new RangeError(`recoveries; want=a whole number from 0 got=${recoveries}`)
  const ending = new AbortController()
  const hub = createEventHub<ShardLoaderEvent>(() => {}, () => {})
  const parts: LoopParts = { dagstore, clock, hub, signal: ending.signal }
  const loops = [collecting(parts, gcIntervalMs), recovering(parts, recoveries)]
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      ending.abort(new DealProviderError('DEAL_CLOSED', 'the loader of shards is closed'))
      await Promise.all(loops)
      hub.close()
    })()
    return closing
  }
  return {
    loadShard: async (piece, { signal } = {}) => {
      ending.signal.throwIfAborted()
      const lease = await dagstore.acquire(toPieceCidV1(piece).toString(), { registerAs: lotusUrl(piece), signal })
      if (signal?.aborted !== true) return promote(lease.blockstore, lease)
      await lease.close()
      throw signal.reason
    },
    events: (query) => hub.subscribe(query),
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface LoopParts {
  readonly dagstore: ShardLoaderOptions['dagstore']
  readonly clock: Clock
  readonly hub: EventHub<ShardLoaderEvent>
  readonly signal: AbortSignal
}

const collecting = async ({ dagstore, clock, hub, signal }: LoopParts, intervalMs: number): Promise<void> => {
  if (intervalMs <= 0) return
  for (;;) {
    try {
      await clock.sleep(intervalMs, { signal })
    } catch {
      return // closed
    }
    try {
      hub.emit({ type: 'gc', report: await dagstore.gc({ signal }), error: undefined })
    } catch (error) {
      if (signal.aborted) return
      hub.emit({ type: 'gc', report: undefined, error })
    }
  }
}

/** Hands events on, and recovers what has failed for good, one shard after another. */
const recovering = async ({ dagstore, hub, signal }: LoopParts, most: number): Promise<void> => {
  /** By key, of shards that are not available since. */
  const attempts = new Map<string, number>()
  let work: Promise<void> = Promise.resolve()
  const recover = async (key: string): Promise<void> => {
    const attempt = (attempts.get(key) ?? 0) + 1
    if (signal.aborted || attempt > most) return
    attempts.set(key, attempt)
    try {
      await dagstore.recover(key, { signal })
      hub.emit({ type: 'recovery', key, attempt, error: undefined })
    } catch (error) {
      if (!signal.aborted) hub.emit({ type: 'recovery', key, attempt, error })
    }
  }
  try {
    for await (const event of dagstore.events({ signal })) {
      hub.emit(event)
      if (event.type !== 'health') continue
      if (event.to === 'available' || event.to === undefined) attempts.delete(event.key)
      // what the store tries again by itself is its own matter
      if (event.to === 'errored' && event.failure?.nextRetryAt === undefined && (attempts.get(event.key) ?? 0) < most) work = work.then(() => recover(event.key))
    }
  } catch {
    // closed: only the signal ends the events so
  }
  await work
}
