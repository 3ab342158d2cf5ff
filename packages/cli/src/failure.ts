/** How a failure is told: one sentence with file, place and cause; a stack trace only with `--debug`. */

import { printable } from './text.ts'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type CommandErrorCode = 'COMMAND_USAGE' | 'COMMAND_NO_STORE' | 'COMMAND_REFUSED' | 'COMMAND_FAILED_ITEMS' | 'COMMAND_INTERRUPTED'

/** A refusal of the command itself. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: CommandErrorCode

  constructor (code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** A system error without its code, call and path, which the rest of the sentence says better. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (!('syscall' in error)) return error.message.replace(/; reason=E[A-Z]+$/, '').replace(/; cause=(?=[A-Z0-9_]+: )/, ': ')
  return error.message.replace(/^E[A-Z0-9]+: /, '').replace(/, [a-z]+( '.*')?$/s, '')
}

const offsetOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'offset' in error && typeof error.offset === 'number' ? error.offset : undefined

/** Without `path=` or `key=` of what the sentence names already; other details stay. */
const withoutNames = (message: string, names: readonly string[]): string => {
  let text = message
  for (const name of names) {
    for (const field of [`; path=${name}`, `; key=${name}`]) {
      text = text.replace(`${field};`, ';').replace(`${field}: `, ': ').replace(`${field} `, '; ')
      if (text.endsWith(field)) text = text.slice(0, -field.length)
    }
  }
  return text
}

/**
 * The chain of causes as one sentence: `repo.car: section runs past the end; … at byte 4711 (CARV2_TRUNCATED)`.
 *
 * @param paths - other names of the subject, which its user has not typed
 */
export const explain = (error: unknown, subject?: string, paths: readonly string[] = []): string => {
  const parts: string[] = []
  let code: string | undefined
  let offset: number | undefined
  const named = subject === undefined ? paths : [...paths, subject]
  for (let current: unknown = error, depth = 0; current !== undefined && current !== null && depth < 6; depth++) {
    const message = withoutNames(messageOf(current), named)
    if (message !== '' && !parts.some((part) => part.includes(message))) parts.push(message)
    code ??= codeOf(current)
    offset ??= offsetOf(current)
    if (current instanceof AggregateError) {
      for (const text of current.errors.map((inner) => explain(inner))) if (!parts.some((part) => part.includes(text.replace(/ \([A-Z\d_]+\)$/, '')))) parts.push(text)
    }
    // who has the lock is all there is to say; the engine's own words add nothing
    current = current instanceof Error && codeOf(current) !== 'DAGSTORE_LOCKED' ? current.cause : undefined
  }
  const place = offset === undefined || parts.some((part) => part.includes(String(offset))) ? '' : ` at byte ${offset}`
  return printable(`${subject === undefined ? '' : `${subject}: `}${parts.join(': ')}${place}${code === undefined ? '' : ` (${code})`}`)
}

const told = new WeakSet<object>()

/** The JSON document on stdout tells of this failure already. */
export const markTold = (error: unknown): void => { if (typeof error === 'object' && error !== null) told.add(error) }

export const isTold = (error: unknown): boolean => typeof error === 'object' && error !== null && told.has(error)
