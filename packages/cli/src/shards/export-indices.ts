/** `export-indices`: the indices as a folder that a Go DAG store takes. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { inBulk } from '../bulk.ts'
import { codeOf, CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count, showBytes } from '../text.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

export const addExportIndicesCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('export-indices')))
    .description('write the indices of all shards into a folder, named as the Go DAG store names them: KEY.full.idx')
    .argument('<dir>', 'made where there is none; files of the same names are replaced')
    .action(async (dir: string, options: CommonOptions) => {
      if (dir === '') throw new CommandError('COMMAND_USAGE', 'name a folder')
      await withExistingStore(options, terminal, ({ dagstore }) => inBulk(terminal, options, async (bulk) => {
        let bytes = 0
        for await (const outcome of dagstore.exportIndices(resolve(terminal.cwd, dir), { signal: terminal.signal })) {
          const { key } = outcome
          if (outcome.ok) {
            bytes += outcome.sizeBytes
            await bulk.done({ key, name: outcome.name, sizeBytes: outcome.sizeBytes })
          } else {
            await bulk.fail({ key }, outcome.error, key, codeOf(outcome.error) === 'DAGSTORE_BAD_KEY' ? 'the folder is flat, and takes keys without a slash' : undefined)
          }
          bulk.status.show(() => `  export    ${bulk.succeeded} indices, ${showBytes(bytes)} …`)
        }
        await bulk.say(`${count(bulk.succeeded, 'index').replace(/exs$/, 'ices')}, ${showBytes(bytes)}, in ${dir}`)
      }))
    })
}
