/**
 * The same work on many shards, as a stream of steps: two for each, when it begins and when it has ended.
 *
 * Source: lotus node/impl/storminer.go `DagstoreInitializeAll`. Stricter: 0 is no limit and hangs nowhere, shards are looked at while
 * others are worked on, and leaving ends all of it at once.
 */
import { type CallOptions, onAbort } from '@dagstore/io'
import { isFatal } from './failures.ts'

export interface ShardItem {
  readonly key: string
  /** Whether it is to be worked on; asked a few at a time. @default it is */
  readonly isWanted?: ((options: CallOptions) => Promise<boolean>) | undefined
}

export interface ShardStep {
  readonly key: string
  readonly event: 'start' | 'end'
  /** Of an `end` that failed. */
  readonly error?: unknown
  /** Place of the shard, from 1, in the order in which they begin. */
  readonly current: number
  /** Shards that are wanted, or not yet looked at: it only falls, and is exact when all were looked at. */
  readonly total: number
}

export interface ManyShardsOptions extends CallOptions {
  /** Shards under way at a time. 0: as many as the store takes. */
  readonly concurrency: number
}

/** Shards that are looked at, or wait for their turn, at a time. */
const AHEAD = 16
/** What 0 means: more calls than this change nothing, since the store's own limit holds below them. */
const MOST = 1024

/** Whoever asks for the next step is what drives it: nothing begins while nobody does. An error of `isWanted` ends all of it. */
export async function * workOnShards (items: readonly ShardItem[], work: (key: string, options: CallOptions) => Promise<unknown>, { concurrency, signal }: ManyShardsOptions): AsyncGenerator<ShardStep, void, undefined> {
  const run = new Run(items, work, concurrency === 0 ? MOST : Math.min(concurrency, MOST))
  const unwatch = signal === undefined ? undefined : onAbort(signal, () => { run.wake() })
  try {
    for (;;) {
      signal?.throwIfAborted()
      const step = run.next()
      if (step === 'done') return
      if (step === 'wait') await run.change()
      else yield step
    }
  } finally {
    unwatch?.()
    run.leave(signal?.reason)
  }
}

class Run {
  readonly #items: readonly ShardItem[]
  readonly #work: (key: string, options: CallOptions) => Promise<unknown>
  readonly #limit: number
  /** A signal for each call: one with all of them as listeners would be taken for a leak. */
  readonly #calls: Set<AbortController> = new Set()
  /** Wanted, and not begun. */
  readonly #wanted: string[] = []
  readonly #steps: ShardStep[] = []
  #total: number
  #at = 0
  #asking = 0
  #running = 0
  #begun = 0
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => {}

  constructor (items: readonly ShardItem[], work: (key: string, options: CallOptions) => Promise<unknown>, limit: number) {
    this.#items = items
    this.#work = work
    this.#limit = limit
    this.#total = items.length
  }

  /** @throws what ended all of it, such as `DAGSTORE_CLOSED` */
  next (): ShardStep | 'wait' | 'done' {
    if (this.#failure !== undefined) throw this.#failure.error
    for (let more = true; more;) more = this.#beginOne() || this.#askOne()
    return this.#steps.shift() ?? (this.#asking + this.#running === 0 ? 'done' : 'wait')
  }

  change (): Promise<void> {
    return new Promise((resolve) => { this.#wake = resolve })
  }

  wake (): void { this.#wake() }

  /** Calls under way are withdrawn, and not waited for. */
  leave (reason: unknown): void {
    for (const call of this.#calls) call.abort(reason)
  }

  #beginOne (): boolean {
    // what nobody has taken yet counts as under way
    if (this.#running >= this.#limit || this.#steps.length >= this.#limit) return false
    const key = this.#wanted.shift()
    if (key === undefined) return false
    const current = ++this.#begun
    this.#running++
    this.#steps.push({ key, event: 'start', current, total: this.#total })
    this.#track((signal) => this.#work(key, { signal }), () => { this.#running-- }, (error) => {
      if (error !== undefined && isFatal(error.error)) this.#failure ??= error
      else this.#steps.push({ key, event: 'end', ...error, current, total: this.#total })
    })
    return true
  }

  #askOne (): boolean {
    const item = this.#asking + this.#wanted.length < AHEAD ? this.#items[this.#at] : undefined
    if (item === undefined) return false
    this.#at++
    const { key, isWanted } = item
    if (isWanted === undefined) {
      this.#wanted.push(key)
      return true
    }
    this.#asking++
    this.#track(async (signal) => {
      if (await isWanted({ signal })) this.#wanted.push(key)
      else this.#total--
    }, () => { this.#asking-- }, (error) => { this.#failure ??= error })
    return true
  }

  #track (work: (signal: AbortSignal) => Promise<unknown>, ended: () => void, settled: (error: { readonly error: unknown } | undefined) => void): void {
    const call = new AbortController()
    this.#calls.add(call)
    work(call.signal).then(() => undefined, (error: unknown) => ({ error })).then((error) => {
      this.#calls.delete(call)
      ended()
      settled(error)
      this.#wake()
    })
  }
}
