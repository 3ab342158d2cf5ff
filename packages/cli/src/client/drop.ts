/** `client drop`: imports are forgotten, and their CARs deleted where they were made for them. */
import type { Command } from 'commander'
import { inBulk } from '../bulk.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { parseIds } from './ids.ts'
import { withClient } from './with-client.ts'

export const addDropCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('drop')))
    .description('forget imports; the files they were made of stay, and so do CARs that were used in place')
    .argument('<id...>', 'of imports, as local lists them', parseIds)
    .action((ids: readonly bigint[], options: CommonOptions) => withClient(options, terminal, ({ calls }) => inBulk(terminal, options, async (bulk) => {
      for (const id of ids) {
        try {
          await calls.ClientRemoveImport(id, { signal: terminal.signal })
          await bulk.done({ id }, `dropped ${id}`)
        } catch (error) {
          await bulk.fail({ id }, error, `import ${id}`)
        }
      }
    })))
}
