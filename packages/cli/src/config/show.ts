/** The configuration as TOML: the defaults with what each key is for, and the values that hold with where each comes from. */
import type { Config } from './config.ts'
import type { EffectiveConfig, ValueOrigin } from './effective.ts'
import type { ConfigKey, SectionName } from './config-key.ts'
import { envName, FIELDS, KEYS, SECTIONS } from './keys.ts'
import { quote } from './values.ts'

const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[]
const COLUMNS = 100

/** All keys as comments, with their defaults: a file to begin with, which changes nothing. */
export const defaultText = (): string => `${SECTION_NAMES.map((section) => `${wrapped(SECTIONS[section])}\n[${section}]\n${FIELDS.filter((field) => KEYS[field].section === section).map((field) => {
  const key: ConfigKey<any> = KEYS[field]
  return `${wrapped(key.help)}\n# ${sayings(key).join(', ')}\n# ${key.name} = ${key.kind.show(key.default)}\n`
}).join('\n')}`).join('\n')}`

/** How else the key is said: an option of the daemon, variables. */
export const sayings = (key: ConfigKey<any>): string[] => [...(key.flag === undefined ? [] : [key.flag]), envName(key), ...(key.lotusEnv === undefined ? [] : [key.lotusEnv])]

/** As comment lines. */
const wrapped = (text: string): string => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`# ${word}`)
  }
  return lines.join('\n')
}

/** Every key with its value; behind it, where the value comes from. */
export const effectiveText = ({ config, origins }: Pick<EffectiveConfig, 'config' | 'origins'>): string => SECTION_NAMES.map((section) => {
  const rows = FIELDS.filter((field) => KEYS[field].section === section).map((field) => [`${KEYS[field].name} = ${shownValue(config, field)}`, showOrigin(origins[field])] as const)
  const width = Math.min(60, Math.max(...rows.map(([text]) => text.length)))
  return `[${section}]\n${rows.map(([text, origin]) => `${text.padEnd(width)}  # ${origin}\n`).join('')}`
}).join('\n')

/** One row of `config effective --json`. */
export interface EffectiveRow {
  readonly section: string
  readonly key: string
  /** A number, text, list or boolean; durations as Go writes them; secrets as `***`. */
  readonly value: unknown
  readonly origin: ValueOrigin
}

export const effectiveRows = ({ config, origins }: Pick<EffectiveConfig, 'config' | 'origins'>): readonly EffectiveRow[] => FIELDS.map((field) => {
  const text = shownValue(config, field)
  return { section: KEYS[field].section, key: KEYS[field].name, value: JSON.parse(text), origin: origins[field] }
})

const shownValue = <F extends keyof Config>(config: Config, field: F): string => {
  const { kind, secret } = KEYS[field]
  const text = kind.show(config[field])
  return secret === true && config[field] !== '' ? quote('***') : text
}

const showOrigin = (origin: ValueOrigin): string => {
  if (origin.kind === 'default') return 'default'
  return origin.kind === 'file' && origin.line !== undefined ? `${origin.name}:${origin.line}` : origin.name
}
