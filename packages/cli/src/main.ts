/** The `dagstore` command: its groups, the options they share, and what becomes of a failure. */
import { Command, CommanderError, Option } from 'commander'
import { addNamed } from './commands/lazy.ts'
import { SHARD_COMMANDS, START_COMMANDS } from './commands/shards.ts'
import { codeOf, CommandError, explain, isTold } from './failure.ts'
import { InterruptedError, StdoutError, type Terminal } from './terminal.ts'
import { printable, toJson } from './text.ts'
import { VERSION } from './version.ts'

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Run one command line. Never rejects; the result is the exit code. */
export const main = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const how = { debug: args.includes('--debug'), json: args.includes('--json') }
  try {
    const program = await createProgram(args, terminal)
    await program.parseAsync([...args], { from: 'user' })
    await terminal.flushed?.()
    if (terminal.signal.reason instanceof StdoutError) throw terminal.signal.reason
    return EXIT.done
  } catch (error) {
    return report(terminal.signal.reason instanceof StdoutError && !(error instanceof InterruptedError) ? terminal.signal.reason : error, terminal, how)
  }
}

const createProgram = async (args: readonly string[], terminal: Terminal): Promise<Command> => {
  const program = new Command('dagstore')
    .description('CAR files as shards: any block in any of them by CID, verified, in place')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'say how to use this')
    .helpCommand('help [command]', 'say how to use a command')
    .enablePositionalOptions() // so that commands may have a --version of their own
    .showHelpAfterError('(--help says how to use this)')
  const common = (command: Command): Command => command
    .addOption(new Option('--json', 'one JSON document on stdout'))
    .addOption(new Option('--color', 'colours even where stdout is no terminal'))
    .addOption(new Option('--no-color', 'no colours'))
    .addOption(new Option('--debug', 'stack traces with errors'))
  // what is not asked for needs no commands, and their modules would be most of what there is to start
  const [first, second] = args.filter((arg) => !arg.startsWith('-'))
  const asked = [(first === 'help' ? second : first) ?? '']
  const isVersion = first === undefined && args.some((arg) => arg === '-V' || arg === '--version')
  const needsNone = isVersion || asked.some((name) => name === 'car' || name === 'pieces')
  program.commandsGroup('Start:')
  if (!needsNone) await addNamed(START_COMMANDS, program, asked, common, terminal)
  program.commandsGroup('Shards:')
  if (!needsNone) await addNamed(SHARD_COMMANDS, program, asked, common, terminal)
  program.commandsGroup('Files:')
  const pieces = program.command('pieces').description('Filecoin pieces')
  if (args.includes('pieces')) (await import('./commands/pieces.ts')).addPiecesCommands(pieces, common, terminal)
  const car = program.command('car').description('CAR files, version 1 and 2')
  if (args.includes('car')) await (await import('./commands/car.ts')).addCarCommands(car, args, common, terminal)
  const prepare = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: terminal.stdout, writeErr: terminal.stderr })
    for (const child of command.commands) prepare(child)
  }
  prepare(program)
  return program
}

const isUsage = (error: unknown): boolean => error instanceof CommandError && error.code === 'COMMAND_USAGE'

interface Told { readonly debug: boolean, readonly json: boolean }

const report = (error: unknown, terminal: Terminal, { debug, json }: Told): number => {
  // a program that asked for JSON gets a failure as JSON too
  const document = (code: string | undefined, message: string): void => {
    if (json && !isTold(error)) terminal.stdout(`${toJson({ ok: false, error: { code: code ?? null, message } })}\n`)
  }
  if (error instanceof CommanderError) {
    // commander has printed its own message; help and version are no failures, a group without a command is wrong usage
    if (error.exitCode === 0) return EXIT.done
    document('COMMAND_USAGE', error.message.replace(/^error: /, ''))
    return EXIT.usage
  }
  if (error instanceof StdoutError && error.readerLeft) return EXIT.done
  if (error instanceof InterruptedError || (terminal.signal.aborted && !(error instanceof StdoutError))) {
    terminal.stderr('dagstore: interrupted; run the same command again to go on\n')
    document('COMMAND_INTERRUPTED', 'interrupted')
    return EXIT.interrupted
  }
  if (!(error instanceof CommandError && error.code === 'COMMAND_FAILED_ITEMS')) {
    const message = error instanceof CommandError ? error.message : explain(error)
    terminal.stderr(`dagstore: ${printable(message)}\n`)
    // where stdout itself has failed, nothing can be said there
    if (!(error instanceof StdoutError)) document(isUsage(error) ? 'COMMAND_USAGE' : codeOf(error instanceof CommandError ? error.cause : undefined) ?? codeOf(error), message)
  }
  if (debug && error instanceof Error) terminal.stderr(`${error.stack ?? ''}\n`)
  return isUsage(error) ? EXIT.usage : EXIT.failed
}
