import { metricsText } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import type { GatewayEvent } from '../src/events.ts'
import { createGatewayMeter } from '../src/metrics.ts'

const event = (given: Partial<GatewayEvent>): GatewayEvent => ({
  type: 'request', at: 0, client: 'a', method: 'GET', target: '/ipfs/x', route: 'raw', status: 200, ms: 3, firstByteMs: 2, bytes: 10, blocks: 1, agent: undefined, code: undefined, error: undefined, ...given,
})

describe('metrics', () => {
  it('count requests by what was asked for, method and status, and what they took', () => {
    const meter = createGatewayMeter(() => ({ active: 3, waiting: 4 }))
    meter.note(event({}))
    meter.note(event({ bytes: 5, ms: 100 }))
    meter.note(event({ route: 'car', blocks: 7, code: 'BLOCKSTORE_NOT_FOUND' }))
    meter.note(event({ type: 'refused', status: 429, bytes: 0, blocks: 0, code: 'GATEWAY_CLIENT_BUSY' }))
    const { counters, histograms, gauges } = meter.values()
    expect(counters).toEqual([
      { name: 'gateway.requests', labels: { route: 'raw', method: 'GET', status: '200' }, value: 2 },
      { name: 'gateway.bytes', labels: { route: 'raw' }, value: 15 },
      { name: 'gateway.blocks', labels: { route: 'raw' }, value: 2 },
      { name: 'gateway.requests', labels: { route: 'car', method: 'GET', status: '200' }, value: 1 },
      { name: 'gateway.broken', labels: { route: 'car' }, value: 1 },
      { name: 'gateway.bytes', labels: { route: 'car' }, value: 10 },
      { name: 'gateway.blocks', labels: { route: 'car' }, value: 7 },
      { name: 'gateway.requests', labels: { route: 'raw', method: 'GET', status: '429' }, value: 1 },
      { name: 'gateway.refused', labels: { code: 'GATEWAY_CLIENT_BUSY' }, value: 1 },
    ])
    const raw = histograms.find(({ name, labels }) => name === 'gateway.ms' && labels['route'] === 'raw')
    expect(raw).toMatchObject({ count: 3, sum: 106 })
    expect(raw?.buckets.filter(({ count }) => count > 0)).toEqual([{ le: 4, count: 2 }, { le: 128, count: 1 }])
    expect(histograms.find(({ name, labels }) => name === 'gateway.first_byte.ms' && labels['route'] === 'raw')).toMatchObject({ count: 2, sum: 4 })
    expect(gauges.map(({ name, value }) => [name, value])).toEqual([['gateway.requests.active', 3], ['gateway.requests.waiting', 4]])
  })

  it('have a bounded number of names, whatever is asked', () => {
    const meter = createGatewayMeter(() => ({ active: 0, waiting: 0 }))
    for (let n = 0; n < 10_000; n++) meter.note(event({ method: `M${n}`, target: `/ipfs/${n}`, client: `${n}`, agent: `${n}`, ms: 2 ** (n % 40) }))
    const { counters, histograms } = meter.values()
    expect(counters.filter(({ name }) => name === 'gateway.requests')).toEqual([{ name: 'gateway.requests', labels: { route: 'raw', method: 'other', status: '200' }, value: 10_000 }])
    expect(histograms).toHaveLength(2)
  })

  it('say what each of them is, in units that a reader of them knows', () => {
    const meter = createGatewayMeter(() => ({ active: 0, waiting: 0 }))
    meter.note(event({}))
    meter.note(event({ code: 'BLOCKSTORE_NOT_FOUND' }))
    meter.note(event({ type: 'refused', code: 'GATEWAY_STALLED' }))
    const { counters, histograms, gauges, facts } = meter.values()
    for (const { name } of [...counters, ...histograms]) expect(facts[name]?.help, name).toBeTruthy()
    const text = metricsText({ counters, histograms }, gauges, facts)
    expect(text).toContain('dagstore_gateway_requests_total{route="raw",method="GET",status="200"} 3')
    expect(text).toContain('dagstore_gateway_seconds_bucket{route="raw",le="0.004"} 3')
    expect(text).toContain('dagstore_gateway_bytes_total{route="raw"} 30')
    expect(text).toContain('# TYPE dagstore_gateway_requests_active gauge')
  })
})
