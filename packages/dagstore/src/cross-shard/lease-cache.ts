/** Leases of the shards that were read last, so that reading many blocks opens each shard once. */
import type { CallOptions } from '@dagstore/io'
import { abortable } from '../abortable.ts'
import type { ShardLease } from '../lease.ts'
import type { Candidate } from './candidates.ts'

const RECENT = 4

interface Entry {
  readonly key: string
  readonly number: number
  readonly lease: Promise<ShardLease>
  /** Withdraws the wait for the lease. */
  readonly leave: AbortController
  /** The lease is there. */
  opened: boolean
  users: number
  /** Not given out any more; closed by its last user. */
  unwanted: boolean
}

export class LeaseCache {
  readonly #acquire: (key: string, options: CallOptions) => Promise<ShardLease>
  /** Idle ones beyond so many are closed, those unused for longest first. */
  readonly #max: number
  /** Least recently used first. */
  readonly #entries: Map<string, Entry> = new Map()
  readonly #closings: Set<Promise<void>> = new Set()

  constructor (acquire: (key: string, options: CallOptions) => Promise<ShardLease>, max: number) {
    this.#acquire = acquire
    this.#max = max
  }

  /** Shard numbers of the shards used last, the latest first: reading these costs least, and what is read next is often there too. */
  recent (): readonly number[] {
    return [...this.#entries.values()].slice(-RECENT).reverse().map(({ number }) => number)
  }

  /**
   * Run `work` on a lease of the shard; it may be shared, and is not closed before `work` has ended. `signal` leaves the wait
   * for the lease, which ends when nobody waits for it any more; `work` has to listen itself.
   */
  async use<T>(shard: Candidate, work: (lease: ShardLease) => Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    const entry = this.#enter(shard)
    try {
      return await work(await (signal === undefined ? entry.lease : abortable(entry.lease, signal)))
    } finally {
      entry.users--
      if (entry.users === 0 && !entry.opened) this.#abandon(entry)
      else if (entry.users === 0 && entry.unwanted) this.#close(entry)
      this.#trim()
    }
  }

  /** Give back the lease of one shard, as soon as nobody uses it. */
  drop (key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    entry.unwanted = true
    if (entry.users === 0) this.#close(entry)
  }

  /** All of them; resolves when the idle ones are closed. */
  async clear (): Promise<void> {
    for (const key of this.#entries.keys()) this.drop(key)
    await Promise.all(this.#closings)
  }

  #enter ({ key, number }: Candidate): Entry {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      known.users++
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known
    }
    const leave = new AbortController()
    const entry: Entry = { key, number, lease: this.#acquire(key, { signal: leave.signal }), leave, opened: false, users: 1, unwanted: false }
    this.#entries.set(key, entry)
    // a failure is not kept: the next user tries again
    entry.lease.then(() => { entry.opened = true }, () => { this.#forget(entry) })
    this.#trim()
    return entry
  }

  #forget (entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
  }

  /** Nobody waits for its lease any more; should it come all the same, it is closed. */
  #abandon (entry: Entry): void {
    this.#forget(entry)
    entry.leave.abort()
    this.#close(entry)
  }

  #trim (): void {
    if (this.#entries.size <= this.#max) return
    for (const entry of this.#entries.values()) {
      if (entry.users > 0) continue
      this.drop(entry.key)
      if (this.#entries.size <= this.#max) return
    }
  }

  #close (entry: Entry): void {
    const closing: Promise<void> = entry.lease.then((lease) => lease.close(), () => {}).finally(() => { this.#closings.delete(closing) })
    this.#closings.add(closing)
  }
}
