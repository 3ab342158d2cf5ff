/** At most so many at a time; the others wait: the urgent ones first, each kind in the order in which they came. */
import { type CallOptions, onAbort } from '@dagstore/io'

/** Whether somebody waits for it now; may rise while it waits itself. */
export class Urgency {
  #raised: boolean
  #listener: (() => void) | undefined

  constructor (raised: boolean = false) {
    this.#raised = raised
  }

  get raised (): boolean { return this.#raised }

  raise (): void {
    if (this.#raised) return
    this.#raised = true
    this.#listener?.()
  }

  /** Called when it rises; takes the place of the listener before. */
  onRaise (listener: (() => void) | undefined): void { this.#listener = listener }
}

/** A place among those who work. */
export interface Slot {
  /** Let others have it while nothing happens here. */
  pause(): void
  /** Have it back; no-op without a pause. Rejects with the signal's reason. */
  resume(): Promise<void>
  /** Give it to others for good: the rest of the work waits for a disk. It is kept while {@link ENDING} of each slot do so already. */
  end(): void
}

export interface SlotOptions extends CallOptions {
  /** @default one that never rises */
  readonly urgency?: Urgency
}

export interface Limiter {
  /** Run `work` in a slot. Leaving the queue by `signal` rejects with its reason; a slot is held until `work` has ended. */
  run<T>(work: (slot: Slot) => Promise<T>, options?: SlotOptions): Promise<T>
  /** Those who wait. */
  readonly waiting: number
}

/** Pieces of work for each slot that are past their end of it. */
export const ENDING = 4

export const createLimiter = (slots: number): Limiter => {
  let free = slots
  let ending = 0
  const urgent = new Set<() => void>()
  const patient = new Set<() => void>()

  const enter = (signal: AbortSignal | undefined, urgency: Urgency): Promise<void> => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    if (free > 0) {
      free--
      return resolve()
    }
    const leaveQueue = (): void => {
      urgent.delete(go)
      patient.delete(go)
      urgency.onRaise(undefined)
    }
    const go = (): void => {
      leaveQueue()
      unwatch?.()
      resolve()
    }
    const leave = (): void => {
      leaveQueue()
      reject(signal?.reason)
    }
    if (urgency.raised) {
      urgent.add(go)
    } else {
      patient.add(go)
      urgency.onRaise(() => { if (patient.delete(go)) urgent.add(go) })
    }
    const unwatch = signal === undefined ? undefined : onAbort(signal, leave)
  })

  const exit = (): void => {
    const [next] = urgent.size > 0 ? urgent : patient
    if (next === undefined) free++
    else next()
  }

  return {
    get waiting () { return urgent.size + patient.size },
    run: async (work, { signal, urgency = new Urgency() } = {}) => {
      await enter(signal, urgency)
      let held = true
      let ended = false
      const slot: Slot = {
        pause: () => {
          if (!held) return
          held = false
          exit()
        },
        resume: async () => {
          if (held) return
          await enter(signal, urgency)
          held = true
        },
        end: () => {
          if (!held || ending >= slots * ENDING) return
          ended = true
          ending++
          slot.pause()
        },
      }
      try {
        return await work(slot)
      } finally {
        slot.pause()
        if (ended) ending--
      }
    },
  }
}
