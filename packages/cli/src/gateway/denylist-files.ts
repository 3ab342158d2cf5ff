/** The denylists of a gateway, in files that are renewed while it runs. */
import { createReadStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { openHashes } from '@dagstore/hashes/node'
import type { Clock } from '@dagstore/io'
import { watchFiles } from '@dagstore/io/node'
import { createDenylist, type Denylist } from '@dagstore/trustless-gateway'
import { CommandError, explain } from '../failure.ts'
import type { Logger } from '../log/logs.ts'

export interface DenylistFiles extends Denylist {
  /** Reads them again; where one cannot be read, the rules before count on. */
  reload (): Promise<void>
  close (): Promise<void>
}

export interface DenylistFilesOptions {
  readonly clock: Clock
  readonly log: Logger
}

/** @returns `undefined`: there are none @throws {CommandError} `COMMAND_REFUSED`: one cannot be read, or is none */
export const openDenylistFiles = async (paths: readonly string[], { clock, log }: DenylistFilesOptions): Promise<DenylistFiles | undefined> => {
  if (paths.length === 0) return undefined
  const hashes = await openHashes()
  const list = createDenylist(() => paths.map((name) => ({ name, read: () => createReadStream(name) as AsyncIterable<Uint8Array> })), { hashes })
  const read = async (): Promise<void> => {
    const { rules, badLineCount, badLines: [first] } = await list.reload()
    log.info('denylists were read', { files: paths.length, rules })
    if (first !== undefined) log.warn('lines of denylists were passed over', { lines: badLineCount, file: first.list, line: first.line, reason: first.reason })
  }
  const refuse = (cause: unknown, path?: string): never => { throw new CommandError('COMMAND_REFUSED', `a denylist cannot be used: ${explain(cause, path)}`, { cause }) }
  for (const path of paths) await access(path, constants.R_OK).catch((cause: unknown) => refuse(cause, path))
  await read().catch((cause: unknown) => refuse(cause))
  const reload = (): Promise<void> => read().catch((error: unknown) => { log.warn('denylists could not be read again; the rules before count on', { error }) })
  const ending = new AbortController()
  const watching = watchFiles(paths, clock, ending.signal, reload)
  return {
    check: (cid, path) => list.check(cid, path),
    reload,
    close: async () => {
      ending.abort()
      await watching
    },
  }
}
