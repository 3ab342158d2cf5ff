/** Making many shards available, a few at a time. */
import { type BulkOptions, type BulkParts, isFatal, leaving, listed, Withdrawals } from './parts.ts'
import { type ShardInfo, shardInfo } from '../shard-info.ts'

export interface InitializeAllOptions extends BulkOptions {
  /** Shards that are under way at a time; at least 1. The store's own limit of fetches and builds holds below it. @default 16 */
  readonly concurrency?: number | undefined
  /**
   * Which shards; asked once each, before the first one starts.
   *
   * @default those that were never indexed: `health` is `new`; and those whose index was not made here, so that it is no proof of absence
   */
  readonly filter?: ((info: ShardInfo) => boolean) | undefined
}

export interface InitializeOutcome {
  readonly key: string
  readonly ok: boolean
  /** @see Dagstore.register for the errors of eager indexing */
  readonly error?: unknown
  /** From 1, in the order in which they ended. */
  readonly index: number
  /** Shards that the filter took when the call began; does not change. */
  readonly total: number
}

export async function * initializeAll (bulk: BulkParts, { concurrency = 16, filter, signal, onProgress }: InitializeAllOptions): AsyncGenerator<InitializeOutcome, void, undefined> {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) throw new RangeError(`concurrency; want=a whole number from 1 got=${concurrency}`)
  const stop = new AbortController()
  const leave = AbortSignal.any([leaving(bulk, signal), stop.signal])
  const chosen: string[] = []
  for await (const { key, record } of listed(bulk, filter === undefined ? 'new' : undefined, leave)) {
    if (!record.destroying && (filter ?? isNew)(bulk.runners.info(key) ?? shardInfo(key, record))) chosen.push(key)
  }
  if (filter === undefined && bulk.parts.catalogue.unindexed > chosen.length) {
    for await (const { key, record } of listed(bulk, 'available', leave)) if (!record.destroying && record.index?.foreign === true) chosen.push(key)
  }
  const total = chosen.length
  const ended: { readonly key: string, readonly error: unknown, readonly ok: boolean }[] = []
  const running = new Set<Promise<void>>()
  const calls = new Withdrawals(leave)
  let next = 0
  let index = 0
  let failed = 0
  const start = (key: string): void => {
    const work: Promise<void> = calls.call((own) => bulk.initialize(key, { signal: own })).then(
      () => { ended.push({ key, ok: true, error: undefined }) },
      (error: unknown) => { ended.push({ key, ok: false, error }) }
    ).finally(() => { running.delete(work) })
    running.add(work)
  }
  try {
    while (index < total) {
      leave.throwIfAborted()
      while (running.size + ended.length < concurrency && next < total) start(chosen[next++] as string)
      if (ended.length === 0) await Promise.race(running)
      leave.throwIfAborted()
      const { key, ok, error } = ended.shift() as typeof ended[number]
      if (!ok && isFatal(error, leave)) throw error
      index++
      if (!ok) failed++
      onProgress?.({ done: index, failed, total })
      yield { key, ok, ...(ok ? {} : { error }), index, total }
    }
  } finally {
    stop.abort()
    await Promise.all(running)
    calls.end()
  }
}

const isNew = ({ health }: ShardInfo): boolean => health === 'new'
