/** The gateway of a daemon, at its own port. */
import type { Clock } from '@dagstore/io'
import type { ExtraDoor, ServedMetrics } from '@dagstore/rpc'
import { createReusedMemory } from '@dagstore/io/node'
import type { Denylist } from '@dagstore/trustless-gateway'
import { nodeHandler } from '@dagstore/trustless-gateway/node'
import type { ShardStore } from '../compose.ts'
import type { Config } from '../config/config.ts'
import { openAccessLog } from '../gateway/access-log.ts'
import { createStoreGateway } from '../gateway/store-gateway.ts'
import type { Logger } from '../log/logs.ts'
import type { Terminal } from '../terminal.ts'

export interface DaemonGateway {
  /** For the server, behind all others. */
  readonly door: ExtraDoor
  /** Of the daemon, and of the gateway. */
  metrics (daemon: ServedMetrics): ServedMetrics
  /** The access log is opened again. */
  reload (): Promise<void>
  close (): Promise<void>
}

export interface DaemonGatewayOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Logger
  readonly terminal: Terminal
  /** Its owner is somebody else. */
  readonly denylist: Denylist | undefined
}

/** `undefined`: the configuration wants none. @throws {CommandError} `COMMAND_REFUSED`: the access log cannot be opened */
export const openDaemonGateway = async (store: Pick<ShardStore, 'dagstore' | 'pieces' | 'hashes'>, { config, clock, log, terminal, denylist }: DaemonGatewayOptions): Promise<DaemonGateway | undefined> => {
  if (config.gatewayAccess === 'never') return undefined
  const lines = await openAccessLog(config.accessLog, config.accessLogFormat, terminal, log)
  const gateway = createStoreGateway(store, { config, clock, denylist, onEvent: (event) => { lines.note({ ...event, address: event.client ?? '' }) } })
  return {
    door: { claims: () => true, handler: nodeHandler(gateway, { memory: createReusedMemory() }), access: config.gatewayAccess === 'always' ? 'everywhere' : 'gate' },
    metrics: (daemon) => {
      const { counters, histograms, gauges, facts } = gateway.metrics()
      return {
        counters: [...daemon.counters, ...counters], histograms: [...daemon.histograms, ...histograms], gauges: [...daemon.gauges ?? [], ...gauges ?? []], facts: { ...daemon.facts, ...facts },
      }
    },
    reload: () => lines.reopen(),
    close: () => lines.close(),
  }
}
