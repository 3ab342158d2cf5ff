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

interface Counter { readonly name: string, readonly labels: Readonly<Record<string, string>>, value: number }

/** What is counted at every request of a route. */
interface OfRoute {
  /** By status, of each method. */
  readonly requests: Map<string, Map<number, Counter>>
  readonly bytes: Counter
  readonly blocks: Counter
  readonly broken: Counter
  readonly ms: Times
  readonly firstByteMs: Times
}

export const createGatewayMeter = (load: () => GatewayLoad): GatewayMeter => {
  /** Those that have counted something. */
  const counters = new Set<Counter>()
  const histograms = new Map<Times, { readonly name: string, readonly route: string }>()
  const refused = new Map<string, Counter>()
  const routes = new Map<string, OfRoute>()
  const add = (counter: Counter, by: number): void => {
    if (counter.value === 0) counters.add(counter)
    counter.value += by
  }
  const time = (times: Times, ms: number, name: string, route: string): void => {
    if (times.count++ === 0) histograms.set(times, { name, route })
    times.sum += ms
    let at = 0
    while (at < BOUNDS.length && ms > BOUNDS[at]!) at++
    if (at < BOUNDS.length) times.buckets[at] = (times.buckets[at] ?? 0) + 1
  }
  return {
    note: ({ type, route, method, status, ms, firstByteMs, bytes, blocks, code }) => {
      const known = METHODS.has(method) ? method : 'other'
      const of = routes.get(route) ?? kept(routes, route, createOfRoute(route))
      const byStatus = of.requests.get(known) ?? kept(of.requests, known, new Map<number, Counter>())
      add(byStatus.get(status) ?? kept(byStatus, status, { name: 'gateway.requests', labels: { route, method: known, status: `${status}` }, value: 0 }), 1)
      if (type === 'refused' && code !== undefined) add(refused.get(code) ?? kept(refused, code, { name: 'gateway.refused', labels: { code }, value: 0 }), 1)
      else if (code !== undefined && status < 400) add(of.broken, 1)
      if (bytes > 0) add(of.bytes, bytes)
      if (blocks > 0) add(of.blocks, blocks)
      time(of.ms, ms, 'gateway.ms', route)
      if (bytes > 0) time(of.firstByteMs, firstByteMs, 'gateway.first_byte.ms', route)
    },
    values: () => {
      const { active, waiting } = load()
      return {
        counters: [...counters].map((counter) => ({ ...counter })),
        histograms: [...histograms].map(([{ count, sum, buckets }, { name, route }]) => ({
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

const createOfRoute = (route: string): OfRoute => {
  const labels = { route }
  const times = (): Times => ({ count: 0, sum: 0, buckets: BOUNDS.map(() => 0) })
  return {
    requests: new Map(), bytes: { name: 'gateway.bytes', labels, value: 0 }, blocks: { name: 'gateway.blocks', labels, value: 0 }, broken: { name: 'gateway.broken', labels, value: 0 },
    ms: times(), firstByteMs: times(),
  }
}

const kept = <K, V>(map: Map<K, V>, key: K, value: V): V => {
  map.set(key, value)
  return value
}
