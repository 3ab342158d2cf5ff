/** What is costly to open and used by many: opened once, kept while there is room for it. Leases and index files of shards. */
import type { CallOptions } from '@dagstore/io'
import { abortable } from '../abortable.ts'

const RECENT = 4
/** Open ones that are looked into for one answer. */
const MOST_ASKED = 32

export interface Closable { close(): Promise<void> }

interface Entry<T, P> {
  readonly name: string
  readonly place: P
  readonly opening: Promise<T>
  /** Withdraws the wait for it. */
  readonly leave: AbortController
  /** Once it is there. */
  opened: T | undefined
  users: number
  /** Not given out any more; closed by its last user. */
  unwanted: boolean
  closing: Promise<void> | undefined
  /** Called when it is closed. */
  readonly gone: (() => void)[]
}

/** Of `T`, one per place that has a name of its own. */
export class SharedCache<T extends Closable, P> {
  readonly #open: (place: P, options: CallOptions) => Promise<T>
  readonly #nameOf: (place: P) => string
  /** Idle ones beyond so many are closed, those unused for longest first. */
  readonly #max: number
  /** Whether any may be kept that nobody uses. */
  readonly #mayKeep: () => boolean
  /** Least recently used first. */
  readonly #entries: Map<string, Entry<T, P>> = new Map()
  #last: Entry<T, P> | undefined
  /** Not given out any more, and not closed yet. */
  readonly #leaving: Set<Entry<T, P>> = new Set()

  constructor (open: (place: P, options: CallOptions) => Promise<T>, nameOf: (place: P) => string, max: number, mayKeep: () => boolean = () => true) {
    this.#open = open
    this.#nameOf = nameOf
    this.#max = max
    this.#mayKeep = mayKeep
  }

  /** The places used last, the latest first: reading these costs least, and what is read next is often there too. */
  recent (): readonly P[] {
    return [...this.#entries.values()].slice(-RECENT).reverse().map(({ place }) => place)
  }

  /** The place used last, if what is there is open already. */
  latest (): P | undefined {
    const entry = this.#last
    return entry?.opened !== undefined && this.#entries.get(entry.name) === entry ? entry.place : undefined
  }

  /** What is open there. It may be closed at any time: for looking into, not for use. */
  at (place: P): T | undefined { return this.#entries.get(this.#nameOf(place))?.opened }

  /** Of those that are open, the one used last that passes; a few dozen are asked at most. */
  openWhere (passes: (opened: T, place: P) => boolean): P | undefined {
    let left = MOST_ASKED
    for (const { opened, place } of [...this.#entries.values()].reverse()) {
      if (opened === undefined) continue
      if (passes(opened, place)) return place
      if (--left === 0) return undefined
    }
    return undefined
  }

  /**
   * Run `work` on what is at the place; it may be shared, and is not closed before `work` has ended. `signal` leaves the wait
   * for it, which ends when nobody waits for it any more; `work` has to listen itself, and is told for which place it was opened.
   */
  async use<R>(place: P, work: (opened: T, openedFor: P) => Promise<R>, { signal }: CallOptions = {}): Promise<R> {
    const entry = this.#enter(place)
    try {
      return await work(entry.opened ?? await (signal === undefined ? entry.opening : abortable(entry.opening, signal)), entry.place)
    } finally {
      entry.users--
      if (entry.users === 0 && entry.opened === undefined) this.#abandon(entry)
      else if (entry.users === 0 && entry.unwanted) this.#close(entry)
      else if (entry.users === 0 && !this.#mayKeep()) this.#dropEntry(entry)
      this.#trim()
    }
  }

  /** Close one as soon as nobody uses it; whoever comes opens it again. Resolves when it is closed, with all that was open under the name. */
  async drop (name: string): Promise<void> {
    const entry = this.#entries.get(name)
    if (entry !== undefined) this.#dropEntry(entry)
    for (const leaving of this.#leaving) {
      if (leaving.name === name) await new Promise<void>((resolve) => { leaving.gone.push(resolve) })
    }
  }

  #dropEntry (entry: Entry<T, P>): void {
    this.#forget(entry)
    entry.unwanted = true
    this.#leaving.add(entry)
    if (entry.users === 0) this.#close(entry)
  }

  /** Those that nobody uses now. */
  dropIdle (): void {
    for (const entry of this.#entries.values()) if (entry.users === 0) this.#dropEntry(entry)
  }

  /** All of them; resolves when the idle ones are closed. */
  async clear (): Promise<void> {
    for (const entry of this.#entries.values()) this.#dropEntry(entry)
    await Promise.all([...this.#leaving].map(({ closing }) => closing))
  }

  #enter (place: P): Entry<T, P> {
    const name = this.#nameOf(place)
    const known = this.#entries.get(name)
    if (known !== undefined) {
      known.users++
      this.#entries.delete(name)
      this.#entries.set(name, known)
      this.#last = known
      return known
    }
    const leave = new AbortController()
    const entry: Entry<T, P> = { name, place, opening: this.#open(place, { signal: leave.signal }), leave, opened: undefined, users: 1, unwanted: false, closing: undefined, gone: [] }
    this.#entries.set(name, entry)
    this.#last = entry
    // a failure is not kept: the next user tries again
    entry.opening.then((opened) => { entry.opened = opened }, () => { this.#forget(entry) })
    this.#trim()
    return entry
  }

  #forget (entry: Entry<T, P>): void {
    if (this.#entries.get(entry.name) === entry) this.#entries.delete(entry.name)
  }

  /** Nobody waits for it any more; should it come all the same, it is closed. */
  #abandon (entry: Entry<T, P>): void {
    this.#forget(entry)
    entry.leave.abort()
    this.#close(entry)
  }

  #trim (): void {
    if (this.#entries.size <= this.#max) return
    for (const entry of this.#entries.values()) {
      if (entry.users > 0) continue
      this.#dropEntry(entry)
      if (this.#entries.size <= this.#max) return
    }
  }

  #close (entry: Entry<T, P>): void {
    this.#leaving.add(entry)
    entry.closing = entry.opening.then((opened) => opened.close(), () => {}).catch(() => {}).finally(() => {
      this.#leaving.delete(entry)
      for (const tell of entry.gone) tell()
    })
  }
}
