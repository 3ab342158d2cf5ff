import { createMetrics, METRICS } from '@dagstore/dagstore'
import { metricsText } from '@dagstore/io'
import { describe, expect, it } from 'vitest'

describe('metricsText', () => {
  it('writes what the store counts and measures, in base units, as Prometheus reads it', () => {
    const metrics = createMetrics()
    metrics.count('source.read.bytes', 4096, { scheme: 'file' })
    metrics.count('shard.failures', 1, { code: 'A "quoted"\\\n' })
    metrics.observe('acquire.ms', 3, { outcome: 'ok' })
    metrics.observe('acquire.ms', 100, { outcome: 'ok' })
    expect(metricsText(metrics.snapshot(), [{ name: 'shards', help: 'by state', labels: { state: 'New' }, value: 7 }], METRICS)).toBe([
      '# HELP dagstore_shard_failures_total jobs that made a shard errored',
      '# TYPE dagstore_shard_failures_total counter',
      'dagstore_shard_failures_total{code="A \\"quoted\\"\\\\\\n"} 1',
      '# HELP dagstore_source_read_bytes_total bytes asked of sources with random access',
      '# TYPE dagstore_source_read_bytes_total counter',
      'dagstore_source_read_bytes_total{scheme="file"} 4096',
      '# HELP dagstore_acquire_seconds time from an acquire to its lease (`ok`) or refusal (`failed`)',
      '# TYPE dagstore_acquire_seconds histogram',
      'dagstore_acquire_seconds_bucket{outcome="ok",le="0.004"} 1',
      'dagstore_acquire_seconds_bucket{outcome="ok",le="0.128"} 2',
      'dagstore_acquire_seconds_bucket{outcome="ok",le="+Inf"} 2',
      'dagstore_acquire_seconds_sum{outcome="ok"} 0.103',
      'dagstore_acquire_seconds_count{outcome="ok"} 2',
      '# HELP dagstore_shards by state',
      '# TYPE dagstore_shards gauge',
      'dagstore_shards{state="New"} 7',
      '',
    ].join('\n'))
  })

  it('says what a metric is once, wherever its values stand', () => {
    const counter = (name: string, value: number) => ({ name, labels: {}, value })
    const text = metricsText({ counters: [counter('a', 1), counter('b', 2), counter('a', 3)], histograms: [] }, [], {})
    expect(text).toBe('# TYPE dagstore_a_total counter\ndagstore_a_total 1\ndagstore_a_total 3\n# TYPE dagstore_b_total counter\ndagstore_b_total 2\n')
  })
})
