/** What `/metrics` shows: what the store and its pieces count, and how things are now. */
import { type Dagstore, createMetrics, type Metrics, METRICS, type MetricsSnapshot, type ShardInfo } from '@dagstore/dagstore'
import type { Clock, Gauge } from '@dagstore/io'
import { PIECE_METRICS, type PieceMetrics } from '@dagstore/lotus-mount'
import type { ServedMetrics } from '@dagstore/rpc'
import { VERSION } from '../version.ts'

export interface DaemonMetrics {
  readonly store: Metrics & { snapshot (): MetricsSnapshot }
  readonly pieces: PieceMetrics
  /** @param isWaiting - of an errored shard: whether the operator is yet to say if its piece is unsealed */
  served (dagstore: Pick<Dagstore, 'shards'>, isWaiting: (info: ShardInfo) => boolean): Promise<ServedMetrics>
}

/** Errored shards are counted up to here. */
const MOST_COUNTED = 10_000
/** They are counted again after this. */
const COUNT_MS = 15_000

export const createDaemonMetrics = (clock: Pick<Clock, 'monotonic'>): DaemonMetrics => {
  const store = createMetrics()
  const started = clock.monotonic()
  let counted: { readonly at: number, readonly ailing: Promise<Ailing> } | undefined
  const ailing = (...given: Parameters<typeof countAiling>): Promise<Ailing> => {
    const now = clock.monotonic()
    if (counted === undefined || now - counted.at > COUNT_MS) counted = { at: now, ailing: countAiling(...given) }
    counted.ailing.catch(() => { counted = undefined })
    return counted.ailing
  }
  return {
    store,
    // one memory for both: their names differ, and it does not look at them
    pieces: store as unknown as PieceMetrics,
    served: async (dagstore, isWaiting) => {
      const memory = process.memoryUsage()
      const { errored, waiting } = await ailing(dagstore, isWaiting)
      const gauges: Gauge[] = [
        { name: 'info', help: 'version of the daemon', labels: { version: VERSION, node: process.versions.node }, value: 1 },
        { name: 'uptime.seconds', help: 'time since the daemon began', value: Math.round((clock.monotonic() - started) / 1000) },
        { name: 'resident.memory.bytes', help: 'memory of the process', value: memory.rss },
        { name: 'heap.used.bytes', help: 'memory of objects', value: memory.heapUsed },
        { name: 'shards.errored', help: `shards that failed, ${MOST_COUNTED} at most`, value: errored },
        { name: 'shards.waiting', help: 'of them those that wait for the operator to have their piece unsealed', value: waiting },
      ]
      return { ...store.snapshot(), gauges, facts: { ...METRICS, ...PIECE_METRICS } }
    },
  }
}

interface Ailing { readonly errored: number, readonly waiting: number }

const countAiling = async (dagstore: Pick<Dagstore, 'shards'>, isWaiting: (info: ShardInfo) => boolean): Promise<Ailing> => {
  let [errored, waiting] = [0, 0]
  for await (const info of dagstore.shards({ health: 'errored' })) {
    if (isWaiting(info)) waiting++
    if (++errored >= MOST_COUNTED) break
  }
  return { errored, waiting }
}
