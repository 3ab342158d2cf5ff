/** `migrate`: the deals of Lotus, Boost, Curio or a list become shards. */
import type { MigrationResult } from '@dagstore/deal-provider'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DealSystem } from '../deal-readers.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { rootFolder, type RootFolder } from '../root-folder.ts'
import { addRootOption } from '../shards/store.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { count, printable, toJson } from '../text.ts'
import { type SourceOptions, sourceOf } from './sources.ts'
import { createToldFailures } from './told-failures.ts'

interface MigrateOptions extends CommonOptions, SourceOptions {
  readonly storage: readonly string[]
  readonly miner?: bigint
  readonly report?: string
  readonly dryRun?: boolean
}

const SYSTEMS: readonly DealSystem[] = ['lotus', 'boost', 'curio', 'file']

const EXAMPLES = `
Examples:
  $ dagstore migrate --from lotus --api-info "$MINER_API_INFO" --storage /mnt/a --dry-run
  $ dagstore migrate --from boost --boostd-data ws://127.0.0.1:8042 --storage ~/.boost
  $ dagstore migrate --from curio --db postgres://curio@127.0.0.1:5433/yugabyte
  $ dagstore migrate --from file deals.ndjson

Only the store is written to. It can be run as often as you like: it goes on where it was, and changes nothing once all is done.
`

export const addMigrateCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('migrate')))
    .description('make shards of the deals that another system has; reads no data, and makes the store where there is none')
    .argument('[file]', 'with --from file: NDJSON or CSV of piece CIDs, deals and sectors')
    .addOption(new Option('--from <system>', 'whose deals').choices(SYSTEMS).makeOptionMandatory())
    .option('--api-info <info>', 'lotus: TOKEN:MULTIADDR of the miner or markets node (default: MARKETS_API_INFO, else MINER_API_INFO)')
    .option('--boostd-data <url>', 'boost: ws:// URL of boostd-data')
    .option('--db <place>', 'curio: postgres:// URL of its database; boost: path of boost.db, or of a copy')
    .option('--repo <dir>', 'lotus, boost: the repository, or a copy of its metadata; no process is asked')
    .option('--storage <path>', 'storage path, storage.json, or repository whose sectors hold the pieces; several times', (path: string, before: readonly string[]) => [...before, path], [] as readonly string[])
    .addOption(new Option('--miner <id>', 'actor of the sectors, where the system does not say it').argParser(parseMiner))
    .option('--report <file>', 'what became of each deal, a line of JSON for each (default: a new file in the store; in a dry run here)')
    .option('--dry-run', 'say what would become of them, and change nothing')
    .addHelpText('after', EXAMPLES)
    .action((file: string | undefined, options: MigrateOptions) => migrate(file, options, terminal))
}

const parseMiner = (text: string): bigint => {
  const digits = /^(?:[ft]0)?(\d{1,19})$/.exec(text)?.[1]
  if (digits === undefined) throw new InvalidArgumentError('a miner is a number such as 1000, or t01000')
  return BigInt(digits)
}

const migrate = async (file: string | undefined, options: MigrateOptions, terminal: Terminal): Promise<void> => {
  const { cwd, signal } = terminal
  const { from, miner, dryRun = false } = options
  const source = sourceOf(options, file, terminal)
  const root = rootFolder(options.root, terminal)
  // loaded when needed
  const [{ openDealReader }, { encodeReportLine, migrateDeals }, { readStorage, keepStorage }, { openReport }, { withOwnStore }] =
    await Promise.all([import('../deal-readers.ts'), import('@dagstore/deal-provider'), import('./storage.ts'), import('./report.ts'), import('./store.ts')])
  const storage = await readStorage(options.storage, terminal)
  const status = createStatusLine(terminal)
  const reader = await openDealReader(from, source, { cwd, miner, signal })
  try {
    await withOwnStore(root, dryRun, terminal, async (store) => {
      const report = await openReport(options.report, dryRun ? 'migration-dry-run' : 'migration', dryRun ? undefined : root, terminal)
      const failures = createToldFailures(status, terminal)
      const result = await (async () => {
        try {
          return await migrateDeals({
            ...store, reader, dryRun, signal, beforeMarker: () => report.sync(),
            onProgress: ({ deals }) => { status.show(() => `  migrate   ${count(deals, 'deal')} …`) },
            onReport: async (lines) => {
              for (const line of lines) {
                const failure = 'place' in line ? `${line.place}: ${line.error.message} (${line.error.code})` : line.outcome === 'failed' ? `deal ${line.deal}: ${line.piece}: ${line.reason ?? ''}` : undefined
                if (failure !== undefined) failures.tell(failure)
              }
              await report.write(lines.map(encodeReportLine).join(''))
            },
          })
        } finally {
          status.clear()
          await report.close()
        }
      })()
      failures.end(report.label)
      if (!dryRun) await keepStorage(storage, root, terminal)
      tell(result, report.label, options, root, terminal)
    })
  } finally {
    await reader.close()
  }
}

const tell = (result: MigrationResult, report: string, { json, dryRun = false, from }: MigrateOptions, root: RootFolder, terminal: Terminal): void => {
  const { registered, already, merged, skipped, failed, problems, deals } = result
  if (json === true) terminal.stdout(`${toJson({ ok: failed + problems === 0, from, dryRun, ...result, root: root.label, report })}\n`)
  else terminal.stdout(`${printable(lastLine(result, report, dryRun))}\n`)
  if (failed + problems === 0) return
  terminal.stderr(`${deals - failed} ok, ${failed + problems} failed\n`)
  throw new CommandError('COMMAND_FAILED_ITEMS', `${failed + problems} of ${registered + already + merged + skipped + failed + problems} failed`)
}

const number = (n: number): string => n.toLocaleString('en-US')

/** `12,480 deals: 12,102 shards registered, 350 merged (same piece), 28 skipped (report: …)`. */
const lastLine = ({ deals, registered, already, merged, skipped, failed, problems }: MigrationResult, report: string, dryRun: boolean): string => [
  `${count(deals, 'deal')}: ${count(registered, 'shard')} ${dryRun ? 'would be registered' : 'registered'}`,
  ...(already > 0 ? [`${number(already)} there already`] : []),
  `${number(merged)} merged (same piece)`,
  `${number(skipped)} skipped`,
  ...(failed > 0 ? [`${number(failed)} failed`] : []),
  ...(problems > 0 ? [`${count(problems, 'row')} unreadable`] : []),
].join(', ') + ` (report: ${report})`
