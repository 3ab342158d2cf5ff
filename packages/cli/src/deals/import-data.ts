/** `storage-deals import-data`: the bytes of an offline deal, from a file. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { parseCid } from '../car/cid-argument.ts'
import { aboutFile } from '../commands/files.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addBackendOptions, withExistingStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

export const addImportDataCommand = (deals: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(deals.command('import-data')))
    .description('give a deal that waits for its data the file that holds them; the commitment of its bytes has to be that of the proposal')
    .argument('<proposal>', 'CID of the proposal')
    .argument('<file>', 'on the machine of the store; it stays as it is')
    .action(async (text: string, file: string, options: CommonOptions) => {
      const proposal = parseCid(text)
      if (file === '') throw new CommandError('COMMAND_USAGE', 'name a file')
      // the daemon may have been started anywhere
      const path = resolve(terminal.cwd, file)
      await withExistingStore(options, terminal, async ({ provider, root }) => {
        // a daemon at an address may see other files than this machine
        if (root !== undefined) await mustBeFile(file, path)
        await aboutFile(file, async () => (await provider.deals()).MarketImportDealData(proposal, path, { signal: terminal.signal }), path)
      })
      terminal.stdout(options.json === true ? await rpcJson('MarketImportDealData', undefined) : `imported ${printable(file)}\n`)
    })
}

const mustBeFile = (file: string, path: string): Promise<void> => aboutFile(file, async () => {
  const facts = await stat(path).catch((error: unknown) => { throw classifyNodeError(error, 'cannot be read') })
  if (!facts.isFile()) throw new CommandError('COMMAND_REFUSED', 'is no file')
}, path)
