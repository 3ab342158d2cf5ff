/** How often one client may ask: tokens that come back with time, and requests at once. Only clients that asked a moment ago are remembered. */
import type { Clock } from '@dagstore/io'

export interface Callers {
  /** `undefined`: too many at once, or too often; else called when the answer is made. @param costs - whether something is written down for it */
  enter(client: string, costs: boolean): (() => void) | undefined
}

interface Caller { active: number, spent: number, at: number }

const MINUTE_MS = 60_000

/** @param atOnce - requests of one client under way. @param perMinute - of those that cost */
export const createCallers = (clock: Pick<Clock, 'monotonic'>, { atOnce, perMinute }: { readonly atOnce: number, readonly perMinute: number }): Callers => {
  const callers = new Map<string, Caller>()
  let sweptAt = Number.NEGATIVE_INFINITY
  const settle = (caller: Caller, now: number): void => {
    caller.spent = Math.max(0, caller.spent - (now - caller.at) * perMinute / MINUTE_MS)
    caller.at = now
  }
  const sweep = (now: number): void => {
    if (now - sweptAt < MINUTE_MS) return
    sweptAt = now
    for (const [name, caller] of callers) {
      settle(caller, now)
      if (caller.active === 0 && caller.spent === 0) callers.delete(name)
    }
  }
  return {
    enter: (client, costs) => {
      const now = clock.monotonic()
      sweep(now)
      const caller = callers.get(client) ?? { active: 0, spent: 0, at: now }
      settle(caller, now)
      if (caller.active >= atOnce || (costs && caller.spent + 1 > perMinute)) return undefined
      caller.active++
      if (costs) caller.spent++
      callers.set(client, caller)
      return () => { caller.active-- }
    },
  }
}
