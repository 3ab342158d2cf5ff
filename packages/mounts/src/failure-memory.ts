/** Which places failed a while ago, so that others are tried before them. */
import type { Clock } from '@dagstore/io'

export interface FailureMemory {
  failed (name: string): void
  worked (name: string): void
  /** The same items; those whose place has failed a while ago last, the one that failed longest ago first. */
  order<T> (items: readonly T[], nameOf: (item: T) => string): T[]
}

export interface FailureMemoryOptions {
  readonly clock: Clock
  /** How long a failure is remembered. */
  readonly coolDownMs: number
}

export const createFailureMemory = ({ clock, coolDownMs }: FailureMemoryOptions): FailureMemory => {
  const failures = new Map<string, number>()
  const ailing = (name: string): boolean => {
    const at = failures.get(name)
    if (at === undefined) return false
    if (clock.monotonic() - at < coolDownMs) return true
    failures.delete(name)
    return false
  }
  return {
    failed: (name) => {
      failures.delete(name)
      failures.set(name, clock.monotonic())
    },
    worked: (name) => { failures.delete(name) },
    order: (items, nameOf) => [
      ...items.filter((item) => !ailing(nameOf(item))),
      ...items.filter((item) => ailing(nameOf(item))).sort((a, b) => (failures.get(nameOf(a)) ?? 0) - (failures.get(nameOf(b)) ?? 0)),
    ],
  }
}
