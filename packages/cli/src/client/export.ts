/** `client export`: what was imported or retrieved, as a file, a directory or a CAR. */
import type { ClientDagRef, ExportRef } from '@dagstore/lotus-api'
import { type Command, Option } from 'commander'
import { type Output, refuseEarly, refuseMixture } from '../car/output.ts'
import { aboutFile } from '../commands/files.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { parseDagPath } from './dag-path.ts'
import { parseId } from './ids.ts'
import { namedPath } from './paths.ts'
import { type AskedClient, withClient } from './with-client.ts'

export interface ExportHow {
  readonly car?: boolean
  /** Of a CAR. @default '1' */
  readonly carVersion?: '1' | '2'
  readonly force?: boolean
}

interface ExportOptions extends CommonOptions, ExportHow { readonly path?: string, readonly retrieval?: bigint }

export const addExportCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  const command = addClientOptions(common(client.command('export')))
    .description('write data that are here to a file or directory, or as a CAR, which always has all bytes')
    .argument('<root>', 'CID of the data, with a path below it where only that is wanted')
    .argument('<output>', 'file or directory to make; - is stdout, for a file')
    .option('--path <path>', 'below the root: only what is there')
    .option('--retrieval <id>', 'of this retrieval, not of an import', parseId)
  addCarOptions(command)
    .action((text: string, argument: string, options: ExportOptions) => {
      const { root, path } = parseDagPath(text, options.path)
      const output: Output = { ...namedPath(argument, terminal), force: options.force === true }
      if (argument === '-' && options.car === true) throw new CommandError('COMMAND_USAGE', 'a CAR needs an output file')
      refuseMixture(output, options)
      carVersionOf(options)
      return withClient(options, terminal, async (client) => {
        if (argument === '-') {
          await printFile({ Root: root, Path: path, ...(options.retrieval === undefined ? {} : { DealID: options.retrieval }) }, client, terminal)
          return
        }
        if (client.isHere) await refuseEarly(output, options)
        await exportDag({ Root: root, DAGs: path === '' ? [] : [{ DataSelector: path, ExportMerkleProof: false }], FromLocalCAR: '', DealID: options.retrieval ?? 0n }, output, options, client, terminal)
        terminal.stdout(options.json === true ? `${toJson({ root: root.toString(), path: output.path })}\n` : `exported ${printable(argument)}\n`)
      })
    })
}

export const addCarOptions = (command: Command): Command => command
  .option('--car', 'write a CAR')
  .addOption(new Option('--car-version <version>', 'of the CAR (default: 1)').choices(['1', '2']))
  .addOption(new Option('--force', 'replace a file that is there already'))

/** `undefined`: no CAR is wanted. @throws {CommandError} `COMMAND_USAGE`: then it has no version either */
export const carVersionOf = ({ car, carVersion }: ExportHow): 1 | 2 | undefined => {
  if (car === true) return carVersion === '2' ? 2 : 1
  if (carVersion !== undefined) throw new CommandError('COMMAND_USAGE', '--car-version needs --car')
  return undefined
}

/** The file or folder is there whole, or not at all. @returns bytes of the data */
export const exportDag = async (ref: ExportRef, { path, label, force }: Output, how: ExportHow, { calls }: Pick<AskedClient, 'calls'>, terminal: Terminal): Promise<number> => {
  const progress = startProgress(terminal, 'export')
  try {
    return await aboutFile(label, async () => {
      const version = carVersionOf(how)
      const events = calls.ClientExportWithEvents(ref, { Path: path, IsCAR: version !== undefined }, { Force: force, ...(version === undefined ? {} : { CARVersion: version }) }, { signal: terminal.signal })
      let done = false
      let bytes = 0
      for await (const event of events) {
        done ||= event.Done
        bytes = event.DoneBytes
        progress.update(event.DoneBytes, event.TotalBytes ?? undefined)
      }
      terminal.signal.throwIfAborted()
      if (!done) throw new CommandError('COMMAND_REFUSED', 'the export ended before it was done')
      return bytes
    }, path)
  } finally {
    progress.end()
  }
}

/** @param from - first byte; to: one after the last. @default all of it @returns how many there were */
export const printFile = async (dag: ClientDagRef, { calls }: Pick<AskedClient, 'calls'>, terminal: Terminal, from?: number, to?: number): Promise<number> => {
  let bytes = 0
  for await (const chunk of calls.ClientReadDag(dag, from, to, { signal: terminal.signal })) {
    terminal.stdout(chunk)
    bytes += chunk.byteLength
    await terminal.drained?.()
  }
  terminal.signal.throwIfAborted()
  return bytes
}
