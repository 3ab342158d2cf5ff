/** `client reimport`: imports are made again from where they came from, and keep their ids. */
import type { Command } from 'commander'
import { inBulk } from '../bulk.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { progressText } from '../progress.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { parseIds } from './ids.ts'
import { importEvents } from './import.ts'
import { withClient } from './with-client.ts'

export const addReimportCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('reimport')))
    .description('make imports again from where they came from: broken ones, and those whose files have changed; the old data stay until the new ones are whole')
    .argument('<id...>', 'of imports, as local lists them', parseIds)
    .action((ids: readonly bigint[], options: CommonOptions) => withClient(options, terminal, ({ calls }) => inBulk(terminal, options, async (bulk) => {
      for (const id of ids) {
        const update = (done: number, total: number | undefined): void => { bulk.status.show(() => `${progressText('reimport', done, total)}  ${id}`) }
        try {
          const { Key, Root } = await importEvents(calls.ClientReimport(id, { signal: terminal.signal }), { update })
          await bulk.done({ id, root: Root?.toString() ?? null }, `Import ${Key}, Root ${Root?.toString() ?? '<none>'}`)
        } catch (error) {
          await bulk.fail({ id }, error, `import ${id}`)
        }
      }
    })))
}
