/** What the room for local copies costs, as metrics. */
import type { Clock } from '@dagstore/io'
import type { TransientsWatch } from '@dagstore/mounts'
import { type Metrics, NO_METRICS } from './metrics.ts'

/** `undefined` where nobody measures. */
export const metricsOfCopies = (metrics: Metrics, clock: Clock): TransientsWatch | undefined => metrics === NO_METRICS ? undefined : {
  waits: (count) => {
    const since = clock.monotonic()
    metrics.observe('copy.waiting', count)
    return () => { metrics.observe('copy.wait.ms', clock.monotonic() - since) }
  },
  evicted: (bytes) => {
    metrics.count('copy.evicted')
    metrics.count('copy.evicted.bytes', bytes)
  },
}
