/** What a store counts and measures, for whoever exports it: a tiny interface, and a form in memory. */

export type MetricLabels = Readonly<Record<string, string>>

/** Called from hot paths: must be quick, and must not throw; labels are not changed once given. Names, units and labels: {@link METRICS}. */
export interface Metrics {
  /** Of a counter. @param by - default 1 */
  count(name: MetricName, by?: number, labels?: MetricLabels): void
  /** Of a histogram: one value. */
  observe(name: MetricName, value: number, labels?: MetricLabels): void
}

export type MetricName =
  | 'source.reads'
  | 'source.read.bytes'
  | 'source.fetch.bytes'
  | 'block.served'
  | 'block.served.bytes'
  | 'stream.served.bytes'
  | 'index.page.hits'
  | 'index.page.misses'
  | 'index.unusable'
  | 'shard.state.ms'
  | 'shard.failures'
  | 'shard.retries'
  | 'acquire.ms'
  | 'build.waiting'
  | 'build.wait.ms'
  | 'build.ms'
  | 'copy.waiting'
  | 'copy.wait.ms'
  | 'copy.evicted'
  | 'copy.evicted.bytes'
  | 'events.dropped'
  | 'events.ignored'
  | 'work.postponed'
  | 'doctor.shards'
  | 'doctor.bytes'
  | 'doctor.rows'
  | 'doctor.findings'
  | 'doctor.repairs'

export interface MetricDefinition {
  readonly kind: 'counter' | 'histogram'
  /** `1`: a plain number. */
  readonly unit: 'bytes' | 'ms' | '1'
  /** Names of the labels; each value has few different ones. */
  readonly labels: readonly string[]
  readonly help: string
}

/**
 * All there are. Read amplification is `source.read.bytes` and `source.fetch.bytes` against `block.served.bytes` and
 * `stream.served.bytes`; hits of the page cache are `index.page.hits` against their sum with `index.page.misses`.
 *
 * `scheme` is that of the mount URL, `health` one of {@link Health}, `code` an error code.
 */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  'source.reads': { kind: 'counter', unit: '1', labels: ['scheme'], help: 'reads at sources with random access' },
  'source.read.bytes': { kind: 'counter', unit: 'bytes', labels: ['scheme'], help: 'bytes asked of sources with random access' },
  'source.fetch.bytes': { kind: 'counter', unit: 'bytes', labels: ['scheme'], help: 'bytes copied from sources that can only be read in order' },
  'block.served': { kind: 'counter', unit: '1', labels: ['scheme'], help: 'blocks handed out' },
  'block.served.bytes': { kind: 'counter', unit: 'bytes', labels: ['scheme'], help: 'bytes of blocks handed out' },
  'stream.served.bytes': { kind: 'counter', unit: 'bytes', labels: ['scheme'], help: 'bytes of CAR streams and of raw reads handed out' },
  'index.page.hits': { kind: 'counter', unit: '1', labels: [], help: 'index pages that were in the cache' },
  'index.page.misses': { kind: 'counter', unit: '1', labels: [], help: 'index pages that were read, those that came along included' },
  'index.unusable': { kind: 'counter', unit: '1', labels: ['code'], help: 'index files found lost, damaged or of other bytes' },
  'shard.state.ms': { kind: 'histogram', unit: 'ms', labels: ['health'], help: 'time that a shard spent in a state, told when it leaves it' },
  'shard.failures': { kind: 'counter', unit: '1', labels: ['code'], help: 'jobs that made a shard errored' },
  'shard.retries': { kind: 'counter', unit: '1', labels: ['code'], help: 'ways out of the errored state, tried again or recovered, by the code of its failure' },
  'acquire.ms': { kind: 'histogram', unit: 'ms', labels: ['outcome'], help: 'time from an acquire to its lease (`ok`) or refusal (`failed`)' },
  'build.waiting': { kind: 'histogram', unit: '1', labels: [], help: 'builds that wait for a slot, told by each that joins them' },
  'build.wait.ms': { kind: 'histogram', unit: 'ms', labels: [], help: 'time that a build waited for its slot' },
  'build.ms': { kind: 'histogram', unit: 'ms', labels: [], help: 'time that a build held its slot' },
  'copy.waiting': { kind: 'histogram', unit: '1', labels: [], help: 'local copies that wait for room under the quota, told by each that joins them' },
  'copy.wait.ms': { kind: 'histogram', unit: 'ms', labels: [], help: 'time that a local copy waited for room' },
  'copy.evicted': { kind: 'counter', unit: '1', labels: [], help: 'local copies given up for room' },
  'copy.evicted.bytes': { kind: 'counter', unit: 'bytes', labels: [], help: 'bytes of local copies given up for room' },
  'events.dropped': { kind: 'counter', unit: '1', labels: [], help: 'events that a slow consumer of `events()` missed' },
  'events.ignored': { kind: 'counter', unit: '1', labels: [], help: 'calls and ends of jobs that meant nothing to their shard' },
  'work.postponed': { kind: 'counter', unit: '1', labels: ['code'], help: 'deletions and resumptions left for later' },
  'doctor.shards': { kind: 'counter', unit: '1', labels: [], help: 'shards checked' },
  'doctor.bytes': { kind: 'counter', unit: 'bytes', labels: [], help: 'bytes read by checks' },
  'doctor.rows': { kind: 'counter', unit: '1', labels: [], help: 'rows of indices looked at by checks' },
  'doctor.findings': { kind: 'counter', unit: '1', labels: ['code'], help: 'faults found' },
  'doctor.repairs': { kind: 'counter', unit: '1', labels: ['outcome'], help: 'repairs tried: `ok` or `failed`' },
}

export interface CounterSnapshot { readonly name: MetricName, readonly labels: MetricLabels, readonly value: number }

export interface HistogramSnapshot {
  readonly name: MetricName
  readonly labels: MetricLabels
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** How many values were at most `le`, and above the bound before; bounds are powers of two, empty ones left out. */
  readonly buckets: readonly { readonly le: number, readonly count: number }[]
}

export interface MetricsSnapshot { readonly counters: readonly CounterSnapshot[], readonly histograms: readonly HistogramSnapshot[] }

/** Metrics in memory: some hundred bytes for each name and set of labels that occurs. */
export interface MemoryMetrics extends Metrics {
  /** By name, then labels. */
  snapshot(): MetricsSnapshot
}

interface Histogram { count: number, sum: number, min: number, max: number, readonly buckets: Map<number, number> }

export const createMetrics = (): MemoryMetrics => {
  const counters = new Map<string, { readonly name: MetricName, readonly labels: MetricLabels, value: number }>()
  const histograms = new Map<string, { readonly name: MetricName, readonly labels: MetricLabels, readonly values: Histogram }>()
  return {
    count: (name, by = 1, labels = NO_LABELS) => {
      const id = name + suffixOf(labels)
      const counter = counters.get(id)
      if (counter === undefined) counters.set(id, { name, labels, value: by })
      else counter.value += by
    },
    observe: (name, value, labels = NO_LABELS) => {
      const id = name + suffixOf(labels)
      let histogram = histograms.get(id)
      if (histogram === undefined) histograms.set(id, histogram = { name, labels, values: { count: 0, sum: 0, min: Infinity, max: -Infinity, buckets: new Map() } })
      add(histogram.values, value)
    },
    snapshot: () => ({
      counters: sorted(counters).map(({ name, labels, value }) => ({ name, labels, value })),
      histograms: sorted(histograms).map(({ name, labels, values: { buckets, ...sums } }) => ({
        name, labels, ...sums, buckets: [...buckets].sort(([a], [b]) => a - b).map(([le, count]) => ({ le, count })),
      })),
    }),
  }
}

const add = (histogram: Histogram, value: number): void => {
  histogram.count++
  histogram.sum += value
  histogram.min = Math.min(histogram.min, value)
  histogram.max = Math.max(histogram.max, value)
  const le = value <= 0 ? 0 : 2 ** Math.ceil(Math.log2(value))
  histogram.buckets.set(le, (histogram.buckets.get(le) ?? 0) + 1)
}

const NO_LABELS: MetricLabels = Object.freeze({})

/** Whoever counts often gives the same object each time. */
const suffixes = new WeakMap<MetricLabels, string>([[NO_LABELS, '']])

const suffixOf = (labels: MetricLabels): string => {
  let suffix = suffixes.get(labels)
  if (suffix !== undefined) return suffix
  suffix = ''
  for (const label of Object.keys(labels).sort()) suffix += `\u0000${label}\u0000${labels[label]}`
  suffixes.set(labels, suffix)
  return suffix
}

const sorted = <T>(entries: ReadonlyMap<string, T>): T[] => [...entries].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value)

/** Where nobody measures. */
export const NO_METRICS: Metrics = Object.freeze({ count: () => {}, observe: () => {} })
