/** `gc`: give back what nothing needs. */
import type { GcItem, GcReport } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { count, paint, printable, showBytes, toJson } from '../text.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface GcOptions extends CommonOptions { readonly dryRun?: boolean }

export const addGcCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('gc')))
    .description('delete what nothing needs: copies of remote CARs, and what replaced indices and crashes have left')
    .option('--dry-run', 'say what would go, and delete nothing')
    .action((options: GcOptions) => withExistingStore(options, terminal, async ({ dagstore }) => {
      const status = createStatusLine(terminal)
      const report = await dagstore.gc({
        dryRun: options.dryRun === true, signal: terminal.signal, onProgress: ({ done }) => { status.show(() => `  gc        ${count(done, 'thing')} …`) },
      }).finally(() => { status.clear() })
      await tell(report, options, terminal)
    }))
}

const tell = async (report: GcReport, options: GcOptions, terminal: Terminal): Promise<void> => {
  const { garbageReportOf, shardResultsOf } = await import('@dagstore/rpc/wire')
  const { items, reclaimedBytes, failures, unreadRecords } = report
  if (options.dryRun === true) {
    terminal.stdout(options.json === true ? `${toJson(garbageReportOf(report))}\n` : items.map((item) => `would remove ${printable(textOf(item))}\n`).join(''))
    terminal.stderr(items.length === 0 ? 'nothing to collect\n' : `would reclaim ${showBytes(reclaimedBytes)}\n`)
  } else {
    const results = shardResultsOf(report)
    const color = options.color ?? terminal.colors
    // source: lotus cmd/lotus-miner/dagstore.go `dagstoreGcCmd`
    const lines = results.map(({ Key, Success, Error }) => `${printable(Key)} ${Success ? paint('SUCCESS', 'green', color) : `${paint('ERROR', 'red', color)} ${printable(Error)}`}\n`)
    if (options.json === true) terminal.stdout(`${toJson(results)}\n`)
    else terminal.stdout(lines.length === 0 ? 'no shards collected\n' : lines.join(''))
    for (const item of items) if (item.key === undefined && item.error !== undefined) terminal.stderr(`dagstore: ${printable(textOf(item))} could not be deleted\n`)
    if (items.length > failures) terminal.stderr(`reclaimed ${showBytes(reclaimedBytes)} of ${count(items.length - failures, 'thing')}\n`)
  }
  if (unreadRecords > 0) terminal.stderr(`${count(unreadRecords, 'record')} could not be read, so no file was taken for an orphan\n`)
  if (failures > 0) {
    terminal.stderr(`${items.length - failures} ok, ${failures} failed\n`)
    throw new CommandError('COMMAND_FAILED_ITEMS', `${failures} of ${items.length} failed`)
  }
}

const KINDS: Readonly<Record<GcItem['kind'], string>> = { transient: 'copy', index: 'old index', entries: 'entries of an old index', orphan: 'orphan' }

const textOf = ({ key, kind, name, bytes }: GcItem): string => `${KINDS[kind]}${kind === 'entries' ? ', number ' : key === undefined ? ' ' : ` of ${key}, `}${name}${bytes > 0 ? `, ${showBytes(bytes)}` : ''}`
