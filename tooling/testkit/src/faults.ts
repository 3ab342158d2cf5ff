/** Where operations on crashable parts are counted, written down, made to fail, and cut off. */

/** The process died here: this operation may or may not have happened, and no later one did. */
export class CrashError extends Error {
  override readonly name = 'CrashError'
}

export interface Operation {
  /** 0 for the first one of the world. Reads are counted too, but never cut at. */
  readonly index: number
  readonly kind: 'read' | 'write' | 'truncate' | 'sync' | 'create' | 'commit' | 'rename' | 'remove' | 'batch'
  /** File, or `db`. */
  readonly name: string
}

/** One per world; a directory and a database that share it share the count. */
export class Faults {
  /** One line per operation, in order: what a test compares when order matters. */
  readonly log: string[] = []
  #operations = 0
  #changes = 0
  #cutAt = Number.POSITIVE_INFINITY
  #crashed = false
  readonly #failures: { readonly matches: (operation: Operation) => boolean, readonly error: () => Error, left: number }[] = []

  /** All operations so far. */
  get operations (): number { return this.#operations }
  /** Operations that change something: what a cut counts. */
  get changes (): number { return this.#changes }
  get crashed (): boolean { return this.#crashed }

  /** The `changes`-th changing operation (0 is the first) and all operations after it reject with {@link CrashError}. */
  crashAfter (changes: number): void { this.#cutAt = changes }

  /** Let matching operations fail; a number matches the operation of that index. `times` defaults to 1. */
  failAt (match: number | ((operation: Operation) => boolean), error: Error | (() => Error), times = 1): void {
    this.#failures.push({
      matches: typeof match === 'number' ? (operation) => operation.index === match : match,
      error: typeof error === 'function' ? error : () => error,
      left: times,
    })
  }

  /**
   * Take part in one operation, before it has any effect.
   *
   * @returns `done` (go on), or `cut`: let the operation happen or not as chance has it, then throw {@link CrashError}
   * @throws the injected error, or {@link CrashError} after the crash
   */
  step (kind: Operation['kind'], name: string, detail = ''): 'done' | 'cut' {
    if (this.#crashed) throw new CrashError('the process is gone')
    const operation: Operation = { index: this.#operations++, kind, name }
    this.log.push(`${kind} ${name}${detail === '' ? '' : ` ${detail}`}`)
    for (const failure of this.#failures) {
      if (failure.left > 0 && failure.matches(operation)) {
        failure.left--
        this.log.push(`  failed: ${name}`)
        throw failure.error()
      }
    }
    if (kind === 'read') return 'done'
    if (this.#changes++ < this.#cutAt) return 'done'
    this.#crashed = true
    return 'cut'
  }
}
