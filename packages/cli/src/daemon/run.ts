/** One daemon, from its first message to its last. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { onAbort, systemClock } from '@dagstore/io'
import { type ExtraDoor, extraDoors, type Health, type RpcHttpServer, serveRpc, type ServeOptions } from '@dagstore/rpc'
import { aborted } from '../aborted.ts'
import { closeAll } from '../close-all.ts'
import { removeApiFiles, writeApiFiles } from '../api-files.ts'
import type { Config } from '../config/config.ts'
import type { EffectiveConfig } from '../config/effective.ts'
import { CONFIG_FILE } from '../config/file-name.ts'
import { localUrl, parseListen } from '../config/listen.ts'
import { CommandError } from '../failure.ts'
import { openDenylistFiles } from '../gateway/denylist-files.ts'
import { createLogs } from '../log/logs.ts'
import { readStorage } from '../migrate/storage.ts'
import { removePrivateDrafts } from '../private-file.ts'
import { openProvider, type Provider } from '../provider.ts'
import { StdoutError, type Terminal } from '../terminal.ts'
import { count, toJson } from '../text.ts'
import { VERSION } from '../version.ts'
import { clientDoors, sayBroken } from './client.ts'
import { type DaemonGateway, openDaemonGateway } from './gateway.ts'
import { logServer } from './log-events.ts'
import { migrateAtStart } from './migration.ts'
import { type StorageWatch, watchStorage } from './storage-watch.ts'

export interface DaemonOptions {
  readonly json: boolean
  readonly colors: boolean
}

const ANONYMOUS = { loopback: 'loopback', always: 'everywhere', never: 'nobody' } as const
/** For so long after its disk has failed, a store does not count as ready. */
const AILING_MS = 60_000

/**
 * Resolves when the daemon has stopped: on SIGTERM, SIGINT, or `Filecoin.Shutdown`. What is under way has `StopTimeout` to end;
 * builds of indices that are cut off go on at the next start.
 *
 * @throws {DagstoreError} `DAGSTORE_LOCKED`. {ServerError} `SERVER_ADDRESS_IN_USE`, `SERVER_CANNOT_LISTEN`. {CommandError} `COMMAND_REFUSED`
 */
export const runDaemon = async ({ config, origins, root, file }: EffectiveConfig, terminal: Terminal, { json, colors }: DaemonOptions): Promise<void> => {
  const clock = systemClock
  const logs = createLogs({ write: terminal.stderr, clock, level: config.logLevel, format: config.logFormat, colors })
  const log = logs.of('daemon')
  const stop = new AbortController()
  const unwatch = onAbort(terminal.signal, () => { stop.abort(terminal.signal.reason instanceof StdoutError ? 'stdout was closed' : 'signal') })
  if (terminal.signal.aborted) throw terminal.signal.reason
  log.info('starting', { root: root.path, version: VERSION, pid: process.pid, config: file?.label })
  if (file !== undefined && file.ignored.length > 0) log.info('sections of other programs were passed over', { file: file.label, sections: file.ignored.join(', ') })
  const own = join(root.path, CONFIG_FILE)
  if (file !== undefined && resolve(terminal.cwd, file.label) !== own && existsSync(own)) log.warn('the configuration in the folder of the store is not read, since another one was given', { file: own })
  // what was typed just now and is none is a mistake; one of a configuration is a disk that is not there
  if (origins.storage.kind === 'option') await readStorage(config.storage, terminal)
  const denylist = await openDenylistFiles(config.denylists, { clock, log: logs.of('gateway') })
  const provider = await openProvider(root, config, { logs, clock, denylist, shutdown: () => { stop.abort('shutdown') }, env: terminal.env }).catch(async (error: unknown) => {
    await denylist?.close()
    throw error
  })
  const ending = new AbortController()
  let server: RpcHttpServer | undefined
  let gateway: DaemonGateway | undefined
  let unreload = (): void => {}
  let migration: Promise<void> | undefined
  let storage: StorageWatch | undefined
  let said: Promise<void> | undefined
  try {
    await removePrivateDrafts(root.path, ['api', 'token', 'jwt-secret'])
    const folders = await provider.store.pieces.folders()
    if (folders.length > 0) {
      log.info('reading storage', { folders: folders.join(', ') })
      storage = await watchStorage({ missing: provider.store.pieces.missing, log: logs.of('pieces'), clock, signal: ending.signal })
    }
    said = sayBroken(provider.client, { config, logs, clock, write: terminal.stderr, signal: ending.signal })
    let migrating = config.migrateFrom !== ''
    gateway = await openDaemonGateway(provider.store, { config, clock, log: logs.of('gateway'), terminal, denylist })
    unreload = terminal.onReload?.(() => void Promise.all([denylist?.reload(), gateway?.reload()])) ?? unreload
    server = await listen(provider, config, gateway, { doors: [...clientDoors(provider.client, logs), ...provider.doors], onEvent: logServer(logs), health: () => healthOf(provider, { stopping: stop.signal.aborted, migrating, missing: storage?.missing ?? 0 }) })
    const url = localUrl(server.address.host, server.address.port)
    await provider.store.dagstore.announce(url)
    await writeApiFiles(root.path, { url, token: provider.tokens.sign(['read', 'write', 'sign', 'admin']) })
    migration = migrateAtStart({ provider, config, root, cwd: terminal.cwd, log: logs.of('migrate'), signal: ending.signal }).finally(() => { migrating = false })
    log.info('answering', { url, listen: server.address.url, ...(gateway === undefined ? {} : { gateway: `${url}/ipfs/` }) })
    if (json) terminal.stdout(`${toJson({ url, root: root.path, pid: process.pid })}\n`)
    await aborted(stop.signal)
    log.info('stopping', { reason: String(stop.signal.reason) })
  } finally {
    unwatch()
    ending.abort()
    // nobody new comes, then who is there has time, then what they used goes
    await removeApiFiles(root.path).catch((error: unknown) => { log.warn('the files of the daemon could not be removed', { error }) })
    await closeAll([
      () => server?.close({ deadlineMs: config.stopTimeoutMs }),
      () => { unreload() },
      () => gateway?.close(),
      () => denylist?.close(),
      () => migration,
      () => said,
      () => storage?.ended,
      () => provider.close(),
    ])
  }
  log.info('stopped')
}

interface ListenOptions extends Pick<ServeOptions, 'onEvent' | 'health'> {
  /** In front of that of the gateway. */
  readonly doors: readonly ExtraDoor[]
}

const listen = (provider: Provider, config: Config, gateway: DaemonGateway | undefined, { doors, onEvent, health }: ListenOptions): Promise<RpcHttpServer> => {
  const at = parseListen(config.listen)
  if (at === undefined) throw new CommandError('COMMAND_USAGE', 'Listen: want HOST:PORT')
  return serveRpc({
    api: provider.api,
    tokens: provider.tokens,
    listen: at,
    anonymous: ANONYMOUS[config.anonymousRead],
    hosts: config.hosts,
    origins: config.origins,
    ...(health === undefined ? {} : { health }),
    ...extraDoors([...doors, ...(gateway === undefined ? [] : [gateway.door])]),
    metrics: async () => gateway?.metrics(await provider.metrics()) ?? provider.metrics(),
    ...(onEvent === undefined ? {} : { onEvent }),
  })
}

interface Circumstances {
  readonly stopping: boolean
  readonly migrating: boolean
  /** Storage paths. */
  readonly missing: number
}

/** Everybody who may come in is told: no names of what is stored. */
const healthOf = (provider: Provider, { stopping, migrating, missing }: Circumstances): Health => {
  const failedAt = provider.diskFailedAt()
  const reasons = [
    ...(stopping ? ['stopping'] : []),
    ...(migrating ? ['deals are being migrated'] : []),
    ...(failedAt !== undefined && systemClock.now() - failedAt < AILING_MS ? ['the disk of the store failed a moment ago'] : []),
  ]
  // what is on the other ones is read all the same
  const notes = missing === 0 ? [] : [`${count(missing, 'storage path')} not there; the log names ${missing === 1 ? 'it' : 'them'}`]
  return { live: true, ready: reasons.length === 0, reasons, notes }
}
