/** The tree of commands: its groups, and the options they share. */
import { Command, Option } from 'commander'
import { CAR_COMMANDS } from './commands/car.ts'
import { CLIENT_COMMANDS } from './commands/client.ts'
import { addNamed, type AskedWords, isNamed, type LazyCommand } from './commands/lazy.ts'
import { PROVIDER_COMMANDS } from './commands/provider.ts'
import { SHARD_COMMANDS, START_COMMANDS } from './commands/shards.ts'
import type { Terminal } from './terminal.ts'
import { VERSION } from './version.ts'

interface CommandGroup { readonly title: string, readonly commands: readonly LazyCommand[] }

/** In the order of the help text. */
const GROUPS: readonly CommandGroup[] = [
  { title: 'Start:', commands: START_COMMANDS },
  { title: 'Shards:', commands: SHARD_COMMANDS },
  { title: 'Provider:', commands: PROVIDER_COMMANDS },
  { title: 'Client:', commands: [CLIENT_COMMANDS] },
  { title: 'Files:', commands: [CAR_COMMANDS] },
]

const BEGINNING = `
To begin:
  $ dagstore demo                          see on files of yours what it does
  $ dagstore add ~/cars && dagstore list-shards
  $ dagstore daemon --storage ~/.lotusminer

dagstore COMMAND --help says what a command takes.`

/** @param args - the command line; `all`: every command there is is added, not only what it asks for */
export const createProgram = async (args: AskedWords, terminal: Terminal): Promise<Command> => {
  const program = new Command('dagstore')
    .description('CAR files as shards: any block in any of them by CID, verified, in place')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'say how to use this')
    .helpCommand('help [command]', 'say how to use a command')
    .enablePositionalOptions() // so that commands may have a --version of their own
    .showHelpAfterError('(--help says how to use this)')
    .addHelpText('after', BEGINNING)
  const common = (command: Command): Command => command
    .addOption(new Option('--json', 'one JSON document on stdout'))
    .addOption(new Option('--color', 'colours even where stdout is no terminal'))
    .addOption(new Option('--no-color', 'no colours'))
    .addOption(new Option('--debug', 'stack traces with errors'))
  const asked = askedOf(args)
  for (const { title, commands } of GROUPS) {
    program.commandsGroup(title)
    if (asked.commands === 'all') await addNamed(commands, program, common, terminal, asked.words)
    else for (const command of commands.filter((known) => isNamed(known, asked.commands))) await (await command.load())(program, common, terminal, asked.words)
  }
  const prepare = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: terminal.stdout, writeErr: terminal.stderr })
    for (const option of command.options) if (Array.isArray(option.defaultValue) && option.defaultValue.length === 0) option.defaultValueDescription = 'none'
    for (const child of command.commands) prepare(child)
  }
  prepare(program)
  return program
}

/** What is not asked for needs no commands, and their modules would be most of what there is to start. */
const askedOf = (args: AskedWords): { readonly commands: AskedWords, readonly words: AskedWords } => {
  if (args === 'all') return { commands: 'all', words: 'all' }
  const words = args.filter((arg) => !arg.startsWith('-'))
  const [first, second] = words
  if (first === undefined && args.some((arg) => arg === '-V' || arg === '--version')) return { commands: [], words }
  const name = first === 'help' ? second : first
  const known = name !== undefined && GROUPS.some(({ commands }) => commands.some((command) => isNamed(command, [name])))
  // the whole help, or what is suggested in place of a mistyped name; groups show their names alone
  return known ? { commands: [name], words } : { commands: 'all', words: [] }
}
