/** `import-shards`: register what `export-shards` has listed. */
import { readChunks } from '@dagstore/io'
import type { Command } from 'commander'
import { inBulk } from '../bulk.ts'
import { withSource } from '../car/input.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { rootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { count } from '../text.ts'
import { addRootOption, withAnyStore } from './store.ts'

export const addImportShardsCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('import-shards')))
    .description('register what export-shards has listed; makes the store where there is none')
    .argument('<file>', 'of export-shards; - is what is piped in')
    .action(async (file: string, options: CommonOptions) => {
      const root = rootFolder(options.root, terminal)
      const { signal } = terminal
      // its own line shows how far it is
      await withSource(file, 'import', { ...terminal, interactive: false }, (source, _progress, { label }) => inBulk(terminal, options, (bulk) => withAnyStore(root, terminal, async ({ dagstore }) => {
        for await (const outcome of dagstore.importShards(readChunks(source, 0, source.sizeBytes, { signal }), { signal })) {
          const { line, key } = outcome
          if (outcome.ok) await bulk.done({ line, key, mountUrl: outcome.info.mountUrl })
          else await bulk.fail({ line, key: key ?? null }, outcome.error, `${label}: ${key === undefined ? `line ${line}` : key}`)
          bulk.status.show(() => `  import    ${count(bulk.succeeded + bulk.failed, 'shard')} …`)
        }
        await bulk.say(`${count(bulk.succeeded, 'shard')} registered`)
      })))
    })
}
