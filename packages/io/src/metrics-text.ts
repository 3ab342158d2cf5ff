/**
 * Metrics as Prometheus reads them.
 *
 * Source: Prometheus "Exposition formats", text format 0.0.4; "Metric and label naming": base units, so milliseconds are seconds here.
 */

export interface MetricFacts {
  readonly kind: 'counter' | 'histogram'
  readonly unit: 'bytes' | 'ms' | '1'
  readonly help: string
}

type Labels = Readonly<Record<string, string>>

/** As `createMetrics` of the store gives it. */
export interface MetricValues {
  readonly counters: readonly { readonly name: string, readonly labels: Labels, readonly value: number }[]
  readonly histograms: readonly {
    readonly name: string
    readonly labels: Labels
    readonly count: number
    readonly sum: number
    /** Not added up; bounds are powers of two, empty ones left out. */
    readonly buckets: readonly { readonly le: number, readonly count: number }[]
  }[]
}

/** What is so now. */
export interface Gauge {
  /** `shards`, `source.bytes`; as those of counters. */
  readonly name: string
  readonly help: string
  readonly labels?: Labels
  readonly value: number
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** @param facts - by name; what has none is left without help. */
export const metricsText = ({ counters, histograms }: MetricValues, gauges: readonly Gauge[], facts: Readonly<Record<string, MetricFacts>>): string => {
  const lines: string[] = []
  const head = new Set<string>()
  const begin = (name: string, kind: string, help: string | undefined): void => {
    if (head.has(name)) return
    head.add(name)
    if (help !== undefined) lines.push(`# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`)
    lines.push(`# TYPE ${name} ${kind}`)
  }
  for (const { name, labels, value } of byName(counters)) {
    const written = `${nameOf(name, facts[name]?.unit)}_total`
    begin(written, 'counter', facts[name]?.help)
    lines.push(`${written}${labelsOf(labels)} ${inBase(value, facts[name]?.unit)}`)
  }
  for (const { name, labels, count, sum, buckets } of byName(histograms)) {
    const unit = facts[name]?.unit
    const written = nameOf(name, unit)
    begin(written, 'histogram', facts[name]?.help)
    let below = 0
    for (const bucket of buckets) {
      below += bucket.count
      lines.push(`${written}_bucket${labelsOf({ ...labels, le: String(inBase(bucket.le, unit)) })} ${below}`)
    }
    lines.push(`${written}_bucket${labelsOf({ ...labels, le: '+Inf' })} ${count}`, `${written}_sum${labelsOf(labels)} ${inBase(sum, unit)}`, `${written}_count${labelsOf(labels)} ${count}`)
  }
  for (const { name, help, labels = {}, value } of byName(gauges)) {
    begin(nameOf(name, undefined), 'gauge', help)
    lines.push(`${nameOf(name, undefined)}${labelsOf(labels)} ${value}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** All lines of one name stand together. */
const byName = <T extends { readonly name: string }>(values: readonly T[]): readonly T[] => [...values].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** `source.read.bytes` is `dagstore_source_read_bytes`, `acquire.ms` is `dagstore_acquire_seconds`. */
const nameOf = (name: string, unit: MetricFacts['unit'] | undefined): string => {
  const plain = `dagstore_${name.replace(/[^a-zA-Z0-9]+/g, '_')}`
  return unit === 'ms' ? plain.replace(/_ms$/, '_seconds') : plain
}

const inBase = (value: number, unit: MetricFacts['unit'] | undefined): number => unit === 'ms' ? value / 1000 : value

const labelsOf = (labels: Labels): string => {
  const all = Object.entries(labels).map(([name, value]) => `${name.replace(/\W/g, '_')}="${value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')}"`)
  return all.length === 0 ? '' : `{${all.join(',')}}`
}
