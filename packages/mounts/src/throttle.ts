/// <reference lib="esnext.disposable" preserve="true" />
/** How much may be asked of mounts: openings at a time and bytes per second, of each mount and of all together. */
import { type ByteSource, type CallOptions, type Clock, systemClock, untilAborted } from '@dagstore/io'
import { explanationOf } from './explanation.ts'
import { FairQueue } from './fair-queue.ts'
import type { Mount, MountBytes } from './mount.ts'
import { openedFor } from './opened-for.ts'

export interface ThrottleLimits {
  /** Openings and streams at a time. @default 0, unlimited */
  readonly opens?: number | undefined
  /** @default 0, unlimited */
  readonly bytesPerSecond?: number | undefined
}

export interface ThrottleOptions {
  readonly perMount?: ThrottleLimits | undefined
  readonly total?: ThrottleLimits | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

export interface Throttle {
  /** Run `work` in a slot of the mount and of all. Waiting mounts take turns. An abort leaves the queue at once. */
  run<T> (url: string, work: () => Promise<T>, options?: CallOptions): Promise<T>
  /** Resolves when so many bytes may be asked for. */
  bytes (url: string, count: number, options?: CallOptions): Promise<void>
  /** Slots that `run` has, for a stream; the function given back ends it, once. */
  enter (url: string, options?: CallOptions): Promise<() => void>
  /** Whether openings are limited at all. */
  readonly limitsOpens: boolean
}

/** @throws {RangeError} a limit that is no number from 0 */
export const createThrottle = ({ perMount = {}, total = {}, clock = systemClock }: ThrottleOptions = {}): Throttle => {
  for (const [name, value] of Object.entries({ ...perMount, ...total })) {
    if (value !== undefined && !(value >= 0 && Number.isFinite(value))) throw new RangeError(`${name}; want=a number from 0 got=${value}`)
  }
  const all = new Gate(total, clock)
  const gates = new Map<string, { readonly gate: Gate, users: number }>()
  /** A gate is there as long as somebody uses or waits at it. */
  const within = async <T>(url: string, work: (gate: Gate) => Promise<T>): Promise<T> => {
    const entry = gates.get(url) ?? { gate: new Gate(perMount, clock), users: 0 }
    gates.set(url, entry)
    entry.users++
    try {
      return await work(entry.gate)
    } finally {
      // one that has given bytes away in advance stays until they are paid for
      if (--entry.users === 0) void entry.gate.idle().then(() => { if (entry.users === 0 && gates.get(url) === entry) gates.delete(url) })
    }
  }
  const enter: Throttle['enter'] = async (url, { signal } = {}) => {
    let leave = (): void => {}
    const left = new Promise<void>((resolve) => { leave = resolve })
    return new Promise((resolve, reject) => {
      within(url, async (gate) => {
        await gate.enter(url, signal)
        try {
          // of its own slots first, so that nobody holds a common one and waits
          await all.enter(url, signal)
        } catch (error) {
          gate.exit()
          throw error
        }
        resolve(leave)
        await left
        all.exit()
        gate.exit()
      }).catch(reject)
    })
  }
  return {
    limitsOpens: (perMount.opens ?? 0) > 0 || (total.opens ?? 0) > 0,
    enter,
    run: async (url, work, options) => {
      const leave = await enter(url, options)
      try {
        return await work()
      } finally {
        leave()
      }
    },
    bytes: (url, count, { signal } = {}) => within(url, async (gate) => {
      await gate.bytes(url, count, signal)
      await all.bytes(url, count, signal)
    }),
  }
}

/** Bytes given away in advance, in seconds of the rate. */
const BURST_SECONDS = 0.1

class Gate {
  readonly #opens: number
  readonly #rate: number
  readonly #clock: Clock
  readonly #slots: FairQueue = new FairQueue()
  readonly #flow: FairQueue = new FairQueue()
  #open = 0
  /** When what was given away is paid for, by the monotonic clock. */
  #paidAt = Number.NEGATIVE_INFINITY
  #flowing = false
  #wake: AbortController = new AbortController()

  constructor ({ opens = 0, bytesPerSecond = 0 }: ThrottleLimits, clock: Clock) {
    this.#opens = opens
    this.#rate = bytesPerSecond / 1000
    this.#clock = clock
  }

  async enter (lane: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#opens === 0) return
    await this.#slots.wait(lane, 1, signal, () => { this.#admit() })
  }

  exit (): void {
    if (this.#opens === 0) return
    this.#open--
    this.#admit()
  }

  async bytes (lane: string, count: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#rate === 0 || count === 0) return
    await this.#flow.wait(lane, count, signal, () => {
      this.#wake.abort()
      void this.#pour()
    })
  }

  async idle (): Promise<void> {
    const ms = this.#rate === 0 ? 0 : this.#paidAt - this.#clock.monotonic()
    if (ms > 0) await this.#clock.sleep(ms)
  }

  #admit (): void {
    while (this.#open < this.#opens && this.#slots.size > 0) {
      this.#open++
      this.#slots.take()
    }
  }

  /** Let one after another go, each when those before are paid for. */
  async #pour (): Promise<void> {
    if (this.#flowing) return
    this.#flowing = true
    try {
      for (let next = this.#flow.peek(); next !== undefined; next = this.#flow.peek()) {
        const now = this.#clock.monotonic()
        const wait = this.#paidAt - now - BURST_SECONDS * 1000
        if (wait > 0) {
          // somebody who leaves or comes may change whose turn it is
          this.#wake = new AbortController()
          await this.#clock.sleep(wait, { signal: this.#wake.signal }).catch(() => {})
          continue
        }
        this.#paidAt = Math.max(this.#paidAt, now) + next.amount / this.#rate
        this.#flow.take()
      }
    } finally {
      this.#flowing = false
    }
  }
}

/** At most so many bytes are paid for at once, so that others get their turn in between. */
const STEP_BYTES = 1 << 20

/**
 * The same mount under limits. `stat` is free. An opening that would start slow work first, such as unsealing, holds no slot; a
 * source that is open holds none either, its reads are counted.
 */
export const throttled = (mount: Mount, throttle: Throttle): Mount => ({
  ...explanationOf(mount),
  url: mount.url,
  stat: (options) => mount.stat(options),
  open: async (options = {}) => {
    const slow = throttle.limitsOpens && !(await mount.stat(options)).ready
    const { signal } = options
    // one that does not listen keeps no slot
    const opened = slow ? await openedFor(mount, signal) : await throttle.run(mount.url, () => openedFor(mount, signal), options)
    return slowed(opened, mount.url, throttle)
  },
})

const slowed = (opened: MountBytes, url: string, throttle: Throttle): MountBytes => {
  if (opened.access === 'random') return { access: 'random', source: slowedSource(opened.source, url, throttle) }
  return {
    ...opened,
    stream: async function * (from, options = {}) {
      const leave = await throttle.enter(url, options)
      try {
        for await (const chunk of untilAborted(opened.stream(from, options), options.signal)) {
          for (let at = 0; at < chunk.byteLength; at += STEP_BYTES) await throttle.bytes(url, Math.min(STEP_BYTES, chunk.byteLength - at), options)
          yield chunk
        }
      } finally {
        leave()
      }
    },
  }
}

const slowedSource = (source: ByteSource, url: string, throttle: Throttle): ByteSource => ({
  sizeBytes: source.sizeBytes,
  identity: source.identity,
  get cost () { return source.cost },
  read: async (at, length, options) => {
    // refused before it is paid for
    if (at >= 0 && length > 0 && at + length <= source.sizeBytes) {
      for (let done = 0; done < length; done += STEP_BYTES) await throttle.bytes(url, Math.min(STEP_BYTES, length - done), options)
    }
    return source.read(at, length, options)
  },
  peek: (at, length) => source.peek(at, length),
  close: () => source.close(),
  [Symbol.asyncDispose]: () => source.close(),
})
