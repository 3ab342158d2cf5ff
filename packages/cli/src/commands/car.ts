/** `dagstore car …`: work on CAR files, as go-car's `car` command does it. */
import type { Command } from 'commander'
import { inspectCar, readLayout } from '@dagstore/carv2'
import { addDetachIndexCommand } from '../car/detach-index.ts'
import { addExtractCommand } from '../car/extract.ts'
import { addGetBlockCommand } from '../car/get-block.ts'
import { addGetDagCommand } from '../car/get-dag.ts'
import { withSource } from '../car/input.ts'
import { addListCommand } from '../car/list.ts'
import { reportJson, reportText } from '../car/report.ts'
import { addVerifyCommand } from '../car/verify.ts'
import { addIndexCommand, addWrapCommand } from '../car/wrap.ts'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'

interface InspectOptions extends CommonOptions { readonly full?: boolean }

export const addCarCommands = (program: Command, common: AddOptions, terminal: Terminal): void => {
  const car = program.command('car').description('CAR files, version 1 and 2').enablePositionalOptions()
  common(car.command('inspect'))
    .description('say what is in a CAR: version, roots, blocks, codecs, hashes, index')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .option('--full', 'hash every block, and compare every entry of the index, too')
    .action((file: string | undefined, options: InspectOptions) => inspect(file, options, terminal))
  addVerifyCommand(car, common, terminal)
  addListCommand(car, common, terminal)
  addIndexCommand(car, common, terminal)
  addDetachIndexCommand(car, common, terminal)
  addWrapCommand(car, common, terminal)
  addExtractCommand(car, common, terminal)
  addGetBlockCommand(car, common, terminal)
  addGetDagCommand(car, common, terminal)
  common(car.command('root'))
    .description('print the roots of a CAR, one a line')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .action((file: string | undefined, options: CommonOptions) => root(file, options, terminal))
}

const inspect = async (file: string | undefined, options: InspectOptions, terminal: Terminal): Promise<void> => {
  const full = options.full === true
  const hashes = full ? await openAllHashes() : undefined
  const report = await withSource(file, 'inspect', terminal, (source, onProgress) =>
    inspectCar(source, { hashes, index: full ? 'entries' : 'heads', onProgress, signal: terminal.signal }))
  terminal.stdout(options.json === true ? `${toJson(reportJson(report))}\n` : reportText(report))
}

const root = async (file: string | undefined, options: CommonOptions, terminal: Terminal): Promise<void> => {
  const { roots } = await withSource(file, 'root', terminal, (source) => readLayout(source, { badIndex: 'report', signal: terminal.signal }))
  terminal.stdout(options.json === true ? `${toJson({ roots: roots.map(String) })}\n` : roots.map((cid) => `${cid.toString()}\n`).join(''))
}
