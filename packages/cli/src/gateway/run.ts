/** One gateway, from its first message to its last. */
import { createServer } from 'node:net'
import { systemClock } from '@dagstore/io'
import { createMetrics, METRICS } from '@dagstore/dagstore'
import { createHostGuard, httpMounts } from '@dagstore/mounts'
import { nodeGuardedFetch } from '@dagstore/mounts/node'
import { type GatewayServer, type GatewayServerEvent, GatewayServerError, readTlsFiles, type ServedRequest, serveGateway, type TlsFiles } from '@dagstore/trustless-gateway/node'
import { aborted } from '../aborted.ts'
import { localBackend } from '../backend/local.ts'
import { openShardStore } from '../compose.ts'
import type { EffectiveConfig } from '../config/effective.ts'
import { type ListenAddress, parseListen } from '../config/listen.ts'
import { logStore } from '../daemon/log-events.ts'
import { CommandError, explain } from '../failure.ts'
import { createLogs, type Logger } from '../log/logs.ts'
import { hasStore } from '../root-folder.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { openAccessLog } from './access-log.ts'
import { openDenylistFiles } from './denylist-files.ts'
import { addFolders, readFolders } from './folders.ts'
import { indexBehind } from './index-behind.ts'
import { createStoreGateway } from './store-gateway.ts'
import { createSum, welcome } from './words.ts'
import { refuseServedRoot } from './served-root.ts'

export interface GatewayRunOptions {
  readonly json: boolean
  readonly colors: boolean
}

/**
 * Resolves when the gateway has stopped: on SIGTERM or SIGINT. What is under way has `StopTimeout` to end.
 *
 * @throws {CommandError} `COMMAND_NO_STORE`, `COMMAND_REFUSED`. {GatewayServerError} {DagstoreError} `DAGSTORE_LOCKED`
 */
export const runGateway = async (paths: readonly string[], { config, origins, root, file }: EffectiveConfig, terminal: Terminal, { json, colors }: GatewayRunOptions): Promise<void> => {
  const clock = systemClock
  const status = createStatusLine(terminal)
  const write = (text: string): void => {
    status.clear()
    terminal.stderr(text)
  }
  const logs = createLogs({ write, clock, level: config.logLevel, format: config.logFormat, colors })
  const log = logs.of('gateway')
  const at = parseListen(config.gatewayListen)
  if (at === undefined) throw new CommandError('COMMAND_USAGE', 'GatewayListen: want HOST:PORT')
  // what can be wrong is told before there is a store, or work on it
  const isNew = !hasStore(root)
  if (isNew && paths.length === 0) throw new CommandError('COMMAND_NO_STORE', `no DAG store at ${printable(root.label)}; name a folder of CARs: dagstore gateway ./cars`)
  await refuseServedRoot(root, paths)
  const tls: TlsFiles | undefined = config.tlsCert === '' ? undefined : { certFile: config.tlsCert, keyFile: config.tlsKey }
  if (tls !== undefined) await readTlsFiles(tls)
  await mustBeFree(at)
  const folders = await readFolders(paths, root, terminal)
  if (isNew && !folders.any) throw new CommandError('COMMAND_REFUSED', `no CARs in ${paths.map(printable).join(', ')}: none of the files matches **/*.car`)
  if (file !== undefined) log.debug('configuration', { file: file.label })
  const place = origins.accessLog.kind === 'default' ? '-' : config.accessLog
  const accessLog = await openAccessLog(place, config.accessLogFormat, terminal, log)
  const denylist = await openDenylistFiles(config.denylists, { clock, log }).catch(async (error: unknown) => {
    await accessLog.close()
    throw error
  })
  const metrics = createMetrics()
  const guard = createHostGuard({ allow: config.mountHosts })
  const opened = await openShardStore(root, { config, metrics, mounts: httpMounts({ guard, fetch: nodeGuardedFetch(guard) }), onEvent: logStore(logs) }).catch(async (error: unknown) => {
    await denylist?.close()
    await accessLog.close()
    throw error
  })
  const store = await localBackend(opened, (text) => { log.warn(text) })
  const ending = new AbortController()
  const sum = createSum(clock)
  let server: GatewayServer | undefined
  let indexing: Promise<void> | undefined
  let unwatch = (): void => {}
  try {
    const gateway = createStoreGateway(opened, { config, clock, denylist })
    if (isNew) terminal.stderr(`made a DAG store at ${printable(root.label)}\n`)
    if (folders.args.length > 0) await addFolders(folders.args, store, root, terminal, json)
    server = await serveGateway(gateway, {
      listen: at, tls, proxies: config.proxies, clock,
      metrics: () => ({ ...metrics.snapshot(), facts: METRICS }),
      accessLog: (request: ServedRequest) => {
        sum.note(request)
        if (place === '-') status.clear()
        accessLog.note(request)
      },
      onEvent: tellServer(log),
    })
    const { reload } = server
    unwatch = terminal.onReload?.(() => {
      log.info('reading files again')
      void Promise.all([reload(), denylist?.reload(), accessLog.reopen()])
    }) ?? unwatch
    const words = await welcome(opened, server.address, terminal)
    if (json) terminal.stdout(`${toJson({ url: server.address.url, root: root.path, pid: process.pid })}\n`)
    terminal.stderr(words)
    indexing = indexBehind({ store, status, log, signal: ending.signal })
    await aborted(terminal.signal)
    log.debug('stopping')
  } finally {
    unwatch()
    await server?.close({ deadlineMs: config.stopTimeoutMs })
    ending.abort(terminal.signal.reason)
    await indexing
    await denylist?.close()
    await accessLog.close()
    await store.close()
    status.clear()
  }
  // behind the ^C
  terminal.stderr(`${terminal.interactive ? '\n' : ''}${sum.text()}`)
}

/** So that nobody waits for CARs to be added before he is told. */
const mustBeFree = ({ host, port }: ListenAddress): Promise<void> => new Promise((resolve, reject) => {
  const probe = createServer()
  probe.once('error', (cause: NodeJS.ErrnoException) => {
    const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
    reject(cause.code === 'EADDRINUSE'
      ? new CommandError('COMMAND_REFUSED', `another program listens at ${place}; choose another port: --listen ${place.replace(/\d+$/, String(port + 1))}`, { cause: new GatewayServerError('GATEWAY_ADDRESS_IN_USE', place, { cause }) })
      : new CommandError('COMMAND_REFUSED', `cannot listen at ${place}: ${explain(cause)}`, { cause: new GatewayServerError('GATEWAY_CANNOT_LISTEN', place, { cause }) }))
  })
  probe.listen({ host, port }, () => { probe.close(() => { resolve() }) })
})

const tellServer = (log: Logger): (event: GatewayServerEvent) => void => (event) => {
  switch (event.type) {
    case 'refused': return log.warn('a connection was refused: there are too many', { client: event.client })
    case 'certificate': return event.error === undefined
      ? log.info('the certificate was read again')
      : log.warn('the certificate could not be read again, so the one before is used', { error: event.error })
    case 'failed': return log.error('a request could not be answered', { error: event.error })
  }
}
