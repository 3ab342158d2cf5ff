/** What the server counts itself. */
import type { Gauge, MetricFacts, MetricValues } from '@dagstore/io'
import type { ServerEvent } from './served-methods.ts'

export interface Meter {
  note (event: ServerEvent): void
  values (): MetricValues
}

const FACTS: Readonly<Record<string, MetricFacts>> = {
  'rpc.calls': { kind: 'counter', unit: '1', help: 'calls that have ended, by method and the code of their error, or ok' },
  'rpc.refused': { kind: 'counter', unit: '1', help: 'requests and connections refused before they came to a call' },
  'rpc.call.ms': { kind: 'histogram', unit: 'ms', help: 'time from a call to its answer, or to the end of its stream' },
}

/** In milliseconds: 1 to 65,536, doubled each time. */
const BOUNDS = Array.from({ length: 17 }, (_, exponent) => 2 ** exponent)

interface Times { count: number, sum: number, readonly buckets: number[] }

/** Names of methods and codes are few: those that there are. */
export const createMeter = (): Meter => {
  const calls = new Map<string, { readonly method: string, readonly code: string, value: number }>()
  const refused = new Map<string, number>()
  const times = new Map<string, Times>()
  return {
    note: (event) => {
      if (event.type === 'refused') refused.set(event.reason, (refused.get(event.reason) ?? 0) + 1)
      if (event.type !== 'call') return
      const { method, code = 'ok', ms } = event
      const key = `${method} ${code}`
      const call = calls.get(key) ?? { method, code, value: 0 }
      call.value++
      calls.set(key, call)
      const time = times.get(method) ?? { count: 0, sum: 0, buckets: BOUNDS.map(() => 0) }
      times.set(method, time)
      time.count++
      time.sum += ms
      const at = BOUNDS.findIndex((bound) => ms <= bound)
      if (at >= 0) time.buckets[at] = (time.buckets[at] ?? 0) + 1
    },
    values: () => ({
      counters: [
        ...[...calls.values()].map(({ method, code, value }) => ({ name: 'rpc.calls', labels: { method, code }, value })),
        ...[...refused].map(([reason, value]) => ({ name: 'rpc.refused', labels: { reason }, value })),
      ],
      histograms: [...times].map(([method, { count, sum, buckets }]) => ({
        name: 'rpc.call.ms', labels: { method }, count, sum, buckets: buckets.map((value, at) => ({ le: BOUNDS[at] ?? Infinity, count: value })),
      })),
    }),
  }
}

export interface ServedMetrics extends MetricValues {
  readonly gauges?: readonly Gauge[] | undefined
  /** By name: units and help, as `METRICS` of the store. */
  readonly facts?: Readonly<Record<string, MetricFacts>> | undefined
}

/** Of the store and of the server, in one. */
export const mergedMetrics = (store: ServedMetrics | undefined, meter: Meter, gauges: readonly Gauge[]): Required<ServedMetrics> => {
  const own = meter.values()
  return {
    counters: [...store?.counters ?? [], ...own.counters],
    histograms: [...store?.histograms ?? [], ...own.histograms],
    gauges: [...store?.gauges ?? [], ...gauges],
    facts: { ...store?.facts, ...FACTS },
  }
}
