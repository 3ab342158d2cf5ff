/** What a gateway is to serve besides its store: looked at before the store is opened, then added as `add` does. */
import { addArguments, folderLines } from '../add/paths.ts'
import { type AddArgument, filesOf, readArgument } from '../add/inputs.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { inBulk } from '../bulk.ts'
import { codeOf, CommandError, explain } from '../failure.ts'
import type { RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'

const GLOB = '**/*.car'

export interface Folders {
  readonly args: readonly AddArgument[]
  /** Whether there is a CAR in one of them. */
  readonly any: boolean
}

/** @throws {CommandError} `COMMAND_REFUSED`: one is not there, or is no CAR */
export const readFolders = async (paths: readonly string[], root: RootFolder, { cwd, signal }: Terminal): Promise<Folders> => {
  const args: AddArgument[] = []
  let any = false
  for (const path of paths) {
    try {
      const argument = await readArgument(path, cwd)
      args.push(argument)
      for await (const _ of filesOf(argument, { glob: GLOB, root: root.path, signal })) {
        any = true
        break
      }
    } catch (error) {
      signal.throwIfAborted()
      throw new CommandError('COMMAND_REFUSED', explain(error, path), { cause: error })
    }
  }
  return { args, any }
}

/** Prints what `add` prints; with `quiet` on stderr alone. CARs that cannot be added are told, and the others are served. */
export const addFolders = async (args: readonly AddArgument[], store: ShardBackend, root: RootFolder, terminal: Terminal, quiet: boolean): Promise<void> => {
  const told: Terminal = quiet ? { ...terminal, stdout: (text) => { terminal.stderr(typeof text === 'string' ? text : Buffer.from(text).toString()) } } : terminal
  try {
    await inBulk(told, {}, async (bulk) => {
      const tallies = await addArguments(args, store, { glob: GLOB, key: 'name', keep: 'borrow', eager: false, verbose: false, root: root.path }, bulk, told)
      bulk.status.clear()
      told.stdout(folderLines(tallies, GLOB))
    })
  } catch (error) {
    if (codeOf(error) !== 'COMMAND_FAILED_ITEMS') throw error
  }
}
