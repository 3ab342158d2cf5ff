/** The live runners: made on first use, dropped at rest. */
import type { Event, Garbage } from '../machine/index.ts'
import { DagstoreError } from '../errors.ts'
import type { ShardInfo } from '../shard-info.ts'
import type { Call, CallTarget } from './calls.ts'
import type { StoreParts } from './parts.ts'
import { ShardRunner, type Visit } from './shard-runner.ts'

export class Runners {
  readonly #parts: StoreParts
  readonly #live: Map<string, ShardRunner> = new Map()
  readonly #held: Map<string, Promise<void>> = new Map()
  #closed = false

  constructor (parts: StoreParts) {
    this.#parts = parts
  }

  /** The target of a call that has not come yet: its runner is made with the call, so that it is never dropped in between. */
  target (key: string): CallTarget {
    return {
      enter: (waiter: number, call: Call, event: Event) => {
        if (this.#closed) return call.refuse(new DagstoreError('DAGSTORE_CLOSED', 'store is closed', { key }))
        this.#runner(key).enter(waiter, call, event)
      },
      leave: (waiter) => { this.#live.get(key)?.leave(waiter) },
    }
  }

  /**
   * Finish what the record says is unfinished (`resume`), or try again what is errored (`retry`), unless somebody is at it;
   * resolves when that has ended, or waits for leases.
   */
  async goOn (key: string, type: 'resume' | 'retry'): Promise<void> {
    if (this.#closed) return
    const runner = this.#runner(key)
    try {
      await runner.visit(async () => { if (type === 'retry' || runner.isUnfinished) runner.submit({ type }) })
    } catch (error) {
      if (!this.#closed) throw error
    }
    await runner.idle()
  }

  /** What a live machine says; `undefined` when the record says it all. */
  info (key: string): ShardInfo | undefined { return this.#live.get(key)?.info }

  /** Leases can be had without opening anything. */
  isOpen (key: string): boolean { return this.#live.get(key)?.isOpen === true }

  pins (key: string, garbage: Garbage): boolean { return this.#live.get(key)?.pins(garbage) === true }

  /** A machine is live, or somebody writes the record past it. */
  isBusy (key: string): boolean { return this.#live.has(key) || this.#held.has(key) }

  /** For who writes the records of shards that are not busy: their machines read them only after the call of what is returned. */
  hold (keys: Iterable<string>): () => void {
    let open = (): void => {}
    const passed = new Promise<void>((resolve) => { open = resolve })
    const held = [...keys]
    for (const key of held) this.#held.set(key, passed)
    return () => {
      for (const key of held) this.#held.delete(key)
      open()
    }
  }

  heldBack (key: string): Promise<void> | undefined { return this.#held.get(key) }

  /** Run `visit` between two events of the shard's machine. @throws {DagstoreError} `DAGSTORE_CLOSED` */
  async visit<T> (key: string, visit: Visit<T>): Promise<T> {
    if (this.#closed) throw new DagstoreError('DAGSTORE_CLOSED', 'store is closed', { key })
    return this.#runner(key).visit(visit)
  }

  /** The index of a shard in use turned out to be broken. */
  spoil (key: string): void { this.#live.get(key)?.spoil() }

  /** Everybody who waits is refused, leases are revoked, jobs are told to stop. */
  close (): void {
    this.#closed = true
    for (const runner of this.#live.values()) runner.submit({ type: 'close' })
  }

  #runner (key: string): ShardRunner {
    const live = this.#live.get(key)
    if (live !== undefined) return live
    const made = new ShardRunner(this.#parts, key, (runner) => {
      if (this.#live.get(key) === runner) this.#live.delete(key)
    })
    this.#live.set(key, made)
    return made
  }
}
