/** Commands whose modules are loaded when they are asked for: together they would be most of what there is to start. */
import type { Command } from 'commander'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

export type AddCommand = (program: Command, common: AddOptions, terminal: Terminal) => void

export interface LazyCommand {
  /** The command's, and its aliases. */
  readonly names: readonly string[]
  readonly load: () => Promise<AddCommand>
}

/** @param asked - those of these names are added; all, where there are none, for the help text and what is suggested */
export const addNamed = async (commands: readonly LazyCommand[], program: Command, asked: readonly string[], common: AddOptions, terminal: Terminal): Promise<void> => {
  const named = commands.filter(({ names }) => names.some((name) => asked.includes(name)))
  for (const add of await Promise.all((named.length > 0 ? named : commands).map(({ load }) => load()))) add(program, common, terminal)
}
