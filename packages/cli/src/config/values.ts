/** The kinds of values that a key of the configuration may have: how each is read from TOML and from text, and written. */

export interface ValueKind<T> {
  /** What is wanted, for messages and for the page of keys. */
  readonly wants: string
  /** From TOML: whole numbers are bigints there. @throws {RangeError} another value is wanted; the message is {@link wants} */
  readonly read: (value: unknown) => T
  /** From an environment variable or an option. @throws {RangeError} */
  readonly parse: (text: string) => T
  /** As TOML. */
  readonly show: (value: T) => string
}

const refuse = (wants: string): never => { throw new RangeError(wants) }

const kind = <T>(wants: string, parse: (text: string) => T | undefined, show: (value: T) => string, accepts: (value: unknown) => string | undefined): ValueKind<T> => ({
  wants,
  parse: (text) => parse(text.trim()) ?? refuse(wants),
  read: (value) => {
    const text = accepts(value)
    return (text === undefined ? undefined : parse(text)) ?? refuse(wants)
  },
  show,
})

const asString = (value: unknown): string | undefined => typeof value === 'string' ? value : undefined
const asDigits = (value: unknown): string | undefined => typeof value === 'bigint' ? value.toString() : undefined

/** JSON strings are basic strings of TOML, but for DEL. */
export const quote = (text: string): string => JSON.stringify(text).replaceAll('\u007f', '\\u007f')

export const textKind: ValueKind<string> = kind('a string', (text) => text, quote, asString)

export const wholeNumber = (least: number): ValueKind<number> => {
  const parse = (text: string): number | undefined => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : undefined
    return value !== undefined && Number.isSafeInteger(value) && value >= least ? value : undefined
  }
  return kind(`a whole number from ${least}`, parse, String, asDigits)
}

const MAX_U64 = 2n ** 64n - 1n

/** The id of an actor: `1000`, `t01000`, `f01000`. */
export const actorKind: ValueKind<bigint> = kind('the id of an actor such as 1000 or "f01000"', (text) => {
  const digits = /^(?:[ft]0)?(\d{1,20})$/.exec(text)?.[1]
  const id = digits === undefined ? undefined : BigInt(digits)
  return id !== undefined && id <= MAX_U64 ? id : undefined
}, (id) => id <= BigInt(Number.MAX_SAFE_INTEGER) ? String(id) : quote(`f0${id}`), (value) => asString(value) ?? asDigits(value))

/** attoFIL; more than exists is a slip of the pen. */
export const amountKind: ValueKind<bigint> = kind('an amount in attoFIL such as "500000000"', (text) => /^\d{1,30}$/.test(text) ? BigInt(text) : undefined, (amount) => quote(String(amount)), (value) => asString(value) ?? asDigits(value))

export const booleanKind: ValueKind<boolean> = kind('true or false', (text) => ({ true: true, 1: true, false: false, 0: false })[text.toLowerCase()], String, (value) => typeof value === 'boolean' ? String(value) : undefined)

export const choice = <const T extends string>(...values: readonly T[]): ValueKind<T> =>
  kind(values.map((value) => value === '' ? 'nothing ("")' : value).join(', ').replace(/, ([^,]*)$/, ' or $1'), (text) => values.find((value) => value === text), quote, asString)

/** A string for which `accepts` is true. */
export const textOf = (wants: string, accepts: (text: string) => boolean): ValueKind<string> =>
  kind(wants, (text) => accepts(text) ? text : undefined, quote, asString)

/** Of the environment, with commas between. */
export const listOf = (wants: string, accepts: (text: string) => boolean): ValueKind<readonly string[]> => ({
  wants,
  parse: (text) => {
    const parts = text.split(',').map((part) => part.trim()).filter((part) => part !== '')
    return parts.every(accepts) ? parts : refuse(wants)
  },
  read: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' && accepts(item)) ? value : refuse(wants),
  show: (value) => `[${value.map(quote).join(', ')}]`,
})

export const pathsKind: ValueKind<readonly string[]> = listOf('a list of paths', (text) => text !== '' && !text.includes('\0'))

const MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/uy

/**
 * A duration as Go writes it, in milliseconds: `1m`, `1h30m`, `1.5s`, `0`. `undefined`: none, or below zero.
 * Source: Go time.ParseDuration. Stricter: no sign.
 */
export const parseDuration = (text: string): number | undefined => {
  if (text === '0') return 0
  let ms = 0
  PART.lastIndex = 0
  do {
    const [, number, unit] = PART.exec(text) ?? []
    if (number === undefined || unit === undefined) return undefined
    ms += Number(number) * (MS[unit] ?? 0)
  } while (PART.lastIndex < text.length)
  return ms <= Number.MAX_SAFE_INTEGER ? ms : undefined
}

/** `1m0s` in Go; here without parts that are nothing. */
export const showDuration = (ms: number): string => {
  if (ms === 0) return '0s'
  const parts: string[] = []
  let rest = ms
  for (const unit of ['h', 'm'] as const) {
    const whole = Math.floor(rest / (MS[unit] ?? 1))
    if (whole > 0) parts.push(`${whole}${unit}`)
    rest -= whole * (MS[unit] ?? 1)
  }
  if (rest > 0) parts.push(rest < 1000 ? `${rest}ms` : `${rest / 1000}s`)
  return parts.join('')
}

export const durationKind: ValueKind<number> = kind('a duration such as "30s", "1m" or "1h30m"', parseDuration, (ms) => quote(showDuration(ms)), asString)

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 }

/** `64MiB`, `1.5 GB`, `1048576`. `undefined`: none, or no whole number of bytes. */
export const parseBytes = (text: string): number | undefined => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)$/iu.exec(text) ?? []
  const factor = UNITS[unit?.toLowerCase() ?? '-']
  if (number === undefined || factor === undefined) return undefined
  const bytes = Number(number) * factor
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Exact: in the largest unit of which it is a whole number. */
export const showExactBytes = (bytes: number): string => {
  const unit = (['TiB', 'GiB', 'MiB', 'KiB'] as const).find((name) => bytes > 0 && bytes % (UNITS[name.toLowerCase()] ?? 1) === 0)
  return unit === undefined ? String(bytes) : `${bytes / (UNITS[unit.toLowerCase()] ?? 1)}${unit}`
}

/** At least `least` of them. */
export const bytesFrom = (least: number): ValueKind<number> => kind(
  least === 0 ? 'a number of bytes such as "64MiB" or 0' : `a number of bytes such as "64MiB", from ${least}`,
  (text) => { const bytes = parseBytes(text); return bytes !== undefined && bytes >= least ? bytes : undefined },
  (bytes) => bytes === 0 ? '0' : quote(showExactBytes(bytes)),
  (value) => asString(value) ?? asDigits(value)
)

/** A number of bytes for which `accepts` is true. */
export const sizeOf = (wants: string, accepts: (bytes: number) => boolean): ValueKind<number> => kind(
  wants,
  (text) => { const bytes = parseBytes(text); return bytes !== undefined && accepts(bytes) ? bytes : undefined },
  (bytes) => quote(showExactBytes(bytes)),
  (value) => asString(value) ?? asDigits(value)
)
