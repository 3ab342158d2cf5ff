/** The client's side of the store that this process has open: what a daemon does in the background is done before a call answers. */
import { systemClock } from '@dagstore/io'
import { type LotusClientApi, type LotusClientMethodName, METHOD_NAMES, METHODS, PERMISSIONS } from '@dagstore/lotus-api'
import { clientHandlers, type ClientParts } from '@dagstore/rpc/handlers'
import type { ClientCalls } from '../backend/client-calls.ts'
import { toRemote } from '../backend/remote-error.ts'
import type { ShardStore } from '../compose.ts'
import { configOfCommand } from '../config/effective.ts'
import { CommandError } from '../failure.ts'
import { createLogs } from '../log/logs.ts'
import type { Terminal } from '../terminal.ts'
import { openClientSide } from './client-side.ts'
import { checkImports } from './sanity-check.ts'

export interface LocalClient {
  readonly calls: ClientCalls
  close (): Promise<void>
}

/** What the command line and the environment say. */
export interface LocalClientOptions extends Pick<Terminal, 'env' | 'cwd'> {
  /** @default as configured */
  readonly logFormat?: 'text' | 'json' | undefined
}

/**
 * Says at once which imports are broken. Calls reject with the errors of the parts, or {@link RemoteError} where a daemon would answer with
 * words of its own.
 *
 * @param write - told each line, with its end
 */
export const openLocalClient = async (store: ShardStore, write: (line: string) => void, options: LocalClientOptions = { env: process.env, cwd: process.cwd() }): Promise<LocalClient> => {
  const configured = configOfCommand(store.root, options)
  const config = { ...configured, logFormat: options.logFormat ?? configured.logFormat }
  const logs = createLogs({ write, clock: systemClock, level: config.logLevel, format: config.logFormat, colors: false })
  const side = await openClientSide(store, { config, logs, clock: systemClock, background: false, env: options.env })
  try {
    await checkImports(side.parts.imports, { log: logs.of('importmgr'), format: config.logFormat, write, clock: undefined })
    return { calls: localCalls(side.parts, (text) => { logs.of('client').warn(text) }), close: () => side.close() }
  } catch (error) {
    await side.close()
    throw error
  }
}

/** Of the parts that are there; the caller may do everything. */
export const localCalls = (parts: ClientParts, notice: (text: string) => void): ClientCalls => {
  const handlers = clientHandlers(parts, notice) as Partial<Readonly<Record<LotusClientMethodName, AnyCall>>>
  const names = METHOD_NAMES.filter((name): name is LotusClientMethodName => name.startsWith('Client'))
  return {
    ...Object.fromEntries(names.map((name) => [name, asLocal(name, handlers[name] ?? absent)])) as unknown as LotusClientApi,
    importStream: async (content, { signal } = {}) => {
      const { id, root } = await (parts.imports ?? absent()).importStream(content, { signal })
      if (root === undefined) throw new CommandError('COMMAND_REFUSED', 'the import has no root')
      return { Root: root, ImportID: id }
    },
  }
}

type AnyCall = (...given: readonly unknown[]) => unknown

const absent = (): never => { throw new CommandError('COMMAND_REFUSED', 'this store has no such part of a client') }

const asLocal = (name: LotusClientMethodName, call: AnyCall): AnyCall => {
  const { params: { length }, stream } = METHODS[name]
  const begin = (given: readonly unknown[]): unknown => call(...Array.from({ length }, (_, at) => given[at]), { ...(given[length] as object | undefined), permissions: PERMISSIONS })
  if (!stream) {
    return async (...given) => {
      const release = hold()
      try {
        return await begin(given)
      } catch (error) {
        throw toRemote(error)
      } finally {
        release()
      }
    }
  }
  return async function * (...given) {
    const release = hold()
    try {
      yield * begin(given) as AsyncIterable<unknown>
    } catch (error) {
      throw toRemote(error)
    } finally {
      release()
    }
  }
}

/** Far beyond any process. */
const NEVER_MS = 2 ** 31 - 1

/** The pauses between two attempts do not keep a process alive, and there may be nothing else in this one. */
const hold = (): (() => void) => {
  const timer = setInterval(() => {}, NEVER_MS)
  return () => { clearInterval(timer) }
}
