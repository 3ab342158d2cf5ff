/** What the daemon says: messages of named subsystems, each from a level on that can be set while it runs. */
import type { Clock } from '@dagstore/io'
import { codeOf, explain } from '../failure.ts'
import { paint, printable, toJson } from '../text.ts'
import { isLevel, isSubsystem, LOG_LEVELS, LOG_SUBSYSTEMS, type LogLevel, type LogSubsystem, parseLevels } from './levels.ts'
import { redacted } from './redact.ts'

/** Values of messages: a key, a number, an error. */
export type LogFields = Readonly<Record<string, unknown>>

/** One subsystem. Never throws. */
export type Logger = { readonly [level in LogLevel]: (message: string, fields?: LogFields) => void } & {
  /** Whether messages of the level are written, where making one costs something. */
  readonly isOn: (level: LogLevel) => boolean
}

export interface Logs {
  readonly of: (subsystem: LogSubsystem) => Logger
  /** Names of all subsystems, sorted. */
  readonly list: () => readonly string[]
  /** @param subsystem - `*`: all @throws {RangeError} no such subsystem or level */
  readonly setLevel: (subsystem: string, level: string) => void
}

export interface LogsOptions {
  readonly write: (line: string) => void
  readonly clock: Pick<Clock, 'now'>
  /** As of {@link parseLevels}. */
  readonly level: string
  readonly format: 'text' | 'json'
  readonly colors: boolean
}

const COLORS = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const

export const createLogs = ({ write, clock, level: levelText, format, colors }: LogsOptions): Logs => {
  const parsed = parseLevels(levelText)
  if (parsed === undefined) throw new RangeError(`log level; got=${levelText}`)
  const levels = new Map(parsed)
  const say = format === 'json' ? asJson : (entry: Entry) => asText(entry, colors)
  const isOn = (subsystem: LogSubsystem, level: LogLevel): boolean => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(levels.get(subsystem) ?? 'info')
  const create = (subsystem: LogSubsystem): Logger => {
    const at = (level: LogLevel) => (message: string, fields: LogFields = {}): void => {
      if (isOn(subsystem, level)) write(`${say({ at: new Date(clock.now()).toISOString(), level, subsystem, message: redacted(message), fields })}\n`)
    }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), isOn: (level) => isOn(subsystem, level) }
  }
  const loggers = new Map(LOG_SUBSYSTEMS.map((name) => [name, create(name)]))
  return {
    of: (subsystem) => loggers.get(subsystem) as Logger,
    list: () => [...LOG_SUBSYSTEMS].sort(),
    setLevel: (subsystem, level) => {
      const wanted = level.toLowerCase()
      if (!isLevel(wanted)) throw new RangeError(`unknown level; want=${LOG_LEVELS.join('|')} got=${level}`)
      if (subsystem !== '*' && !isSubsystem(subsystem)) throw new RangeError(`unknown subsystem; want=${LOG_SUBSYSTEMS.join('|')} got=${subsystem}`)
      for (const name of LOG_SUBSYSTEMS) if (subsystem === '*' || name === subsystem) levels.set(name, wanted)
    },
  }
}

interface Entry { readonly at: string, readonly level: LogLevel, readonly subsystem: LogSubsystem, readonly message: string, readonly fields: LogFields }

/** One line: control characters of keys and messages must not end it, or move a terminal. */
const asText = ({ at, level, subsystem, message, fields }: Entry, colors: boolean): string => {
  const named = Object.entries(fields).filter(([, value]) => value !== undefined).map(([name, value]) => ` ${paint(`${name}=`, 'dim', colors)}${shown(value)}`)
  return `${paint(at, 'dim', colors)} ${paint(level.toUpperCase().padEnd(5), COLORS[level], colors)} ${subsystem.padEnd(7)} ${printable(message)}${named.join('')}`
}

const shown = (value: unknown): string => {
  const text = redacted(value instanceof Error ? explain(value) : typeof value === 'string' ? value : typeof value === 'bigint' ? value.toString() : toJson(value))
  return /^[^\s"=]+$/u.test(text) ? printable(text) : printable(JSON.stringify(text))
}

/** Names of fields as Lotus's loggers write them; an error is its sentence, and its code. */
const asJson = ({ at, level, subsystem, message, fields }: Entry): string => {
  const code = Object.values(fields).filter((value) => value instanceof Error).map((error) => codeOf(error)).find((one) => one !== undefined)
  return JSON.stringify({ level, ts: at, logger: subsystem, msg: message, ...(code === undefined ? {} : { code }), ...fields }, (_name, value: unknown) => {
    const plain = value instanceof Error ? explain(value) : typeof value === 'bigint' ? value.toString() : value
    return typeof plain === 'string' ? redacted(plain) : plain
  })
}
