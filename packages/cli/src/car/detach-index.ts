/** `car detach-index` and `car detach-index list`. */
import type { Command } from 'commander'
import { detachIndex, openIndex } from '@dagstore/carv2'
import { writeEntries } from '../index-entries.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { withSource } from './input.ts'
import { addOutputOptions, type OutputOptions, refuseEarly, resolveOutput, writeOutput } from './output.ts'

interface DetachOptions extends OutputOptions { readonly standard?: boolean }

export const addDetachIndexCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  const detach = addOutputOptions(common(car.command('detach-index')))
    .description('write the index of a CARv2 into a file of its own')
    .enablePositionalOptions()
    .argument('<file>', 'a CARv2; - is what is piped in')
    .argument('[output]', 'file to make; - is stdout')
    .option('--standard', 'the standard bytes of the index alone, nothing that follows them')
    .action(async (file: string, argument: string | undefined, options: DetachOptions) => {
      const output = resolveOutput(argument, options, terminal)
      await refuseEarly(output, options)
      const { sizeBytes } = await withSource(file, 'detach', terminal, (source) =>
        writeOutput(output, detachIndex(source, { form: options.standard === true ? 'standard' : 'all', signal: terminal.signal }), terminal))
      if (options.json === true) terminal.stdout(`${toJson({ path: output.label, sizeBytes })}\n`)
    })
  common(detach.command('list'))
    .description('list the entries of a detached index: multihash in hex, and offset in the CARv1; with --json one object a line')
    .argument('[index]', 'a detached index; without it, or -, what is piped in')
    .action((file: string | undefined, options: CommonOptions) => list(file, options, terminal))
}

const list = async (file: string | undefined, options: CommonOptions, terminal: Terminal): Promise<void> => {
  await withSource(file, 'list', terminal, async (source) => {
    const view = await openIndex(source, { signal: terminal.signal })
    try {
      await writeEntries(view, { json: options.json === true, offsets: true }, terminal)
    } finally {
      await view.close()
    }
  })
}
