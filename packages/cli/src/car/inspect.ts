/** `car inspect`: what is in a CAR. */
import type { Command } from 'commander'
import { inspectCar, probeReferences } from '@dagstore/carv2'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { withSource } from './input.ts'
import { reportJson, reportText } from './report.ts'

interface InspectOptions extends CommonOptions { readonly full?: boolean }

export const addInspectCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  common(car.command('inspect'))
    .description('say what is in a CAR: version, roots, blocks, codecs, hashes, index')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .option('--full', 'hash every block, and compare every entry of the index, too')
    .action((file: string | undefined, options: InspectOptions) => inspect(file, options, terminal))
}

const inspect = async (file: string | undefined, options: InspectOptions, terminal: Terminal): Promise<void> => {
  const full = options.full === true
  const hashes = full ? await openAllHashes() : undefined
  const [report, references] = await withSource(file, 'inspect', terminal, async (source, onProgress) => {
    const found = await inspectCar(source, { hashes, index: full ? 'entries' : 'heads', onProgress, signal: terminal.signal })
    return [found, await probeReferences(source, found.layout, { signal: terminal.signal })] as const
  })
  terminal.stdout(options.json === true ? `${toJson(reportJson(report, references))}\n` : reportText(report, references))
}
