/** `client adopt`: the imports of a Lotus node are taken over in place. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { readErrorText } from '../backend/remote-error.ts'
import { inBulk } from '../bulk.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
import { mustBeThere, namedPath } from './paths.ts'
import { withAnyClient } from './with-client.ts'

interface AdoptOptions extends CommonOptions { readonly verbose?: boolean }

export const addClientAdoptCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('adopt')))
    .description('take over the imports of a Lotus node: their records, and their CARs where they are; leaves its folder as it is, and makes the store where there is none')
    .argument('[repository]', 'folder of the node (default: LOTUS_PATH)')
    .option('-v, --verbose', 'a line for every import')
    .action((repository: string | undefined, options: AdoptOptions) => {
      const named = repository ?? (terminal.env['LOTUS_PATH'] || undefined)
      if (named === undefined) throw new CommandError('COMMAND_USAGE', 'name the folder of a Lotus node')
      const folder = namedPath(named, terminal)
      return withAnyClient(options, terminal, async (client) => {
        await mustBeThere({ label: join(named, 'datastore'), path: join(folder.path, 'datastore') }, client)
        await inBulk(terminal, options, async (bulk) => {
          let known = 0
          for await (const { Key, Root, FilePath, Adopted, Error: why } of client.calls.ClientAdopt(folder.path, { signal: terminal.signal })) {
            const item = { id: Key, root: Root?.toString() ?? null, filename: FilePath, adopted: Adopted }
            if (why !== '') await bulk.fail(item, readErrorText(why), `import ${Key}`, FilePath === '' ? undefined : `to make it from ${FilePath}: dagstore client reimport ${Key}`)
            else await bulk.done(item, options.verbose === true ? `${Adopted ? 'adopted' : 'there already'} ${Key}: ${Root?.toString() ?? '<none>'} @${FilePath}` : undefined)
            if (!Adopted && why === '') known++
          }
          if (options.verbose !== true) await bulk.say(`${named}: ${count(bulk.succeeded - known, 'import')} adopted${known === 0 ? '' : `, ${known} there already`}`)
        })
      })
    })
}
