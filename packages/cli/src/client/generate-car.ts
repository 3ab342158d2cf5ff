/** `client generate-car`: the payload form of a file or directory, for an offline deal. */
import { stat } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { refuseEarly } from '../car/output.ts'
import { aboutFile } from '../commands/files.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes } from '../text.ts'
import { mustBeThere, namedPath } from './paths.ts'
import { withClient } from './with-client.ts'

interface GenerateOptions extends CommonOptions { readonly car?: boolean, readonly force?: boolean }

export const addGenerateCarCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('generate-car')))
    .description('write the CARv1 that a deal of a file or directory, or of the data of a CAR, has as its piece; nothing is imported')
    .argument('<input>', 'file, directory or CAR')
    .argument('<output>', 'file to make')
    .option('--car', 'the file is a CAR, version 1 or 2, with one root; of data or of references')
    .addOption(new Option('--force', 'replace a file that is there already'))
    .action(async (input: string, output: string, options: GenerateOptions) => {
      const from = namedPath(input, terminal)
      const to = namedPath(output, terminal)
      const { signal } = terminal
      await withClient(options, terminal, async (client) => {
        await mustBeThere(from, client)
        if (client.isHere) await refuseEarly({ ...to, force: options.force === true }, options)
        const status = createStatusLine(terminal)
        status.show(() => `  generate  ${input} …`)
        try {
          await aboutFile(input, () => client.calls.ClientGenCar({ Path: from.path, IsCAR: options.car === true }, to.path, { signal }), from.path)
        } finally {
          status.clear()
        }
        if (options.json === true) terminal.stdout(await rpcJson('ClientGenCar', undefined))
        else terminal.stdout(`generated ${printable(output)}${client.isHere ? `: ${showBytes((await stat(to.path)).size)}` : ''}\n`)
      })
    })
}
