/** Lines on their way to a report: in order, in batches, and never waited for by what cannot wait. */
import type { Awaitable } from '@dagstore/io'

export type OnReport<T> = (lines: readonly T[]) => Awaitable<void>

const BATCH = 256

export class ReportQueue<T> {
  readonly #onReport: OnReport<T> | undefined
  #lines: T[] = []
  #sent: Promise<void> = Promise.resolve()

  constructor (onReport: OnReport<T> | undefined) { this.#onReport = onReport }

  push (line: T): void {
    if (this.#onReport === undefined) return
    this.#lines.push(line)
    if (this.#lines.length >= BATCH) this.#send()
  }

  /** Resolves when all lines were taken. @throws what the receiver threw */
  async flush (): Promise<void> {
    this.#send()
    await this.#sent
  }

  #send (): void {
    const [lines, onReport] = [this.#lines, this.#onReport]
    if (lines.length === 0 || onReport === undefined) return
    this.#lines = []
    this.#sent = this.#sent.then(() => onReport(lines))
    this.#sent.catch(() => {}) // whoever flushes gets it
  }
}
