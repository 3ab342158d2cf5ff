/** Commands whose modules are loaded when they are asked for: together they would be most of what there is to start. */
import type { Command } from 'commander'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

/** The words of the command line, for groups, which choose among their commands by them; `all`: the whole tree, for its documentation. */
export type AskedWords = readonly string[] | 'all'

export type AddCommand = (program: Command, common: AddOptions, terminal: Terminal, words: AskedWords) => void | Promise<void>

export interface LazyCommand {
  /** The command's, and its aliases. */
  readonly names: readonly string[]
  readonly load: () => Promise<AddCommand>
}

export const isNamed = ({ names }: LazyCommand, words: AskedWords): boolean => words !== 'all' && names.some((name) => words.includes(name))

/** Those whose names are among the words are added; all, where there are none, for the help text and what is suggested. */
export const addNamed = async (commands: readonly LazyCommand[], program: Command, common: AddOptions, terminal: Terminal, words: AskedWords): Promise<void> => {
  const named = commands.filter((command) => isNamed(command, words))
  for (const add of await Promise.all((named.length > 0 ? named : commands).map(({ load }) => load()))) await add(program, common, terminal, words)
}

/** A command that is nothing but its commands; they are added where it is asked for. */
export const lazyGroup = (name: string, description: string, commands: readonly LazyCommand[]): LazyCommand => ({
  names: [name],
  load: async () => async (program, common, terminal, words) => {
    const group = program.command(name).description(description).summary(`${description}: ${commands.map(({ names: [own] }) => own).join(', ')}`).enablePositionalOptions()
    if (words === 'all' || words.includes(name)) await addNamed(commands, group, common, terminal, words)
  },
})
