/** Failures of a command on one file name that file. */
import { classifyNodeError } from '@dagstore/io/node'
import { CommandError, explain } from '../failure.ts'

/** Those that name a file already. */
const named = new WeakSet<CommandError>()

/**
 * @param file - as the user named it
 * @param path - as everybody below names it
 * @throws {CommandError} `COMMAND_REFUSED` with the file, the place and the cause in one sentence
 */
export const aboutFile = async <T>(file: string, work: () => Promise<T>, path: string = file): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof CommandError && (error.code !== 'COMMAND_REFUSED' || named.has(error))) throw error
    // what Node says itself gets a code of ours
    const cause = error instanceof Error && 'syscall' in error ? classifyNodeError(error, 'refused') : error
    const told = new CommandError('COMMAND_REFUSED', explain(cause, file, [path]), { cause })
    named.add(told)
    throw told
  }
}
