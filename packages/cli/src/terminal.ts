/** What a command sees of the terminal and the process; a test gives one of its own. */

export interface Terminal {
  /** Results only. */
  stdout (text: string | Uint8Array): void
  /** Progress and messages. */
  stderr (text: string): void
  /** Whether stderr is a terminal that can redraw a line. */
  readonly interactive: boolean
  /** Whether stdout is a terminal that shows colours. */
  readonly colors: boolean
  /** Where relative paths start, and what the user's environment says. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by the first Ctrl-C, with an {@link InterruptedError}. */
  readonly signal: AbortSignal
}

/** Ctrl-C: the command stops at the next safe point and exits with 130. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

/** The real one. The second Ctrl-C ends the process at once. */
export const processTerminal = (): Terminal => {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new InterruptedError('interrupted'))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // a reader that went away (`| head`) is no failure of ours
  process.stdout.on('error', (error: NodeJS.ErrnoException) => { if (error.code === 'EPIPE') process.exit(0); throw error })
  return {
    stdout: (text) => { process.stdout.write(text) },
    stderr: (text) => { process.stderr.write(text) },
    interactive: process.stderr.isTTY === true,
    colors: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
    cwd: process.cwd(),
    env: process.env,
    signal: controller.signal,
  }
}
