/** Events for whoever iterates: each consumer has a ring of its own, the oldest event is dropped where it does not keep up. */
import { onAbort } from './on-abort.ts'

export interface EventsOptions {
  /** Ends the iteration by rejecting with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Events that wait for this consumer at most; a whole number from 1. @default 1024 */
  readonly capacity?: number | undefined
}

/** To one consumer only: it did not keep up and has missed so many before the next one. */
export interface DroppedEvents {
  readonly type: 'dropped'
  readonly count: number
}

export interface EventHub<E> {
  readonly emit: (event: E) => void
  /**
   * Events from the moment on in which the iteration begins (`for await`, `[Symbol.asyncIterator]()`). Ends when the hub does,
   * after what still waits. An iterator that is never read costs its ring, and nothing once nobody refers to it.
   *
   * @throws {RangeError} `capacity`
   */
  subscribe(options?: EventsOptions): AsyncIterable<E | DroppedEvents>
  close(): void
}

const CAPACITY = 1024

/**
 * @param listener - hears every event at once; must not throw
 * @param onDropped - called for each event that a consumer misses
 */
export const createEventHub = <E>(listener: (event: E) => void, onDropped: () => void): EventHub<E> => {
  /** Weakly: whoever forgot to end an iteration does not fill memory for ever. */
  const rings = new Set<WeakRef<Ring<E>>>()
  /** Strongly, while somebody waits for the next event. */
  const waiting = new Set<Ring<E>>()
  let closed = false
  return {
    emit: (event) => {
      listener(event)
      for (const reference of rings) {
        const ring = reference.deref()
        if (ring === undefined) rings.delete(reference)
        else ring.push(event)
      }
    },
    subscribe: ({ signal, capacity = CAPACITY } = {}) => {
      if (!Number.isSafeInteger(capacity) || capacity < 1) throw new RangeError(`capacity; want=a whole number from 1 got=${capacity}`)
      return {
        [Symbol.asyncIterator]: () => {
          const ring = new Ring<E>(capacity, waiting, onDropped)
          const reference = new WeakRef(ring)
          if (closed) ring.end()
          else rings.add(reference)
          return iterate(ring, signal, () => { rings.delete(reference) })
        },
      }
    },
    close: () => {
      closed = true
      for (const reference of rings) reference.deref()?.end()
      rings.clear()
    },
  }
}

const iterate = <E>(ring: Ring<E>, signal: AbortSignal | undefined, leave: () => void): AsyncIterator<E | DroppedEvents, undefined> => {
  let over = false
  const finish = (): { done: true, value: undefined } => {
    over = true
    leave()
    ring.end()
    return { done: true, value: undefined }
  }
  return {
    next: async () => {
      if (over) return { done: true, value: undefined }
      try {
        signal?.throwIfAborted()
        const event = await ring.next(signal)
        return event === undefined ? finish() : { done: false, value: event }
      } catch (error) {
        finish()
        throw error
      }
    },
    return: async () => finish(),
  }
}

/** Events of one consumer, in order. */
class Ring<E> {
  readonly #slots: (E | undefined)[] = []
  readonly #capacity: number
  readonly #waiting: Set<Ring<E>>
  readonly #onDropped: () => void
  #first = 0
  #size = 0
  #dropped = 0
  #ended = false
  #wakers: (() => void)[] = []

  constructor (capacity: number, waiting: Set<Ring<E>>, onDropped: () => void) {
    this.#capacity = capacity
    this.#waiting = waiting
    this.#onDropped = onDropped
  }

  push (event: E): void {
    if (this.#ended) return
    if (this.#size === this.#capacity) {
      this.#first = (this.#first + 1) % this.#capacity
      this.#size--
      this.#dropped++
      this.#onDropped()
    }
    this.#slots[(this.#first + this.#size) % this.#capacity] = event
    this.#size++
    this.#wake()
  }

  /** What waits can still be read. */
  end (): void {
    this.#ended = true
    this.#wake()
  }

  /** `undefined`: no more events come. */
  async next (signal: AbortSignal | undefined): Promise<E | DroppedEvents | undefined> {
    for (;;) {
      if (this.#dropped > 0) {
        const count = this.#dropped
        this.#dropped = 0
        return { type: 'dropped', count }
      }
      if (this.#size > 0) return this.#shift()
      if (this.#ended) return undefined
      await this.#event(signal)
    }
  }

  #shift (): E | undefined {
    const event = this.#slots[this.#first]
    this.#slots[this.#first] = undefined
    this.#first = (this.#first + 1) % this.#capacity
    this.#size--
    return event
  }

  #event (signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const unwatch = signal === undefined ? undefined : onAbort(signal, () => { reject(signal.reason) })
      this.#waiting.add(this)
      this.#wakers.push(() => {
        unwatch?.()
        resolve()
      })
    })
  }

  #wake (): void {
    const wakers = this.#wakers
    this.#wakers = []
    this.#waiting.delete(this)
    for (const wake of wakers) wake()
  }
}
