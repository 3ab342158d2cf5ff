/** At most so much per second; those who wait get equal shares by lanes. */
import type { Awaitable, CallOptions } from './calls.ts'
import type { Clock } from './clock.ts'
import { FairQueue, type Lane } from './fair-queue.ts'

export interface FairFlow {
  /** No promise where it may pass at once. Rejects with the signal's reason. */
  pass(lane: Lane, amount: number, options?: CallOptions): Awaitable<void>
  /** Milliseconds until what has passed is paid for; 0: nothing is owed. */
  readonly owedMs: number
}

/** What passes in advance, in milliseconds of the rate. */
const BURST_MS = 100

/** @param perSecond - 0: no limit */
export const createFairFlow = (perSecond: number, clock: Clock): FairFlow => {
  const queue = new FairQueue()
  const perMs = perSecond / 1000
  /** By the monotonic clock. */
  let paidAt = Number.NEGATIVE_INFINITY
  let flowing = false
  let wake: AbortController | undefined
  const pay = (amount: number): void => { paidAt = Math.max(paidAt, clock.monotonic()) + amount / perMs }
  const owedMs = (): number => Math.max(0, paidAt - clock.monotonic())

  /** Let one after another go, each when those before are paid for. */
  const pour = async (): Promise<void> => {
    if (flowing) return
    flowing = true
    try {
      for (let amount = queue.peek(); amount !== undefined; amount = queue.peek()) {
        const wait = owedMs() - BURST_MS
        if (wait > 0) {
          // somebody who leaves or comes may change whose turn it is
          wake = new AbortController()
          await clock.sleep(Math.ceil(wait), { signal: wake.signal }).catch(() => {})
          continue
        }
        pay(amount)
        queue.take()
        // whoever went may be back at once, and is next where it takes small parts
        await undefined
      }
    } finally {
      flowing = false
    }
  }
  const changed = (): void => {
    // no time is kept for nobody
    if (queue.size === 0) wake?.abort()
    void pour()
  }
  return {
    pass: (lane, amount, { signal } = {}) => {
      signal?.throwIfAborted()
      if (perMs === 0 || amount === 0) return undefined
      if (queue.size > 0 || owedMs() > BURST_MS) return queue.wait(lane, amount, signal, changed)
      pay(amount)
      return undefined
    },
    get owedMs () { return owedMs() },
  }
}
