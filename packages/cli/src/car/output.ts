/** Where a command puts bytes: a new file, whole or not at all, or stdout. */
import { basename, dirname, resolve } from 'node:path'
import { existsSync } from 'node:fs'
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
 * Bytes are on disk when it resolves; a file is there whole or, when anything fails, not at all.
 *
 * @throws {CommandError} `COMMAND_REFUSED` of the output file; of the chunks what they throw
 */
export const writeOutput = async (output: Output, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, terminal: Terminal): Promise<{ readonly sizeBytes: number }> => {
  const { label, path, force } = output
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
  try {
    if (!force && existsSync(path)) throw new IoError('IO_EXISTS', 'is there already')
    return await openDirectory(dirname(path)).writeAtomic(basename(path), watched(), { signal: terminal.signal })
  } catch (error) {
    // what the input says is told of the input, by whoever reads it
    if (failure.cause !== undefined) throw failure.cause.error
    return aboutFile(label, () => Promise.reject(error))
  }
}
