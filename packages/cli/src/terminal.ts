/** What a command sees of the terminal and the process; a test gives one of its own. */
import { isatty } from 'node:tty'

export interface Terminal {
  /** Results only. */
  stdout (text: string | Uint8Array): void
  /** Resolves when what was written to stdout is on its way, so that long results do not pile up. @default at once */
  readonly drained?: (() => Promise<void>) | undefined
  /** What is piped in; `undefined` when that is a person. */
  readonly stdin?: (() => AsyncIterable<Uint8Array>) | undefined
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

/** A reader that went away is no failure of ours; it is told once. Any other failure of the stream is thrown. */
export const outliveReader = (stream: NodeJS.WritableStream, left: () => void): void => {
  let told = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (told) return
    told = true
    left()
  })
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
  // results that nobody reads any more (`| head`) are no reason to go on, messages are
  outliveReader(process.stdout, () => process.exit(0))
  outliveReader(process.stderr, () => {})
  return {
    stdout: (text) => { process.stdout.write(text) },
    drained: () => process.stdout.writableNeedDrain ? new Promise((resolve) => { process.stdout.once('drain', resolve) }) : Promise.resolve(),
    // not `process.stdin.isTTY`: a command that reads nothing leaves the stream alone
    stdin: isatty(0) ? undefined : () => process.stdin,
    stderr: (text) => { process.stderr.write(text) },
    interactive: process.stderr.isTTY === true,
    colors: process.stdout.isTTY === true && !process.env['NO_COLOR'],
    cwd: process.cwd(),
    env: process.env,
    signal: controller.signal,
  }
}
