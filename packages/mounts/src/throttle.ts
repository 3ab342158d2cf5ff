/// <reference lib="esnext.disposable" preserve="true" />
/** How much may be asked of mounts: openings at a time and bytes per second, of each mount and of all together. */
import { type ByteSource, type CallOptions, type Clock, createFairFlow, createFairSlots, createLane, type FairFlow, type FairSlots, type Lane, systemClock, untilAborted } from '@dagstore/io'
import { explanationOf } from './explanation.ts'
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

/** @throws {RangeError} a limit that is no number from 0; of openings, no whole one */
export const createThrottle = ({ perMount = {}, total = {}, clock = systemClock }: ThrottleOptions = {}): Throttle => {
  for (const [name, value] of [...Object.entries(perMount), ...Object.entries(total)]) {
    if (value !== undefined && !(value >= 0 && (name === 'opens' ? Number.isSafeInteger(value) : Number.isFinite(value)))) throw new RangeError(`${name}; want=a number from 0 got=${value}`)
  }
  const all = createGate(total, clock)
  const gates = new Map<string, MountGate>()
  /** A gate is there as long as somebody uses or waits at it. */
  const within = async <T>(url: string, work: (gate: MountGate) => Promise<T>): Promise<T> => {
    const gate = gates.get(url) ?? { ...createGate(perMount, clock), ownLane: createLane(), lane: createLane(), users: 0, isPaying: false }
    gates.set(url, gate)
    gate.users++
    try {
      return await work(gate)
    } finally {
      if (--gate.users === 0) void rest(url, gate)
    }
  }
  /** One that has given bytes away in advance stays until they are paid for. */
  const rest = async (url: string, gate: MountGate): Promise<void> => {
    if (gate.isPaying) return
    gate.isPaying = true
    for (let { owedMs } = gate.flow; owedMs > 0 && gate.users === 0; { owedMs } = gate.flow) await clock.sleep(Math.ceil(owedMs))
    gate.isPaying = false
    if (gate.users === 0) gates.delete(url)
  }
  const enter: Throttle['enter'] = async (url, options) => {
    let leave = (): void => {}
    const left = new Promise<void>((resolve) => { leave = resolve })
    return new Promise((resolve, reject) => {
      within(url, async (gate) => {
        await gate.slots.enter(gate.ownLane, options)
        try {
          // of its own slots first, so that nobody holds a common one and waits
          await all.slots.enter(gate.lane, options)
        } catch (error) {
          gate.slots.leave()
          throw error
        }
        resolve(leave)
        await left
        all.slots.leave()
        gate.slots.leave()
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
    bytes: (url, count, options) => within(url, async (gate) => {
      await gate.flow.pass(gate.ownLane, count, options)
      await all.flow.pass(gate.lane, count, options)
    }),
  }
}

interface Gate {
  readonly slots: FairSlots
  readonly flow: FairFlow
}

interface MountGate extends Gate {
  /** Among those who want something of this mount. */
  readonly ownLane: Lane
  /** Among all mounts. */
  readonly lane: Lane
  users: number
  /** Whether somebody waits for what it owes. */
  isPaying: boolean
}

const createGate = ({ opens = 0, bytesPerSecond = 0 }: ThrottleLimits, clock: Clock): Gate => ({ slots: createFairSlots(opens), flow: createFairFlow(bytesPerSecond, clock) })

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
