/** What a server answers for whoever runs it: how it is, and what it has counted. */
import { type Gauge, METRICS_TYPE, type MetricFacts, metricsText, type MetricValues } from '@dagstore/io'
import type { GatewayAnswer } from '../exchange.ts'

export interface ServerHealth {
  /** The process does its work; where not, whoever watches it begins it anew. */
  readonly live: boolean
  /** It takes requests. */
  readonly ready: boolean
  /** Why not; for people. */
  readonly reasons?: readonly string[] | undefined
}

/** As `metrics` of `serveRpc` takes them. */
export interface ServerMetrics extends MetricValues {
  readonly gauges?: readonly Gauge[] | undefined
  /** Units and help, by name. */
  readonly facts?: Readonly<Record<string, MetricFacts>> | undefined
}

export interface OperatorPaths {
  readonly health: () => ServerHealth | Promise<ServerHealth>
  readonly metrics: () => ServerMetrics | Promise<ServerMetrics>
  /** The server takes nothing more. */
  readonly isLeaving: () => boolean
}

const TEXT = Object.freeze({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })

/** @param path - without its query @param mayMeasure - whether metrics are for the one who asks */
export const answerOperator = async ({ health, metrics, isLeaving }: OperatorPaths, method: string, path: string, mayMeasure: boolean): Promise<GatewayAnswer> => {
  const isMetrics = path === '/metrics' && mayMeasure
  if (path !== '/healthz' && path !== '/readyz' && !isMetrics) return refusal(404, 'GATEWAY_NO_SUCH_PATH', 'nothing is here; blocks and CARs are at /ipfs/{cid}')
  if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'GATEWAY_BAD_METHOD', 'this is read by GET', { allow: 'GET, HEAD' })
  if (isMetrics) {
    const { gauges = [], facts = {}, ...values } = await metrics()
    return whole(200, { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' }, metricsText(values, gauges, facts))
  }
  const { live, ready, reasons = [] } = await health()
  const ok = path === '/healthz' ? live : live && ready && !isLeaving()
  return whole(ok ? 200 : 503, { ...TEXT, 'content-type': 'application/json' }, JSON.stringify({ ok, ...(ok ? {} : { reasons: isLeaving() ? ['the server is closing', ...reasons] : reasons }) }))
}

export const refusal = (status: number, code: string, sentence: string, headers: Readonly<Record<string, string>> = {}): GatewayAnswer =>
  whole(status, { ...TEXT, 'x-error-code': code, ...headers }, `${sentence}\n`)

const whole = (status: number, headers: Readonly<Record<string, string>>, text: string): GatewayAnswer => {
  const body = Buffer.from(text)
  return { status, headers: { ...headers, 'content-length': String(body.byteLength) }, body }
}
