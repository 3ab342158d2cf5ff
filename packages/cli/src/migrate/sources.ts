/** Which deals `migrate` is to read, from its options. */
import { isApiInfo } from '../api-address.ts'
import { CommandError } from '../failure.ts'
import type { Terminal } from '../terminal.ts'
import type { DealSystem } from '../deal-readers.ts'

export interface SourceOptions {
  readonly from: DealSystem
  readonly apiInfo?: string
  readonly repo?: string
  readonly boostdData?: string
  readonly db?: string
}

type SourceOption = Exclude<keyof SourceOptions, 'from'>

/** Which options each system takes, the usual one first. */
const OPTIONS: Readonly<Record<DealSystem, readonly SourceOption[]>> = { lotus: ['apiInfo', 'repo'], boost: ['boostdData', 'repo', 'db'], curio: ['db'], file: [] }
const FLAGS: Readonly<Record<SourceOption, string>> = { apiInfo: '--api-info', repo: '--repo', boostdData: '--boostd-data', db: '--db' }
/** In which a user of Lotus has them already. */
const LOTUS_VARIABLES = ['MARKETS_API_INFO', 'MINER_API_INFO'] as const

/** @param file - the argument @throws {CommandError} `COMMAND_USAGE`: none, several, or one of another system */
export const sourceOf = (options: SourceOptions, file: string | undefined, { env }: Terminal): string => {
  const { from } = options
  const all = Object.keys(FLAGS) as SourceOption[]
  const given = all.filter((name) => options[name] !== undefined)
  const foreign = given.find((name) => !OPTIONS[from].includes(name))
  if (foreign !== undefined) throw new CommandError('COMMAND_USAGE', `${FLAGS[foreign]} does not go with --from ${from}`)
  if (file !== undefined && from !== 'file') throw new CommandError('COMMAND_USAGE', `a file goes with --from file; of ${from}: ${wanted(from)}`)
  if (given.length > 1) throw new CommandError('COMMAND_USAGE', `one of ${wanted(from)}`)
  const [name] = given
  const source = name === undefined ? file ?? fromEnvironment(from, env) : options[name]
  if (source === undefined || source === '') throw new CommandError('COMMAND_USAGE', from === 'file' ? 'name a file: dagstore migrate --from file deals.ndjson' : `say where the deals are: ${wanted(from)}`)
  if (name !== undefined || from === 'lotus') checkSource(name ?? 'apiInfo', source, from)
  return source
}

/** What it is no matter of is never told: it may be a secret. @throws {CommandError} `COMMAND_USAGE` */
const checkSource = (name: SourceOption, source: string, from: DealSystem): void => {
  const isUrl = (schemes: string): boolean => new RegExp(`^(?:${schemes})://`, 'i').test(source) && URL.canParse(source)
  if (name === 'apiInfo' && !isApiInfo(source)) throw new CommandError('COMMAND_USAGE', 'want TOKEN:MULTIADDR or a URL: --api-info "$MINER_API_INFO"')
  if (name === 'boostdData' && !isUrl('wss?|https?')) throw new CommandError('COMMAND_USAGE', 'want a URL: --boostd-data ws://127.0.0.1:8042')
  if (name === 'db' && from === 'curio' && !/^postgres(?:ql)?:\/\//i.test(source)) throw new CommandError('COMMAND_USAGE', 'want a URL: --db postgres://USER:PASSWORD@HOST:5433/yugabyte')
}

const wanted = (from: DealSystem): string => OPTIONS[from].map((name) => FLAGS[name]).join(', ')

const fromEnvironment = (from: DealSystem, env: Terminal['env']): string | undefined =>
  from === 'lotus' ? LOTUS_VARIABLES.map((name) => env[name]).find((value) => value !== undefined && value !== '') : undefined
