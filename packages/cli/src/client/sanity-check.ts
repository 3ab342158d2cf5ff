/**
 * What is said of broken imports at each start, in the words of Lotus: a line for each, then how many there are. Files are looked at, not read.
 *
 *     WARN importmgr import lacks carv2 path; import will not work; please reimport {"id":1629158400000000000,"source":"import","root":"bafy…","original":"/data/a"}
 *     INFO importmgr sanity check completed {"broken":1,"total":3}
 *
 * Source: lotus node/repo/imports/manager.go, node/modules/client.go.
 */
import type { Clock } from '@dagstore/io'
import { toJson } from '@dagstore/json-rpc'
import type { ClientImportParts } from '@dagstore/rpc/handlers'
import { explain } from '../failure.ts'
import type { Logger } from '../log/logs.ts'
import { printable } from '../text.ts'

export interface SanityOptions {
  /** Which levels are written. */
  readonly log: Pick<Logger, 'isOn'>
  readonly format: 'text' | 'json'
  /** Of a line, with its end. */
  readonly write: (line: string) => void
  /** Lines begin with the time; `undefined`: they do not. */
  readonly clock: Pick<Clock, 'now'> | undefined
  readonly signal?: AbortSignal | undefined
}

const WORDS = {
  'no-car-path': 'import lacks carv2 path; import will not work; please reimport',
  'broken': 'import has missing/broken carv2; please reimport',
} as const

/** Broken imports, and a list that cannot be read, stop nobody. @throws the reason of the signal alone */
export const checkImports = async (imports: Pick<ClientImportParts, 'check'>, { log, format, write, clock, signal }: SanityOptions): Promise<void> => {
  const say = (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void => {
    if (!log.isOn(level)) return
    const at = clock === undefined ? undefined : new Date(clock.now()).toISOString()
    const line = format === 'json'
      ? toJson({ level, ...(at === undefined ? {} : { ts: at }), logger: 'importmgr', msg: message, ...fields })
      : `${at === undefined ? '' : `${at} `}${level.toUpperCase()} importmgr ${message} ${toJson(fields)}`
    write(`${printable(line)}\n`)
  }
  let broken = 0
  try {
    const check = imports.check({ signal })
    for (;;) {
      const next = await check.next()
      if (next.done === true) return say('info', 'sanity check completed', { broken, total: next.value })
      broken++
      const { record: { id, source, root, filename }, reason, message } = next.value
      say('warn', WORDS[reason], { id, source, root: root?.toString() ?? '', original: filename, ...(reason === 'broken' ? { error: message } : {}) })
    }
  } catch (error) {
    signal?.throwIfAborted()
    say('warn', 'failed to list imports', { error: explain(error) })
  }
}
