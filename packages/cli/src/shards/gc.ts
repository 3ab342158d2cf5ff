/** `gc`: give back what nothing needs. */
import type { GcItem } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { inBulk } from '../bulk.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count, showBytes } from '../text.ts'
import { addRootOption, withExistingStore } from './store.ts'

interface GcOptions extends CommonOptions { readonly dryRun?: boolean }

export const addGcCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('gc')))
    .description('delete what nothing needs: copies of remote CARs, and what replaced indices and crashes have left')
    .option('--dry-run', 'say what would go, and delete nothing')
    .action(async ({ dryRun = false, ...options }: GcOptions) => {
      await withExistingStore(options, terminal, ({ dagstore }) => inBulk(terminal, options, async (bulk) => {
        const { items, reclaimedBytes, unreadRecords } = await dagstore.gc({
          dryRun, signal: terminal.signal, onProgress: ({ done }) => { bulk.status.show(() => `  gc        ${count(done, 'thing')} …`) },
        })
        for (const item of items) {
          const { key, kind, name, bytes, error } = item
          const document = { key: key ?? null, kind, name, bytes }
          if (error === undefined) await bulk.done(document, `${dryRun ? 'would remove' : 'removed'} ${textOf(item)}`)
          else await bulk.fail(document, error, textOf(item))
        }
        await bulk.say(items.length === 0 ? 'nothing to collect' : `${dryRun ? 'would reclaim' : 'reclaimed'} ${showBytes(reclaimedBytes)}`)
        if (unreadRecords > 0) terminal.stderr(`${count(unreadRecords, 'record')} could not be read, so no file was taken for an orphan\n`)
        return { dryRun, reclaimedBytes, unreadRecords }
      }))
    })
}

const KINDS: Readonly<Record<GcItem['kind'], string>> = { transient: 'copy', index: 'old index', entries: 'old entries', orphan: 'orphan' }

const textOf = ({ key, kind, name, bytes }: GcItem): string => `${KINDS[kind]} ${key === undefined ? '' : `of ${key}, `}${name}${bytes > 0 ? `, ${showBytes(bytes)}` : ''}`
