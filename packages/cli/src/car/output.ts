/** Where a command puts bytes: a new file, whole or not at all, or stdout. */
import { lstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { IoError } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { aboutFile } from '../commands/files.ts'
import { CommandError } from '../failure.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

export interface OutputOptions extends CommonOptions {
  readonly output?: string
  readonly force?: boolean
}

export interface Output {
  /** As the user named it; `-` is stdout. */
  readonly label: string
  readonly path: string
  readonly force: boolean
}

/** `-o` beside the argument that go-car's command takes. */
export const addOutputOptions = (command: Command): Command => command
  .addOption(new Option('-o, --output <file>', 'file to make, instead of the last argument; - is stdout'))
  .addOption(new Option('--force', 'replace a file that is there already'))

/**
 * @param argument - the one on the command line
 * @param fallback - '' when there must be one
 * @throws {CommandError} `COMMAND_USAGE`: two outputs; with `--json`, bytes and a document on one stdout
 */
export const resolveOutput = (argument: string | undefined, options: OutputOptions, terminal: Terminal, fallback: string = '-'): Output => {
  if (argument !== undefined && options.output !== undefined) throw new CommandError('COMMAND_USAGE', `two outputs: ${argument} and ${options.output}`)
  const label = options.output ?? argument ?? fallback
  if (label === '') throw new CommandError('COMMAND_USAGE', 'name an output')
  return { label, path: resolve(terminal.cwd, label), force: options.force === true }
}

/** @throws {CommandError} `COMMAND_USAGE` */
export const refuseMixture = ({ label }: Output, { json }: OutputOptions): void => {
  if (label === '-' && json === true) throw new CommandError('COMMAND_USAGE', '--json needs an output file')
}

/**
 * For commands that work long before they write: what would be refused at the end is refused now.
 *
 * @throws {CommandError} `COMMAND_USAGE`; `COMMAND_REFUSED` as {@link writeOutput}
 */
export const refuseEarly = async (output: Output, options: OutputOptions): Promise<void> => {
  refuseMixture(output, options)
  if (output.label !== '-') await aboutFile(output.label, async () => placeOf(output), output.path)
}

/** Where the file goes: a new name in a folder that is there, or by force a regular file, which a link may lead to; never a device. */
const placeOf = ({ path, force }: Output): string => {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true) throw new IoError('IO_NOT_FOUND', 'no such folder')
    return path
  }
  if (!force) throw new IoError('IO_EXISTS', 'is there already')
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new IoError('IO_EXISTS', 'is there already, and no regular file')
  return realpathSync(path)
}

/** The same terminal without progress, where results come out on it while they are made. */
export const withoutMixture = (terminal: Terminal, { label }: Output): Terminal =>
  label === '-' && terminal.showsResults === true ? { ...terminal, interactive: false } : terminal

/**
 * Bytes are on disk when it resolves; a file is there whole or, when anything fails, not at all.
 *
 * @throws {CommandError} `COMMAND_REFUSED` of the output file; of the chunks what they throw
 */
export const writeOutput = async (output: Output, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, terminal: Terminal): Promise<{ readonly sizeBytes: number }> => {
  const { label } = output
  if (label === '-') {
    let sizeBytes = 0
    for await (const chunk of chunks) {
      terminal.signal.throwIfAborted()
      sizeBytes += chunk.byteLength
      terminal.stdout(chunk)
      await terminal.drained?.()
    }
    return { sizeBytes }
  }
  const failure: { cause?: { readonly error: unknown } } = {}
  const watched = async function * (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield * chunks
    } catch (error) {
      failure.cause = { error }
      throw error
    }
  }
  const place = await aboutFile(label, async () => placeOf(output), output.path)
  try {
    return await openDirectory(dirname(place)).writeAtomic(basename(place), watched(), { signal: terminal.signal })
  } catch (error) {
    // what the input says is told of the input, by whoever reads it
    if (failure.cause !== undefined) throw failure.cause.error
    return aboutFile(label, () => Promise.reject(error), place)
  }
}
