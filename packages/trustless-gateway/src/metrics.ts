/** What a gateway counts. */
import type { Gauge, MetricFacts, MetricValues } from '@dagstore/io'
import type { GatewayEvent } from './events.ts'

export interface GatewayMetrics extends MetricValues {
  readonly gauges: readonly Gauge[]
  /** By name: units and help. */
  readonly facts: Readonly<Record<string, MetricFacts>>
}

/** Requests at this moment. */
export interface GatewayLoad {
  readonly active: number
  readonly waiting: number
}

export interface GatewayMeter {
  note (event: GatewayEvent): void
  values (): GatewayMetrics
}

const FACTS: Readonly<Record<string, MetricFacts>> = Object.freeze({
  'gateway.requests': { kind: 'counter', unit: '1', help: 'requests that have ended, by what was asked for, method and status' },
  'gateway.refused': { kind: 'counter', unit: '1', help: 'requests that a limit has refused or ended, by the code of that' },
  'gateway.broken': { kind: 'counter', unit: '1', help: 'answers that were broken off after they had begun, by what was asked for' },
  'gateway.bytes': { kind: 'counter', unit: 'bytes', help: 'bytes of bodies that were taken, by what was asked for' },
  'gateway.blocks': { kind: 'counter', unit: '1', help: 'blocks in bodies, by what was asked for' },
  'gateway.ms': { kind: 'histogram', unit: 'ms', help: 'time from a request to the end of its answer, by what was asked for' },
  'gateway.first_byte.ms': { kind: 'histogram', unit: 'ms', help: 'time from a request to the first byte of the body, by what was asked for' },
})

/** In milliseconds: 1 to 2^22 (70 minutes), doubled each time. */
const BOUNDS: readonly number[] = Array.from({ length: 23 }, (_, exponent) => 2 ** exponent)

interface Times { count: number, sum: number, readonly buckets: number[] }

/** Others are counted as one, since anybody may make them up. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export const createGatewayMeter = (load: () => GatewayLoad): GatewayMeter => {
  const counters = new Map<string, { readonly name: string, readonly labels: Readonly<Record<string, string>>, value: number }>()
  const histograms = new Map<string, { readonly name: string, readonly route: string } & Times>()
  /** @param key - what the labels are made of, which is done for the first of them alone */
  const count = (name: string, key: string, by: number, labels: () => Readonly<Record<string, string>>): void => {
    const known = counters.get(name + key)
    if (known !== undefined) known.value += by
    else counters.set(name + key, { name, labels: labels(), value: by })
  }
  const time = (name: string, route: string, ms: number): void => {
    const known = histograms.get(name + route)
    const times = known ?? { name, route, count: 0, sum: 0, buckets: BOUNDS.map(() => 0) }
    if (known === undefined) histograms.set(name + route, times)
    times.count++
    times.sum += ms
    const at = BOUNDS.findIndex((bound) => ms <= bound)
    if (at >= 0) times.buckets[at] = (times.buckets[at] ?? 0) + 1
  }
  return {
    note: ({ type, route, method, status, ms, firstByteMs, bytes, blocks, code }) => {
      const known = METHODS.has(method) ? method : 'other'
      const byRoute = (): Readonly<Record<string, string>> => ({ route })
      count('gateway.requests', `${route} ${known} ${status}`, 1, () => ({ route, method: known, status: `${status}` }))
      if (type === 'refused' && code !== undefined) count('gateway.refused', code, 1, () => ({ code }))
      else if (code !== undefined && status < 400) count('gateway.broken', route, 1, byRoute)
      if (bytes > 0) count('gateway.bytes', route, bytes, byRoute)
      if (blocks > 0) count('gateway.blocks', route, blocks, byRoute)
      time('gateway.ms', route, ms)
      if (bytes > 0) time('gateway.first_byte.ms', route, firstByteMs)
    },
    values: () => {
      const { active, waiting } = load()
      return {
        counters: [...counters.values()].map((counter) => ({ ...counter })),
        histograms: [...histograms.values()].map(({ name, route, count, sum, buckets }) => ({
          name, labels: { route }, count, sum, buckets: buckets.map((value, at) => ({ le: BOUNDS[at] ?? Infinity, count: value })),
        })),
        gauges: [
          { name: 'gateway.requests.active', help: 'requests that are answered now', value: active },
          { name: 'gateway.requests.waiting', help: 'requests that wait for their turn', value: waiting },
        ],
        facts: FACTS,
      }
    },
  }
}
