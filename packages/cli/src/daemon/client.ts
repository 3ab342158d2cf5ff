/** The client's side of a daemon: what it answers beside the RPC, and what it says at its start. */
import type { Clock } from '@dagstore/io'
import { type ExtraDoor, isRestPath, restHandler, webHandler } from '@dagstore/rpc'
import type { ClientSide } from '../client/client-side.ts'
import { checkImports } from '../client/sanity-check.ts'
import type { Config } from '../config/config.ts'
import { localUrl, parseListen } from '../config/listen.ts'
import type { Logs } from '../log/logs.ts'

const PAYLOADS = '/deals/v1/payloads/'

/** Uploads and exports are let in by the token as calls are; payloads have tokens of their own, each for one deal. */
export const clientDoors = ({ parts, payloads }: ClientSide, logs: Logs): readonly ExtraDoor[] => [
  { claims: isRestPath, access: 'gate', handler: webHandler(restHandler({ imports: parts.imports, exports: parts.retrievals, onNotice: (text) => { logs.of('client').warn(text) } })) },
  { claims: (path) => path.startsWith(PAYLOADS), access: 'everywhere', handler: webHandler((request, { client }) => payloads(request, { client })) },
]

/** Where providers reach a daemon: as it is told, else where it listens. `undefined`: it learns its port when it listens. */
export const payloadUrl = ({ payloadUrl: given, listen }: Pick<Config, 'payloadUrl' | 'listen'>): string | undefined => {
  if (given !== '') return given
  const at = parseListen(listen)
  return at === undefined || at.port === 0 ? undefined : localUrl(at.host, at.port)
}

export interface SaidOptions {
  readonly config: Pick<Config, 'logFormat'>
  readonly logs: Logs
  readonly clock: Clock
  readonly write: (line: string) => void
  readonly signal: AbortSignal
}

/** Which imports are broken; nobody waits for it. */
export const sayBroken = async ({ parts }: ClientSide, { config, logs, clock, write, signal }: SaidOptions): Promise<void> => {
  await checkImports(parts.imports, { log: logs.of('importmgr'), format: config.logFormat, write, clock, signal }).catch(() => {}) // the daemon ends
}
