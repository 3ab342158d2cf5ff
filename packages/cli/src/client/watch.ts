/** Lists that go on: what there is, then a line for each change, until Ctrl-C. */
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

export interface Watched<T> {
  /** Asked for once changes are being heard, so that none is missed. */
  first (): Promise<readonly T[]>
  updates (): AsyncIterable<T>
  /** Without its end. */
  line (item: T): string
  /** With its end. */
  json (item: T): Promise<string>
}

/** Ends when the updates do. @throws the reason of the signal */
export const watchLines = async <T>({ first, updates, line, json }: Watched<T>, options: CommonOptions, terminal: Terminal): Promise<void> => {
  const write = async (item: T): Promise<void> => {
    terminal.stdout(options.json === true ? await json(item) : `${line(item)}\n`)
    await terminal.drained?.()
  }
  const changes = updates()[Symbol.asyncIterator]()
  try {
    // the first answer is asked for now; it may take until the first change
    let next = changes.next()
    next.catch(() => {}) // told below
    for (const item of await first()) await write(item)
    for (;;) {
      const { done, value } = await next
      if (done === true) break
      await write(value)
      next = changes.next()
      next.catch(() => {})
    }
  } finally {
    await changes.return?.()
  }
  terminal.signal.throwIfAborted()
}
