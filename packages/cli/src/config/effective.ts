/** Which value of each key holds, and where it comes from: an option before the environment, that before the file, that before the default. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CommandError } from '../failure.ts'
import type { RootFolder } from '../root-folder.ts'
import { DEFAULT_ROOT } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import type { Config } from './config.ts'
import { CONFIG_FILE } from './file-name.ts'
import { envName, FIELDS, KEYS } from './keys.ts'
import { nearest } from './nearest.ts'
import { resolvePaths } from './paths.ts'
import { type FileValues, readConfigFile } from './read-file.ts'

/** `name`: the option, the variable, or the file, as the user named it. */
export type ValueOrigin =
  | { readonly kind: 'default' }
  | { readonly kind: 'option', readonly name: string }
  | { readonly kind: 'environment', readonly name: string }
  | { readonly kind: 'file', readonly name: string, readonly line: number | undefined }

export interface EffectiveConfig {
  readonly config: Config
  readonly origins: { readonly [field in keyof Config]: ValueOrigin }
  readonly root: RootFolder
  /** The file that was read; `undefined`: there is none. */
  readonly file: FileValues | undefined
}

/** What the command line says: texts as they were typed, or what commander has made of them. */
export interface ConfigOptions {
  readonly root?: string | undefined
  /** A file in place of `<root>/config.toml`. */
  readonly config?: string | undefined
  /** By field of {@link Config}. */
  readonly values?: Partial<Config> | undefined
}

/** What the file in the folder of the store says, and the defaults: for commands that have no options of a daemon. */
export const configOfRoot = (root: RootFolder): Config => {
  const { values } = readConfigFile(join(root.path, CONFIG_FILE), join(root.label, CONFIG_FILE), process.env['HOME'])
  return { ...defaultConfig(), ...values }
}

/** The same with what the environment says before it, as for a daemon. @throws {CommandError} `COMMAND_USAGE` */
export const configOfCommand = (root: RootFolder, terminal: Pick<Terminal, 'env' | 'cwd'>): Config => {
  const written = existsSync(join(root.path, CONFIG_FILE)) ? configOfRoot(root) : defaultConfig()
  return { ...written, ...Object.fromEntries([...readEnvironment(terminal)].map(([field, { value }]) => [field, value])) }
}

export const defaultConfig = (): Config => Object.fromEntries(FIELDS.map((field) => [field, KEYS[field].default])) as unknown as Config

/**
 * The root is `--root`, else DAGSTORE_PATH, else `RootDir` of the environment or of `--config`, else ./.dagstore; the file is
 * `--config`, else `config.toml` in the root, if it is there.
 *
 * @throws {CommandError} `COMMAND_USAGE`: a bad value, an unknown key; a file in the store that names another one
 */
export const effectiveConfig = (options: ConfigOptions, terminal: Terminal): EffectiveConfig => {
  const { cwd, env } = terminal
  if (options.root === '') throw new CommandError('COMMAND_USAGE', 'name a folder: --root DIR')
  if (options.config === '') throw new CommandError('COMMAND_USAGE', 'name a file: --config FILE')
  const read = (path: string, label: string): FileValues => readConfigFile(path, label, env['HOME'])
  const given = options.config === undefined ? undefined : read(resolve(cwd, options.config), options.config)
  const environment = readEnvironment(terminal)
  const named = options.root ?? (env['DAGSTORE_PATH'] || undefined)
  const configured = environment.get('rootDir')?.value as string | undefined ?? given?.values.rootDir
  const label = named ?? (configured || DEFAULT_ROOT)
  const root: RootFolder = { path: resolve(cwd, label), label } // as all commands take it
  const own = join(root.path, CONFIG_FILE)
  const file = given ?? (existsSync(own) ? read(own, join(label, CONFIG_FILE)) : undefined)
  const elsewhere = given === undefined ? file?.values.rootDir : undefined
  if (file !== undefined && elsewhere !== undefined && elsewhere !== '' && elsewhere !== root.path) {
    throw new CommandError('COMMAND_USAGE', `${file.label}${showLine(file.lines.get('rootDir'))}: RootDir names another folder than the one that this file is in; leave it out, or give the file by --config`)
  }
  const values: Partial<Record<keyof Config, unknown>> = {}
  const origins: Partial<Record<keyof Config, ValueOrigin>> = {}
  for (const field of FIELDS) {
    const typed = options.values?.[field]
    const variable = environment.get(field)
    const written = file?.values[field]
    const { flag = '' } = KEYS[field]
    if (typed !== undefined) [values[field], origins[field]] = [resolvePaths(field, typed, cwd, env['HOME']), { kind: 'option', name: flag }]
    else if (variable !== undefined) [values[field], origins[field]] = [variable.value, { kind: 'environment', name: variable.name }]
    else if (file !== undefined && written !== undefined) [values[field], origins[field]] = [written, { kind: 'file', name: file.label, line: file.lines.get(field) }]
    else [values[field], origins[field]] = [KEYS[field].default, { kind: 'default' }]
  }
  // what became of all that was said about it
  if (named !== undefined) origins.rootDir = options.root === undefined ? { kind: 'environment', name: 'DAGSTORE_PATH' } : { kind: 'option', name: '--root' }
  values.rootDir = root.path
  const config = values as unknown as Config
  if (config.migrateFrom !== '' && config.migrateSource === '') throw new CommandError('COMMAND_USAGE', `${place(origins.migrateFrom)}MigrateFrom = "${config.migrateFrom}" wants MigrateSource: where these deals are`)
  if ((config.tlsCert === '') !== (config.tlsKey === '')) throw new CommandError('COMMAND_USAGE', `${place(config.tlsCert === '' ? origins.tlsKey : origins.tlsCert)}${config.tlsCert === '' ? 'TlsKey wants TlsCert: the certificate that it belongs to' : 'TlsCert wants TlsKey: its private key'}`)
  if (config.minPieceBytes > config.maxPieceBytes) throw new CommandError('COMMAND_USAGE', `${place(origins.maxPieceBytes)}MaxPieceSize is below MinPieceSize`)
  return { config, origins: origins as EffectiveConfig['origins'], root, file }
}

const place = (origin: ValueOrigin | undefined): string => origin?.kind === 'file' ? `${origin.name}${showLine(origin.line)}: ` : origin?.kind === 'environment' ? `${origin.name}: ` : ''

const showLine = (line: number | undefined): string => line === undefined ? '' : `:${line}`

/** Variables that are ours, and no keys. */
const OTHERS: ReadonlySet<string> = new Set(['DAGSTORE_PATH', 'DAGSTORE_API_INFO', 'DAGSTORE_CHECKOUT'])

/** Empty variables say nothing. @throws {CommandError} `COMMAND_USAGE` */
const readEnvironment = ({ env, cwd }: Pick<Terminal, 'env' | 'cwd'>): ReadonlyMap<keyof Config, { readonly name: string, readonly value: unknown }> => {
  const found = new Map<keyof Config, { readonly name: string, readonly value: unknown }>()
  const problems: string[] = []
  for (const field of FIELDS) {
    const { kind, lotusEnv, secret } = KEYS[field]
    for (const variable of [envName(KEYS[field]), ...(lotusEnv === undefined ? [] : [lotusEnv])]) {
      const text = env[variable]
      if (text === undefined || text === '' || found.has(field)) continue
      try {
        found.set(field, { name: variable, value: resolvePaths(field, kind.parse(text), cwd, env['HOME']) })
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        problems.push(`${variable}: want ${error.message}${secret === true ? '' : `, got ${JSON.stringify(text)}`}`)
      }
    }
  }
  const known = new Set(FIELDS.map((field) => envName(KEYS[field])))
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('DAGSTORE_') || known.has(variable) || OTHERS.has(variable)) continue
    // other programs may have variables of such names, as clusters make them for services
    const meant = nearest(variable.slice('DAGSTORE_'.length), [...known, ...OTHERS].map((name) => name.slice('DAGSTORE_'.length)))
    if (meant !== undefined) problems.push(`${variable} is no key; did you mean DAGSTORE_${meant}?`)
  }
  if (problems.length > 0) throw new CommandError('COMMAND_USAGE', problems.join('; '))
  return found
}
