/** The options of `daemon`, `config effective` and `gateway` that say the same as keys of the configuration. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommonOptions } from '../options.ts'
import type { Config } from './config.ts'
import type { ConfigOptions } from './effective.ts'
import type { ConfigKey } from './config-key.ts'
import { KEYS } from './keys.ts'

export interface ConfigCommandOptions extends CommonOptions {
  readonly config?: string
  readonly listen?: string
  readonly concurrency?: number
  readonly bytesPerSecond?: number
  readonly storage?: readonly string[]
  readonly logLevel?: string
  readonly logFormat?: Config['logFormat']
}

const option = <F extends keyof Config>(field: F, flags: string, description: string): Option => {
  const { kind }: ConfigKey<Config[F]> = KEYS[field]
  return new Option(flags, description).argParser((text: string, before: unknown) => {
    try {
      // a list is given by several options; commas belong to their values
      return Array.isArray(KEYS[field].default) ? kind.read([...(before as readonly string[] | undefined ?? []), text]) : kind.parse(text)
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(`want ${error.message}`)
      throw error
    }
  })
}

export const addConfigOptions = (command: Command): Command => command
  .option('--root <dir>', 'folder of the store (default: DAGSTORE_PATH, RootDir of --config, else ./.dagstore)')
  .option('--config <file>', 'configuration, also that of a Lotus miner (default: config.toml in the folder of the store)')
  .addOption(option('listen', '--listen <host:port>', `where to answer (default: ${KEYS.listen.default})`))
  .addOption(option('storage', '--storage <path>', 'storage path, storage.json, or repository of Lotus, Boost or Curio whose sectors are read; several times'))
  .addOption(option('maxConcurrentIndex', '--concurrency <n>', `shards that are indexed at a time, 0 for no limit (default: ${KEYS.maxConcurrentIndex.default})`))
  .addOption(option('bytesPerSecond', '--bytes-per-second <size>', 'what indexing may read in a second, such as 50MiB (default: no limit)'))
  .addOption(option('logLevel', '--log-level <levels>', 'debug, info, warn or error; of one subsystem: info,rpc=debug'))
  .addOption(option('logFormat', '--log-format <format>', 'text or json'))

export const configOptions = ({ root, config, listen, concurrency, bytesPerSecond, storage, logLevel, logFormat }: ConfigCommandOptions): ConfigOptions => {
  const given = { listen, maxConcurrentIndex: concurrency, bytesPerSecond, storage, logLevel, logFormat }
  return { root, config, values: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

export interface GatewayCommandOptions extends Omit<ConfigCommandOptions, 'storage'> {
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly proxy?: readonly string[]
  readonly denylist?: readonly string[]
  readonly accessLog?: string
  readonly accessLogFormat?: Config['accessLogFormat']
}

export const addGatewayOptions = (command: Command): Command => command
  .option('--root <dir>', 'folder of the store; made where there is none and something is named (default: DAGSTORE_PATH, RootDir of --config, else ./.dagstore)')
  .option('--config <file>', 'configuration (default: config.toml in the folder of the store)')
  .addOption(option('gatewayListen', '--listen <host:port>', `where to answer (default: ${KEYS.gatewayListen.default})`))
  .addOption(option('tlsCert', '--tls-cert <file>', 'certificate and those that it rests on, as PEM; read again when it changes'))
  .addOption(option('tlsKey', '--tls-key <file>', 'its private key, as PEM'))
  .addOption(option('denylists', '--denylist <file>', 'what is not to be served, in the compact denylist format; several times'))
  .addOption(option('proxies', '--proxy <address>', 'a proxy in front of this one, whose X-Forwarded-For, -Proto and -Host are believed; several times'))
  .addOption(option('accessLog', '--access-log <file>', "a line for each request; - is stdout (default), '' none"))
  .addOption(option('accessLogFormat', '--access-log-format <format>', 'text (the ten fields of frisbii) or json'))
  .addOption(option('maxConcurrentIndex', '--concurrency <n>', `CARs that are indexed at a time, 0 for no limit (default: ${KEYS.maxConcurrentIndex.default})`))
  .addOption(option('bytesPerSecond', '--bytes-per-second <size>', 'what indexing may read in a second, such as 50MiB (default: no limit)'))
  .addOption(option('logLevel', '--log-level <levels>', 'debug, info, warn or error; of one subsystem: info,gateway=debug'))
  .addOption(option('logFormat', '--log-format <format>', 'text or json'))

export const gatewayOptions = (options: GatewayCommandOptions): ConfigOptions => {
  const { root, config, listen, concurrency, bytesPerSecond, logLevel, logFormat, tlsCert, tlsKey, proxy, denylist, accessLog, accessLogFormat } = options
  const given = { gatewayListen: listen, maxConcurrentIndex: concurrency, bytesPerSecond, logLevel, logFormat, tlsCert, tlsKey, proxies: proxy, denylists: denylist, accessLog, accessLogFormat }
  return { root, config, values: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}
