/** `adopt`: the folder of a Go DAG store, as Lotus has it, is taken over without copying data. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { AdoptResult } from '@dagstore/deal-provider'
import type { Command } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { rootFolder } from '../root-folder.ts'
import { addRootOption } from '../shards/store.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { count, printable, toJson } from '../text.ts'
import { createToldFailures } from './told-failures.ts'

interface AdoptOptions extends CommonOptions {
  readonly report?: string
  readonly dryRun?: boolean
}

export const addAdoptCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('adopt')))
    .description('take over the DAG store of a Lotus miner: its shards, indices and copies; leaves the folder as it is, and makes the store where there is none')
    .argument('<dir>', 'folder dagstore/ of the repository, or the repository')
    .option('--report <file>', 'what became of each shard, a line of JSON for each (default: a new file in the store; in a dry run here)')
    .option('--dry-run', 'say what would become of them, and change nothing')
    .action((dir: string, options: AdoptOptions) => adopt(dir, options, terminal))
}

const adopt = async (dir: string, options: AdoptOptions, terminal: Terminal): Promise<void> => {
  const { cwd, signal } = terminal
  const { dryRun = false } = options
  if (dir === '') throw new CommandError('COMMAND_USAGE', 'name a folder')
  const folder = folderOf(resolve(cwd, dir))
  if (folder === undefined) throw new CommandError('COMMAND_REFUSED', `${dir}: no DAG store of Lotus is there: it has a folder datastore/`)
  const root = rootFolder(options.root, terminal)
  if (folder === root.path) throw new CommandError('COMMAND_USAGE', 'the folder is left as it is, so the store has to be another one: --root DIR')
  // loaded when needed
  const [{ encodeAdoptLine }, { adoptDagstoreFolder }, { ClassicLevel }, { openReport }, { withOwnStore }] =
    await Promise.all([import('@dagstore/deal-provider'), import('@dagstore/deal-provider/node'), import('classic-level'), import('./report.ts'), import('./store.ts')])
  const status = createStatusLine(terminal)
  await withOwnStore(root, dryRun, terminal, async ({ dagstore }) => {
    const report = await openReport(options.report, dryRun ? 'adoption-dry-run' : 'adoption', dryRun ? undefined : root, terminal)
    const failures = createToldFailures(status, terminal)
    const result = await (async () => {
      try {
        return await adoptDagstoreFolder(folder, {
          dagstore, dryRun, signal,
          openLevel: async (path) => {
            const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { createIfMissing: false })
            await level.open()
            return level
          },
          onProgress: ({ records }) => { status.show(() => `  adopt     ${count(records, 'shard')} …`) },
          onReport: async (lines) => {
            for (const line of lines) {
              const failure = 'row' in line ? `${line.row}: ${line.problem}` : line.outcome === 'failed' ? `${line.key}: ${line.reason ?? ''}` : undefined
              if (failure !== undefined) failures.tell(failure)
            }
            await report.write(lines.map(encodeAdoptLine).join(''))
          },
        })
      } finally {
        status.clear()
        await report.close()
      }
    })()
    failures.end(report.label)
    tell(result, report.label, options, terminal)
  })
}

/** That itself, or the one in a repository. */
const folderOf = (path: string): string | undefined => [path, join(path, 'dagstore')].find((folder) => existsSync(join(folder, 'datastore')))

const tell = (result: AdoptResult, report: string, { json, dryRun = false }: AdoptOptions, terminal: Terminal): void => {
  const { records, failed, problems } = result
  if (json === true) terminal.stdout(`${toJson({ ok: failed + problems === 0, dryRun, ...result, report })}\n`)
  else terminal.stdout(`${printable(lastLine(result, report, dryRun))}\n`)
  if (failed + problems === 0) return
  terminal.stderr(`${records - failed} ok, ${failed + problems} failed\n`)
  throw new CommandError('COMMAND_FAILED_ITEMS', `${failed + problems} of ${records + problems} failed`)
}

const number = (n: number): string => n.toLocaleString('en-US')

const lastLine = ({ records, registered, already, failed, problems, indices, missingIndices, damagedIndices, borrowed }: AdoptResult, report: string, dryRun: boolean): string => [
  `${count(records, 'shard')}: ${number(registered)} ${dryRun ? 'would be adopted' : 'adopted'}`,
  ...(already > 0 ? [`${number(already)} there already`] : []),
  `${number(indices)} with their index`,
  ...(missingIndices > 0 ? [`${number(missingIndices)} whose index is missing`] : []),
  ...(damagedIndices > 0 ? [`${number(damagedIndices)} whose index is damaged`] : []),
  ...(borrowed > 0 ? [`${number(borrowed)} read from their copies`] : []),
  ...(failed > 0 ? [`${number(failed)} failed`] : []),
  ...(problems > 0 ? [`${count(problems, 'row')} unreadable`] : []),
].join(', ') + ` (report: ${report})`
