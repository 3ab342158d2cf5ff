/**
 * Work on several things, of which any may fail: a line or a JSON object for each as it comes, then how many did and did
 * not. `--json` is one document still, `{"items":[…],"ok":…,"succeeded":…,"failed":…}`, with each item on a line of its own.
 */
import { codeOf, CommandError, explain, markTold } from './failure.ts'
import type { CommonOptions } from './options.ts'
import { createStatusLine, type StatusLine } from './status-line.ts'
import { InterruptedError, StdoutError, type Terminal } from './terminal.ts'
import { paint, printable, toJson } from './text.ts'

export interface Bulk {
  readonly status: StatusLine
  readonly succeeded: number
  readonly failed: number
  /** A line for people that belongs to no item alone, or to one that is told otherwise too. */
  say (text: string): Promise<void>
  /** @param text - the line for people; nothing: they need not be told of this one */
  done (item: object, text?: string | undefined): Promise<void>
  /**
   * The failure is told on stderr, behind `subject`, and the work goes on.
   *
   * @param names - what the subject is called otherwise, so that its error need not say it again
   * @throws the error itself, where every other item would meet it too: an interruption, a store that cannot be written
   */
  fail (item: object, error: unknown, subject: string, hint?: string | undefined, names?: readonly string[]): Promise<void>
}

/** Failures with one code that are told one by one where people read; all are in the JSON document. */
const MAX_TOLD = 20

/** What no other item would fare better with. */
const FATAL: ReadonlySet<string> = new Set(['DAGSTORE_STORAGE_FAILED', 'DAGSTORE_CLOSED', 'DAGSTORE_LOCKED', 'RPC_UNREACHABLE', 'RPC_FORBIDDEN', 'RPC_CONNECTION_LOST', 'RPC_CLOSED'])

/**
 * @param work - may give further members for the end of the document
 * @throws {CommandError} `COMMAND_FAILED_ITEMS`
 */
export const inBulk = async (terminal: Terminal, options: CommonOptions, work: (bulk: Bulk) => Promise<object | void>): Promise<void> => {
  const status = createStatusLine(terminal)
  const json = options.json === true
  const counts = { succeeded: 0, failed: 0 }
  let begun = false
  const line = async (text: string): Promise<void> => {
    status.clear()
    terminal.stdout(text)
    await terminal.drained?.()
  }
  const item = (value: object): Promise<void> => {
    // a line has its end before anything is said on stderr
    const lead = begun ? ',' : '{"items":[\n'
    begun = true
    return line(`${lead}${toJson(value)}\n`)
  }
  const close = (ok: boolean, rest: object): void => {
    terminal.stdout(`${begun ? '' : '{"items":['}],${toJson({ ok, ...counts, ...rest }).slice(1)}\n`)
  }
  /** Failures by code. */
  const alike = new Map<string | undefined, number>()
  const sum = (): void => {
    for (const [code, times] of alike) if (times > MAX_TOLD) terminal.stderr(`… and ${times - MAX_TOLD} more${code === undefined ? '' : ` (${code})`}\n`)
    terminal.stderr(`${counts.succeeded} ok, ${counts.failed} failed\n`)
  }
  const bulk: Bulk = {
    status,
    get succeeded () { return counts.succeeded },
    get failed () { return counts.failed },
    say: async (text) => { if (!json) await line(`${printable(text)}\n`) },
    done: async (value, text) => {
      terminal.signal.throwIfAborted()
      counts.succeeded++
      if (json) await item({ ...value, ok: true })
      else if (text !== undefined) await line(`${printable(text)}\n`)
    },
    fail: async (value, error, subject, hint, names) => {
      terminal.signal.throwIfAborted()
      if (FATAL.has(codeOf(error) ?? '')) throw error
      counts.failed++
      const code = codeOf(error instanceof CommandError ? error.cause : undefined) ?? codeOf(error)
      const told = (alike.get(code) ?? 0) + 1
      alike.set(code, told)
      const message = `${explain(error, subject, names)}${hint === undefined ? '' : `; ${hint}`}`
      if (told <= MAX_TOLD) {
        status.clear()
        terminal.stderr(`dagstore: ${paint(printable(message), 'red', options.color ?? (terminal.interactive && terminal.colors))}\n`)
      }
      if (options.debug === true && error instanceof Error) terminal.stderr(`${error.stack ?? ''}\n`)
      if (json) await item({ ...value, ok: false, error: { code: code ?? null, message } })
    },
  }
  let rest: object | void
  try {
    rest = await work(bulk)
  } catch (error) {
    status.clear()
    const reason = terminal.signal.aborted ? terminal.signal.reason as unknown : error
    if (counts.succeeded + counts.failed > 0) sum()
    // a document that has begun gets its end here; one that has not is written by whoever ends the command
    if (json && begun) {
      close(false, { error: { code: codeOf(reason) ?? (terminal.signal.aborted ? 'COMMAND_INTERRUPTED' : null), message: explain(reason) } })
      markTold(reason)
    }
    // whoever read the results has gone: that is no failure, but what was left undone is not done
    if (reason instanceof StdoutError && reason.readerLeft) throw new InterruptedError('nobody reads the results any more', { cause: reason })
    throw reason
  }
  status.clear()
  if (json) close(counts.failed === 0, rest ?? {})
  sum()
  if (counts.failed > 0) throw new CommandError('COMMAND_FAILED_ITEMS', `${counts.failed} of ${counts.succeeded + counts.failed} failed`)
}

/** `work` on many at a time, in no order; what is left is not begun once one has thrown. */
export const inParallel = async <T>(items: Iterable<T> | AsyncIterable<T>, width: number, work: (item: T) => Promise<void>): Promise<void> => {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  for await (const item of items) {
    if (failures.length > 0) break
    const one: Promise<void> = work(item).catch((error: unknown) => { failures.push(error) }).finally(() => { running.delete(one) })
    running.add(one)
    if (running.size >= width) await Promise.race(running)
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
}
