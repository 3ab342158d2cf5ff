/**
 * Room for copies under a budget. Whoever wants to write reserves first; reservations are granted in the order in which they
 * came, each as soon as it fits. What makes room is evicting, and whoever gives something back.
 */
import { type CallOptions, IoError, onAbort } from '@dagstore/io'

export interface SpaceOptions {
  readonly quotaBytes: number
  /** Above this part of the quota room is made, down to `lowWatermark`. */
  readonly highWatermark: number
  readonly lowWatermark: number
  /** Free at least so many bytes, if there is anything to give up; resolves with how many it were. */
  readonly evict: (bytes: number) => Promise<number>
  /** Whether somebody who does not wait for room himself has something that he may give back later. */
  readonly mayFreeLater: () => boolean
  /** Somebody waits for what is in use. */
  readonly onWait: () => void
  /** A request has to wait, the `count`th of those that do; what it gives back is called when it no longer does. */
  readonly waits?: ((count: number) => (() => void) | undefined) | undefined
}

export interface Reservation {
  /** Up to here may be written. */
  readonly bytes: number
  /** On disk of it. */
  readonly writtenBytes: number
  /** What has been written counts as used. */
  written (bytes: number): void
  /** Room for `bytes` in all; comes before those who have not begun. */
  grow (bytes: number, options?: WaitOptions): Promise<void>
  /** What was written is no longer this reservation's matter, and the rest is given back. Idempotent. */
  release (): void
}

export interface WaitOptions extends CallOptions {
  /** It has to wait for what others have in use; called once at most. */
  readonly onWait?: (() => void) | undefined
}

interface Held { bytes: number, written: number }

interface Request {
  readonly more: number
  /** A reservation that grows. */
  readonly grows: boolean
  readonly grant: () => void
  readonly refuse: (error: unknown) => void
  /** Somebody is told once that it has to wait. */
  onWait: (() => void) | undefined
  left: boolean
}

export class Space {
  readonly #options: SpaceOptions
  readonly #held: Set<Held> = new Set()
  readonly #queue: Request[] = []
  /** On disk, besides what reservations have written. */
  #settled = 0
  #pumping = false
  #again = false

  constructor (options: SpaceOptions) {
    this.#options = options
  }

  /** Bytes on disk. */
  get usedBytes (): number {
    let sum = this.#settled
    for (const { written } of this.#held) sum += written
    return sum
  }

  /** Promised, and not written yet. */
  get reservedBytes (): number {
    let sum = 0
    for (const { bytes, written } of this.#held) sum += Math.max(0, bytes - written)
    return sum
  }

  get waiting (): number { return this.#queue.length }

  /** Files came (above 0) or went. */
  settle (bytes: number): void {
    this.#settled += bytes
    if (bytes < 0) this.wake()
  }

  /** Something can be given up now. */
  wake (): void {
    if (this.#queue.length > 0) void this.#pump()
  }

  /**
   * @param bytes - in all
   * @param written - of these, on disk already and not counted as settled any more
   * @throws {IoError} `IO_FULL`: more than the quota (`retry` is `never`), or nothing will ever make room
   */
  async reserve (bytes: number, written: number, options: WaitOptions = {}): Promise<Reservation> {
    this.#checkFits(bytes)
    const held: Held = { bytes: written, written }
    this.#held.add(held)
    let released = false
    const release = (): void => {
      if (released) return
      released = true
      this.#held.delete(held)
      this.wake()
    }
    try {
      await this.#enter(held, bytes, false, options)
    } catch (error) {
      release()
      throw error
    }
    return {
      get bytes () { return held.bytes },
      get writtenBytes () { return held.written },
      written: (count) => { held.written = count },
      grow: async (to, options = {}) => {
        this.#checkFits(to)
        if (to > held.bytes) await this.#enter(held, to, true, options)
      },
      release,
    }
  }

  #checkFits (bytes: number): void {
    const { quotaBytes } = this.#options
    if (bytes > quotaBytes) throw new IoError('IO_FULL', `a copy is larger than the quota of all copies; need=${bytes} quota=${quotaBytes}`)
  }

  #enter (held: Held, bytes: number, grows: boolean, { signal, onWait }: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      let unwatch = (): void => {}
      let waited: (() => void) | undefined
      const request: Request = {
        more: bytes - held.bytes,
        grows,
        left: false,
        grant: () => { unwatch(); waited?.(); held.bytes = bytes; resolve() },
        refuse: (error) => { unwatch(); waited?.(); reject(error) },
        onWait: () => {
          waited = this.#options.waits?.(this.#queue.length)
          onWait?.()
        },
      }
      this.#queue.push(request)
      if (signal !== undefined) {
        unwatch = onAbort(signal, () => {
          request.left = true
          this.#remove(request)
          waited?.()
          reject(signal.reason)
          this.wake()
        })
      }
      void this.#pump()
    })
  }

  #remove (request: Request): void {
    const at = this.#queue.indexOf(request)
    if (at !== -1) this.#queue.splice(at, 1)
  }

  async #pump (): Promise<void> {
    this.#again = true
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#again) {
        this.#again = false
        while (await this.#serve()) this.#again = false
      }
    } finally {
      this.#pumping = false
    }
  }

  /** Grant or refuse the first in the queue; false when it has to wait. */
  async #serve (): Promise<boolean> {
    const { quotaBytes, highWatermark, lowWatermark } = this.#options
    const request = this.#queue.find(({ grows }) => grows) ?? this.#queue[0]
    if (request === undefined) return false
    const taken = (): number => this.usedBytes + this.reservedBytes + request.more
    let failure: unknown
    if (taken() > quotaBytes * highWatermark) {
      try {
        await this.#options.evict(Math.ceil(taken() - quotaBytes * lowWatermark))
      } catch (error) {
        // what could not be deleted stays, and there may be room all the same
        failure = error
      }
      if (request.left) return true
    }
    if (taken() <= quotaBytes) {
      this.#remove(request)
      request.grant()
      return true
    }
    if (!this.#options.mayFreeLater()) {
      this.#remove(request)
      const cause = failure === undefined ? {} : { cause: failure }
      request.refuse(new IoError('IO_FULL', `no room for a copy under the quota; need=${request.more} used=${this.usedBytes} quota=${quotaBytes}`, { ...cause, retry: 'later' }))
      return true
    }
    this.#options.onWait()
    for (const waiting of this.#queue) {
      waiting.onWait?.()
      waiting.onWait = undefined
    }
    return false
  }
}
