/**
 * Whom a command asks, in this order: the daemon of `--api-info`, that of `DAGSTORE_API_INFO`, the one that has left the files
 * `api` and `token` under the root, the store itself. Files of a daemon that is gone are told and passed over.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DagstoreEvent } from '@dagstore/dagstore'
import { type ApiAddress, parseApiInfo } from '../api-address.ts'
import { codeOf, CommandError } from '../failure.ts'
import type { CommonOptions } from '../options.ts'
import { existingRoot, hasStore, type RootFolder, rootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { openLocalBackend } from './local.ts'
import type { RemoteClient } from './remote-client.ts'
import type { ShardBackend } from './shard-backend.ts'

export interface BackendOptions extends CommonOptions {
  readonly apiInfo?: string
  /** Of what is said of imports, by commands of the client. */
  readonly logFormat?: 'text' | 'json'
}

export interface BackendUse {
  /** Whether a store is made where there is none; then that is said. */
  readonly makes?: boolean
  readonly onEvent?: ((event: DagstoreEvent) => void) | undefined
  /** What indexing may read in a second; a daemon has its own limit, so it is not asked then. */
  readonly bytesPerSecond?: number | undefined
}

/** @throws {CommandError} `COMMAND_NO_STORE`, `COMMAND_USAGE`: an address that is none. {RpcError} the daemon that was named does not answer, or takes no token */
export const openBackend = async (options: BackendOptions, terminal: Terminal, use: BackendUse = {}): Promise<ShardBackend> => {
  const named = namedAddress(options, terminal)
  if (named !== undefined) return openRemote(await connect(named), named, options.root === undefined ? undefined : rootFolder(options.root, terminal), terminal, use)
  const root = rootFolder(options.root, terminal)
  const daemon = await daemonOf(root, terminal)
  if (daemon !== undefined) return openRemote(daemon.client, daemon.address, root, terminal, use)
  const local = { command: { env: terminal.env, cwd: terminal.cwd, logFormat: options.logFormat }, onEvent: use.onEvent, bytesPerSecond: use.bytesPerSecond, onNotice: (text: string) => { terminal.stderr(`${printable(text)}\n`) } }
  if (use.makes === true && !hasStore(root)) {
    const backend = await openLocalBackend(root, local)
    terminal.stderr(`made a DAG store at ${printable(root.label)}\n`)
    return backend
  }
  return openLocalBackend(existingRoot(options.root, terminal), local)
}

/** The daemon of `--api-info` or `DAGSTORE_API_INFO`, for what only a daemon does. `undefined`: none is named. @throws as {@link openBackend} */
export const namedDaemon = async (options: BackendOptions, terminal: Terminal): Promise<RemoteClient | undefined> => {
  const address = namedAddress(options, terminal)
  return address === undefined ? undefined : connect(address)
}

const namedAddress = ({ apiInfo }: BackendOptions, { env }: Terminal): ApiAddress | undefined => {
  const given = apiInfo ?? (env['DAGSTORE_API_INFO'] || undefined)
  if (given === undefined) return undefined
  try {
    return parseApiInfo(given)
  } catch (cause) {
    // a token may stand in it, so it is not repeated
    throw new CommandError('COMMAND_USAGE', `${apiInfo === undefined ? 'DAGSTORE_API_INFO' : '--api-info'}: ${cause instanceof Error ? cause.message : ''}`)
  }
}

interface Daemon { readonly client: RemoteClient, readonly address: ApiAddress }

/** That of the root, if it answers. */
const daemonOf = async (root: RootFolder, terminal: Terminal): Promise<Daemon | undefined> => {
  if (!existsSync(join(root.path, 'api'))) return undefined
  const { readApiFiles } = await import('../api-files.ts') // loaded when needed
  const notice = (why: string): void => { terminal.stderr(`${printable(`the daemon of ${root.label} ${why}; using the store itself`)}\n`) }
  let address: ApiAddress | undefined
  try {
    address = await readApiFiles(root.path)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    notice('left an address that is none')
    return undefined
  }
  if (address === undefined) {
    notice('is gone')
    return undefined
  }
  try {
    return { client: await connect(address), address }
  } catch (error) {
    if (codeOf(error) !== 'RPC_UNREACHABLE') throw error
    notice(`does not answer at ${address.url}`)
    return undefined
  }
}

/** Asked once, so that one who is not there is told before any work. */
const connect = async (address: ApiAddress): Promise<RemoteClient> => {
  const { openRemoteClient } = await import('./remote-client.ts')
  const client = openRemoteClient(address)
  try {
    await client.api.Version()
    return client
  } catch (error) {
    await client.close()
    throw error
  }
}

const openRemote = async ({ api, close }: RemoteClient, address: ApiAddress, root: RootFolder | undefined, { interactive }: Terminal, { onEvent, bytesPerSecond }: BackendUse): Promise<ShardBackend> => {
  const { url } = address
  if (bytesPerSecond !== undefined) {
    await close()
    throw new CommandError('COMMAND_USAGE', `--bytes-per-second goes with a store that no daemon has; the one at ${url} has a limit of its own: BytesPerSecond in its configuration`)
  }
  const [{ remoteCalls }, { openRemoteIndex }, { toEvent }] = await Promise.all([import('./remote-calls.ts'), import('./remote-index.ts'), import('./remote-shapes.ts')])
  const stop = new AbortController()
  const watch = async (listener: (event: DagstoreEvent) => void): Promise<void> => {
    for await (const event of api.DagstoreEvents(undefined, { signal: stop.signal })) {
      const shown = toEvent(event)
      if (shown !== undefined) listener(shown)
    }
  }
  // progress is shown, or is not: nothing depends on it
  const watching = onEvent === undefined || !interactive ? undefined : watch(onEvent).catch(() => {})
  return {
    root,
    daemon: url,
    dagstore: remoteCalls(api),
    indices: { open: (key, generation, { signal } = {}) => openRemoteIndex(api, key, generation, signal) },
    provider: { pieces: async () => api, deals: async () => api, market: async () => api },
    client: async () => (await import('./remote-client-calls.ts')).remoteClientCalls(api, address),
    close: async () => {
      stop.abort()
      await close()
      await watching
    },
  }
}
