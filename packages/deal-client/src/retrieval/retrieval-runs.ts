/** The retrievals that are under way: each is run to its end, written down when its state changes, and told of as it goes. */
import { type Clock, createFairSlots, createLane, type FairSlots } from '@dagstore/io'
import type { RetrievalTable, StoredRetrieval } from './retrieval-table.ts'
import { CANCELLED_STATE, type Change, CLOSED, failureOf, runRetrieval, type RunParts } from './run-retrieval.ts'

interface Running {
  now: StoredRetrieval
  told: { readonly at: number, readonly bytes: number }
  readonly leaving: AbortController
  done: Promise<void>
}

export interface RunsOptions {
  readonly parts: RunParts
  readonly table: RetrievalTable
  readonly clock: Clock
  readonly maxActive: number
  readonly tell: (retrieval: StoredRetrieval) => void
  readonly problem: (id: bigint, error: unknown) => void
}

const CANCELLED = Symbol('cancelled')
/** How often bytes alone are told. */
const TOLD_BYTES = 8 << 20
const TOLD_MS = 1000

export class RetrievalRuns {
  readonly #options: RunsOptions
  readonly #running = new Map<bigint, Running>()
  readonly #slots: FairSlots
  #isClosed = false

  constructor (options: RunsOptions) {
    this.#options = options
    this.#slots = createFairSlots(options.maxActive)
  }

  has (id: bigint): boolean { return this.#running.has(id) }
  now (id: bigint): StoredRetrieval | undefined { return this.#running.get(id)?.now }

  /** Resolves when it is not under way any more; at once where it is not. */
  async done (id: bigint): Promise<void> { await this.#running.get(id)?.done }

  async cancel (id: bigint): Promise<void> {
    this.#running.get(id)?.leaving.abort(CANCELLED)
    await this.done(id)
  }

  async close (): Promise<void> {
    this.#isClosed = true
    const all = [...this.#running.values()]
    for (const { leaving } of all) leaving.abort(CLOSED)
    await Promise.all(all.map(({ done }) => done))
  }

  /** Not once it is closed: then the next process goes on. */
  run (from: StoredRetrieval): void {
    if (this.#isClosed) return
    const running: Running = { now: from, told: { at: this.#options.clock.now(), bytes: from.receivedBytes }, leaving: new AbortController(), done: Promise.resolve() }
    this.#running.set(from.id, running)
    running.done = this.#work(running).catch((error: unknown) => { this.#options.problem(from.id, error) }).finally(() => { this.#running.delete(from.id) })
  }

  async #work (running: Running): Promise<void> {
    const { signal } = running.leaving
    const { parts } = this.#options
    let entered = false
    try {
      await this.#slots.enter(createLane(), { signal })
      entered = true
      await runRetrieval(running.now, parts, { signal, tell: (change) => { this.#apply(running, change) } })
      await this.#end(running, { state: 'DealStatusCompleted', message: '' })
    } catch (error) {
      if (signal.reason === CLOSED) return
      await this.#end(running, signal.reason === CANCELLED ? CANCELLED_STATE : failureOf(error, running.now))
    } finally {
      if (entered) this.#slots.leave()
    }
  }

  async #end (running: Running, change: Change): Promise<void> {
    running.now = { ...running.now, ...change, updatedAt: this.#options.clock.now() }
    await this.#options.table.put(running.now)
    this.#options.tell(running.now)
  }

  /** A new state, and now and then how far it is. */
  #apply (running: Running, change: Change): void {
    const { now: before, told } = running
    const at = this.#options.clock.now()
    const next = { ...before, ...change }
    const isNews = next.state !== before.state || next.from !== before.from || next.file !== before.file
    running.now = isNews ? { ...next, updatedAt: at } : next
    if (!isNews && next.receivedBytes - told.bytes < TOLD_BYTES && at - told.at < TOLD_MS) return
    running.told = { at, bytes: next.receivedBytes }
    this.#options.tell(running.now)
  }
}
