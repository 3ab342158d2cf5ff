/** Work that nobody waits for until the store closes. */
export class Tasks {
  readonly #running: Set<Promise<void>> = new Set()

  /** `work` must answer for its own errors; one that escapes it is dropped. */
  add (work: Promise<void>): void {
    const task: Promise<void> = work.catch(() => {}).finally(() => { this.#running.delete(task) })
    this.#running.add(task)
  }

  /** Until nothing runs, what was added meanwhile included. */
  async idle (): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
