/** Reads a configuration file: ours, or one of Lotus or Boost, of which only the keys that we have count. */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import { parse, TomlError } from 'smol-toml'
import { CommandError, explain } from '../failure.ts'
import type { Config } from './config.ts'
import { FIELDS, KEYS, SECTIONS } from './keys.ts'
import { nearest } from './nearest.ts'
import { resolvePaths } from './paths.ts'
import { tomlPlaces } from './toml-places.ts'

/** What a file says. */
export interface FileValues {
  /** As the user named it. */
  readonly label: string
  readonly values: Partial<Config>
  /** Line of each key, from 1; `undefined` inside an inline table. */
  readonly lines: ReadonlyMap<keyof Config, number | undefined>
  /** Sections of other programs. */
  readonly ignored: readonly string[]
}

type Table = Readonly<Record<string, unknown>>
const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

const SECTION_NAMES = Object.keys(SECTIONS)
const KEY_NAMES = FIELDS.map((field) => KEYS[field].name)

/**
 * Our sections strictly: an unknown key and a value of another kind are refused. Other sections belong to other programs, unless
 * they are called nearly as one of ours.
 *
 * @param path - absolute
 * @param home - for paths with `~/`
 * @throws {CommandError} `COMMAND_USAGE`: with all that is wrong, each with its line. `COMMAND_REFUSED`: it cannot be read
 */
export const readConfigFile = (path: string, label: string, home: string | undefined): FileValues => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const cause = classifyNodeError(error, 'the configuration could not be read')
    throw new CommandError('COMMAND_REFUSED', explain(cause, label, [path]), { cause })
  }
  return readConfigText(text, { label, folder: dirname(path), home })
}

/** @param where - `folder`: where relative paths start */
export const readConfigText = (text: string, { label, folder, home }: { readonly label: string, readonly folder: string, readonly home: string | undefined }): FileValues => {
  const document = parseToml(text, label)
  const places = tomlPlaces(text)
  const problems: string[] = []
  const values: Partial<Record<keyof Config, unknown>> = {}
  const lines = new Map<keyof Config, number | undefined>()
  const ignored: string[] = []
  const lineOf = (...names: string[]): number | undefined => places.get(names.join('.')) ?? places.get(names[0] ?? '')
  const problem = (line: number | undefined, what: string): void => { problems.push(`${label}${line === undefined ? '' : `:${line}`}: ${what}`) }
  for (const [name, value] of Object.entries(document)) {
    if (!SECTION_NAMES.includes(name)) {
      const meant = nearest(name, isTable(value) ? SECTION_NAMES : KEY_NAMES)
      if (meant === undefined) ignored.push(name)
      else problem(lineOf(name), isTable(value) ? `[${name}] is no section; did you mean [${meant}]?` : `${name} stands in no section; did you mean ${meant} of [${sectionOf(meant)}]?`)
      continue
    }
    if (!isTable(value)) {
      problem(lineOf(name), `${name} is a section: write [${name}] on a line of its own`)
      continue
    }
    const known = FIELDS.filter((field) => KEYS[field].section === name)
    for (const [key, given] of Object.entries(value)) {
      const field = known.find((one) => KEYS[one].name === key)
      const line = lineOf(name, key)
      if (field === undefined) {
        problem(line, unknownKey(name, key))
        continue
      }
      try {
        values[field] = resolvePaths(field, KEYS[field].kind.read(given), folder, home)
        lines.set(field, line)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        problem(line, `${key}: want ${error.message}${showGiven(field, given)}`)
      }
    }
  }
  if (problems.length > 0) throw new CommandError('COMMAND_USAGE', problems.join('; '))
  return { label, values: values as Partial<Config>, lines, ignored }
}

const parseToml = (text: string, label: string): Table => {
  try {
    return parse(text, { integersAsBigInt: true })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const what = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? ''
    throw new CommandError('COMMAND_USAGE', `${label}:${error.line}:${error.column}: no TOML: ${what}`, { cause: error })
  }
}

const sectionOf = (key: string): string => KEYS[FIELDS.find((field) => KEYS[field].name === key) ?? 'listen'].section

const unknownKey = (section: string, key: string): string => {
  const own = FIELDS.filter((field) => KEYS[field].section === section).map((field) => KEYS[field].name)
  const meant = nearest(key, own)
  if (meant !== undefined) return `[${section}] has no key ${key}; did you mean ${meant}?`
  const elsewhere = KEY_NAMES.includes(key) ? key : nearest(key, KEY_NAMES)
  return `[${section}] has no key ${key}; ${elsewhere === undefined ? `its keys are ${own.join(', ')}` : `did you mean ${elsewhere} of [${sectionOf(elsewhere)}]?`}`
}

/** Never what may be a secret. */
const showGiven = (field: keyof Config, given: unknown): string => {
  if (KEYS[field].secret === true) return ''
  const text = JSON.stringify(given, (_key, value: unknown) => typeof value === 'bigint' ? Number(value) : value) ?? String(given)
  return `, got ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`
}
