/** The `dagstore` command: one command line, and what becomes of a failure. */
import { CommanderError } from 'commander'
import { codeOf, CommandError, explain, isTold } from './failure.ts'
import { withOptionsBehind } from './leading-options.ts'
import { createProgram } from './program.ts'
import { InterruptedError, StdoutError, type Terminal } from './terminal.ts'
import { printable, toJson } from './text.ts'

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Run one command line. Never rejects; the result is the exit code. */
export const main = async (given: readonly string[], terminal: Terminal): Promise<number> => {
  const args = withOptionsBehind(given)
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
    const how = error instanceof CommandError && error.code === 'COMMAND_INTERRUPTED' ? error.message : 'interrupted; run the same command again to go on'
    terminal.stderr(`dagstore: ${printable(how)}\n`)
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
