/** What a store's events say to its metrics. */
import type { Clock } from '@dagstore/io'
import type { DagstoreEvent, EventListener } from '../events.ts'
import { codeOf } from '../failure.ts'
import type { Health } from '../machine/index.ts'
import { type Metrics, NO_METRICS } from './metrics.ts'

/** Shards whose last change is remembered. */
const REMEMBERED = 65_536

export const metricsOfEvents = (metrics: Metrics, clock: Clock): EventListener => {
  if (metrics === NO_METRICS) return () => {}
  /** When each shard came into its state, those that changed longest ago first. */
  const since = new Map<string, number>()
  const changed = ({ key, from, to, failure }: Extract<DagstoreEvent, { readonly type: 'health' }>): void => {
    const now = clock.monotonic()
    const before = since.get(key)
    since.delete(key)
    if (before !== undefined && from !== undefined) metrics.observe('shard.state.ms', now - before, { health: from })
    if (to === undefined) return
    since.set(key, now)
    if (since.size > REMEMBERED) for (const oldest of since.keys()) { since.delete(oldest); break }
    if (to === 'errored') metrics.count('shard.failures', 1, { code: failure?.code ?? 'unknown' })
    retry(key, from, to, failure?.code)
  }
  /** Codes of shards that are errored, of those remembered. */
  const errored = new Map<string, string>()
  const retry = (key: string, from: Health | undefined, to: Health, code: string | undefined): void => {
    const before = errored.get(key)
    errored.delete(key)
    if (from === 'errored') metrics.count('shard.retries', 1, { code: before ?? 'unknown' })
    if (to !== 'errored') return
    errored.set(key, code ?? 'unknown')
    if (errored.size > REMEMBERED) for (const oldest of errored.keys()) { errored.delete(oldest); break }
  }
  return (event) => {
    switch (event.type) {
      case 'health': return changed(event)
      case 'ignored': return metrics.count('events.ignored')
      case 'index-unusable': return metrics.count('index.unusable', 1, { code: codeOf(event.reason) ?? 'unknown' })
      case 'postponed': return metrics.count('work.postponed', 1, { code: codeOf(event.error) ?? 'unknown' })
      default:
    }
  }
}
