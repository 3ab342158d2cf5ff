/** Options that every command has. */
import type { Command } from 'commander'

export interface CommonOptions {
  readonly root?: string
  readonly json?: boolean
  readonly color?: boolean
  readonly debug?: boolean
}

/** Gives a command the options that all have. */
export type AddOptions = (command: Command) => Command
