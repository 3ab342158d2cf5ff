/** The gateway of a daemon, at its own port. */
import type { Clock } from '@dagstore/io'
import type { ExtraDoor, ServedMetrics } from '@dagstore/rpc'
import { createReusedMemory } from '@dagstore/io/node'
import { nodeHandler } from '@dagstore/trustless-gateway/node'
import type { ShardStore } from '../compose.ts'
import type { Config } from '../config/config.ts'
import { openAccessLog } from '../gateway/access-log.ts'
import { openDenylistFiles } from '../gateway/denylist-files.ts'
import { createStoreGateway } from '../gateway/store-gateway.ts'
import type { Logger } from '../log/logs.ts'
import type { Terminal } from '../terminal.ts'

export interface DaemonGateway {
  /** For the server, behind all others. */
  readonly door: ExtraDoor
  /** Of the daemon, and of the gateway. */
  metrics (daemon: ServedMetrics): ServedMetrics
  /** Files are read again, and opened again. */
  reload (): Promise<void>
  close (): Promise<void>
}

export interface DaemonGatewayOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Logger
  readonly terminal: Terminal
}

/** `undefined`: the configuration wants none. @throws {CommandError} `COMMAND_REFUSED`: a denylist or the access log cannot be opened */
export const openDaemonGateway = async (store: Pick<ShardStore, 'dagstore' | 'pieces' | 'hashes'>, { config, clock, log, terminal }: DaemonGatewayOptions): Promise<DaemonGateway | undefined> => {
  if (config.gatewayAccess === 'never') return undefined
  const denylist = await openDenylistFiles(config.denylists, { clock, log })
  const lines = await openAccessLog(config.accessLog, config.accessLogFormat, terminal, log).catch(async (error: unknown) => {
    await denylist?.close()
    throw error
  })
  const gateway = createStoreGateway(store, { config, clock, denylist, onEvent: (event) => { lines.note({ ...event, address: event.client ?? '' }) } })
  return {
    door: { claims: () => true, handler: nodeHandler(gateway, { memory: createReusedMemory() }), access: config.gatewayAccess === 'always' ? 'everywhere' : 'gate' },
    metrics: (daemon) => {
      const { counters, histograms, gauges, facts } = gateway.metrics()
      return {
        counters: [...daemon.counters, ...counters], histograms: [...daemon.histograms, ...histograms], gauges: [...daemon.gauges ?? [], ...gauges ?? []], facts: { ...daemon.facts, ...facts },
      }
    },
    reload: async () => { await Promise.all([denylist?.reload(), lines.reopen()]) },
    close: async () => {
      await denylist?.close()
      await lines.close()
    },
  }
}
