/** Work that several callers wait for: done once for all of them, ended when none is left, never remembered. */
import { type ByteProgress, type ByteSource, type SourceIdentity, withdrawable } from '@dagstore/io'

/** `copy`: a local copy is there, and is pinned until `unpin`. `random`: one source, for whoever comes first. */
export type Fetched =
  | { readonly kind: 'random', readonly source: ByteSource }
  | { readonly kind: 'copy', readonly identity: SourceIdentity | undefined, readonly unpin: () => void }

/** What a caller is told of the work meanwhile. */
export interface FlightListener {
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
  /** It waits for room that others have in use. */
  readonly onWait?: (() => void) | undefined
}

interface Flight {
  readonly work: Promise<Fetched>
  readonly controller: AbortController
  readonly listeners: Set<FlightListener>
  waits: boolean
  /** The work has ended: there is nothing to abort. */
  ended: boolean
  users: number
  claimed: boolean
}

/** One caller's part in it. */
export interface Seat {
  /** What the work gave. @throws the signal's reason, or what the work rejects with */
  landed (signal: AbortSignal | undefined): Promise<Fetched>
  /** The source, for one caller only. */
  claim (fetched: Extract<Fetched, { kind: 'random' }>): ByteSource | undefined
  /** Once, at the end. The last one to leave ends the work, or lets go what it gave. */
  leave (reason: unknown): Promise<void>
}

export class Flights {
  readonly #flights: Map<string, Flight> = new Map()
  readonly #ending: Set<Promise<unknown>> = new Set()

  progress (name: string, progress: ByteProgress): void {
    const flight = this.#flights.get(name)
    if (flight === undefined) return
    flight.waits = false
    for (const { onProgress } of flight.listeners) onProgress?.(progress)
  }

  /** Whoever joins before it gets on is told too. */
  wait (name: string): void {
    const flight = this.#flights.get(name)
    if (flight === undefined) return
    flight.waits = true
    for (const { onWait } of flight.listeners) onWait?.()
  }

  /** Join what is under way under this name, or start it. */
  join (name: string, start: (signal: AbortSignal) => Promise<Fetched>, listener: FlightListener): Seat {
    const flight = this.#flights.get(name) ?? this.#start(name, start)
    flight.users++
    flight.listeners.add(listener)
    if (flight.waits) listener.onWait?.()
    return {
      landed: (signal) => withdrawable(flight.work, signal),
      claim: ({ source }) => {
        if (flight.claimed) return undefined
        flight.claimed = true
        return source
      },
      leave: async (reason) => {
        flight.listeners.delete(listener)
        if (--flight.users > 0) return
        if (this.#flights.get(name) === flight) this.#flights.delete(name)
        if (!flight.ended) flight.controller.abort(reason)
        const over = flight.work.then(async (fetched) => {
          if (fetched.kind === 'copy') fetched.unpin()
          else if (!flight.claimed) await fetched.source.close()
        }).catch(() => {}) // who waited for the work has its error, and nobody wants the source
        this.#ending.add(over)
        void over.finally(() => this.#ending.delete(over))
      },
    }
  }

  /** Whoever waits is refused; resolves when everything is over. */
  async end (reason: unknown): Promise<void> {
    const flights = [...this.#flights.values()]
    for (const { controller } of flights) controller.abort(reason)
    await Promise.allSettled([...flights.map(({ work }) => work), ...this.#ending])
  }

  #start (name: string, start: (signal: AbortSignal) => Promise<Fetched>): Flight {
    const controller = new AbortController()
    const work = start(controller.signal)
    const flight: Flight = { work, controller, listeners: new Set(), waits: false, ended: false, users: 0, claimed: false }
    this.#flights.set(name, flight)
    // whoever comes after its end asks anew
    const end = (): void => {
      flight.ended = true
      if (this.#flights.get(name) === flight) this.#flights.delete(name)
    }
    work.then(end, end)
    return flight
  }
}
