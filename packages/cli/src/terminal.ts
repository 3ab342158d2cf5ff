/** What a command sees of the terminal and the process; a test gives one of its own. */
import { addAbortSignal, type Readable, type Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { classifyNodeError } from '@dagstore/io/node'

export interface Terminal {
  /** Results only. */
  stdout (text: string | Uint8Array): void
  /** Resolves when what was written to stdout is on its way, so that long results do not pile up. @default at once */
  readonly drained?: (() => Promise<void>) | undefined
  /** Resolves when all that was written to stdout has arrived, or was found not to; then `signal` says so. @default at once */
  readonly flushed?: (() => Promise<void>) | undefined
  /** Descriptor of stdout, for what must not wait for its reader. @default none: {@link stdout} is used */
  readonly stdoutFile?: number | undefined
  /** Calls `listener` when whoever runs the process asks to have its files read again (SIGHUP), until the function given back is called. @default nobody asks */
  readonly onReload?: ((listener: () => void) => () => void) | undefined
  /** What is piped in; `undefined` when that is a person. */
  readonly stdin?: (() => AsyncIterable<Uint8Array>) | undefined
  /** Progress and messages. */
  stderr (text: string): void
  /** Whether stderr is a terminal that can redraw a line. */
  readonly interactive: boolean
  /** Characters in a line of stderr; 0 where that is not known. @default 80 */
  readonly columns?: number | undefined
  /** Whether stdout is a terminal, where progress would stand between the results. @default false */
  readonly showsResults?: boolean | undefined
  /** Whether stdout is a terminal that shows colours. */
  readonly colors: boolean
  /** Where relative paths start, and what the user's environment says. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by the first Ctrl-C with an {@link InterruptedError}, or with a {@link StdoutError}. */
  readonly signal: AbortSignal
}

/** Ctrl-C: the command stops at the next safe point and exits with 130. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

/** Nothing can be written to stdout any more: whoever read it went away (`| head`), which is no failure, or `cause` says why. */
export class StdoutError extends Error {
  override readonly name = 'StdoutError'
  readonly readerLeft: boolean

  constructor (cause: NodeJS.ErrnoException) {
    super('stdout', { cause: classifyNodeError(cause, 'write failed') })
    this.readerLeft = cause.code === 'EPIPE'
  }
}

/** A stream that cannot be written to says so once, instead of ending the process. */
export const onWriteFailure = (stream: NodeJS.WritableStream, lost: (error: StdoutError) => void): void => {
  let told = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (told) return
    told = true
    lost(new StdoutError(error))
  })
}

/** Resolves when the stream takes more, or will never take any again. */
export const drained = (stream: Writable): Promise<void> => !stream.writableNeedDrain || stream.destroyed
  ? Promise.resolve()
  : new Promise((resolve) => {
    const events = ['drain', 'close', 'error']
    const done = (): void => {
      for (const event of events) stream.off(event, done)
      resolve()
    }
    for (const event of events) stream.on(event, done)
  })

/** Resolves when all writes are over and their errors are told. */
const flushed = (stream: Writable): Promise<void> => new Promise((resolve) => { stream.write('', () => { setImmediate(resolve) }) })

/** Ends waiting for input, too, when the signal is aborted. */
export const readable = (stream: Readable, signal: AbortSignal): AsyncIterable<Uint8Array> => addAbortSignal(signal, stream)

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
  onWriteFailure(process.stdout, (error) => { controller.abort(error) })
  onWriteFailure(process.stderr, () => {})
  return {
    stdout: (text) => { process.stdout.write(text) },
    drained: () => drained(process.stdout),
    flushed: () => flushed(process.stdout),
    stdoutFile: 1,
    // on a terminal it says that the terminal is closed
    ...(process.stderr.isTTY === true ? {} : {
      onReload: (listener) => {
        process.on('SIGHUP', listener)
        return () => { process.off('SIGHUP', listener) }
      },
    }),
    // not `process.stdin.isTTY`: a command that reads nothing leaves the stream alone
    stdin: isatty(0) ? undefined : () => readable(process.stdin, controller.signal),
    stderr: (text) => { process.stderr.write(text) },
    interactive: process.stderr.isTTY === true,
    get columns () { return process.stderr.columns },
    showsResults: process.stdout.isTTY === true,
    colors: process.stdout.isTTY === true && !process.env['NO_COLOR'],
    cwd: process.cwd(),
    env: process.env,
    signal: controller.signal,
  }
}
