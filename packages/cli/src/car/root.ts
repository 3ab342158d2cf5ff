/** `car root`: the roots of a CAR. */
import type { Command } from 'commander'
import { readLayout } from '@dagstore/carv2'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { withSource } from './input.ts'

export const addRootCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  common(car.command('root'))
    .description('print the roots of a CAR, one a line')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .action((file: string | undefined, options: CommonOptions) => root(file, options, terminal))
}

const root = async (file: string | undefined, options: CommonOptions, terminal: Terminal): Promise<void> => {
  const { roots } = await withSource(file, 'root', terminal, (source) => readLayout(source, { badIndex: 'report', signal: terminal.signal }))
  terminal.stdout(options.json === true ? `${toJson({ roots: roots.map(String) })}\n` : roots.map((cid) => `${cid.toString()}\n`).join(''))
}
