/** The access log of a gateway: where its configuration wants it. */
import { type AccessEntry, accessLine } from '@dagstore/trustless-gateway/node'
import { CommandError, explain } from '../failure.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log/logs.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
import { openLineFile } from './line-file.ts'

export interface AccessLog {
  /** Never waits. */
  note (entry: AccessEntry): void
  /** After it was renamed. */
  reopen (): Promise<void>
  close (): Promise<void>
}

/** @param place - as `AccessLog` of the configuration @throws {CommandError} `COMMAND_REFUSED`: the file cannot be opened */
export const openAccessLog = async (place: string, format: Config['accessLogFormat'], terminal: Terminal, log: Logger): Promise<AccessLog> => {
  if (place === '') return { note: () => {}, reopen: async () => {}, close: async () => {} }
  // lines for a person wait for the terminal; programs that read them may be slow
  const isShown = place === '-' && (terminal.showsResults === true || terminal.stdoutFile === undefined)
  if (isShown) return { note: (entry) => { terminal.stdout(accessLine(entry, format)) }, reopen: async () => {}, close: async () => {} }
  const file = await openLineFile(place === '-' ? terminal.stdoutFile ?? 1 : place, {
    onLost: (error) => { log.error('the access log cannot be written', { error }) },
    onFound: (lost) => { log.warn(`the access log goes on; ${count(lost, 'line')} lost`) },
  }).catch((cause: unknown) => { throw new CommandError('COMMAND_REFUSED', `the access log cannot be opened: ${explain(cause, place)}`, { cause }) })
  return {
    note: (entry) => { file.add(accessLine(entry, format)) },
    reopen: () => file.reopen().catch((error: unknown) => { log.error('the access log cannot be opened again; lines go to the one before', { error }) }),
    close: () => file.close(),
  }
}
