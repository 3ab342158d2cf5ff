/** Opening a piece at several sources: the first one alone; should that fail, all others at once, so many at a time. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { createSlots } from './slots.ts'

export interface OpeningRace {
  /** The place for `openFirstOf`. */
  open (at: number, options: CallOptions): Promise<ByteSource | undefined>
  /** One has won, or nobody has. What is opened after that is opened by itself. */
  end (): void
}

export interface RaceOptions {
  /** Those to begin, in this order. */
  readonly order: readonly number[]
  readonly concurrency: number
  readonly open: (at: number, options: CallOptions) => Promise<ByteSource | undefined>
}

export const createOpeningRace = ({ order, concurrency, open }: RaceOptions): OpeningRace => {
  const begun = new Map<number, Promise<ByteSource | undefined>>()
  const asked = new Set<number>()
  const ending = new AbortController()
  const beginAll = (): void => {
    const slots = createSlots(concurrency)
    for (const at of order) {
      if (begun.has(at)) continue
      const opening = slots.run(() => open(at, { signal: ending.signal }), { signal: ending.signal })
      opening.catch(() => {}) // whoever asks for it sees it
      begun.set(at, opening)
    }
  }
  return {
    open: (at, options) => {
      if (ending.signal.aborted) return open(at, options)
      asked.add(at)
      // whoever is waited for no longer is stopped, so that nothing that hangs keeps its place
      if (asked.size === 1) begun.set(at, open(at, { signal: ending.signal }))
      else beginAll()
      return begun.get(at) ?? open(at, options)
    },
    end: () => {
      ending.abort()
      // the others are closed by whoever asked for them
      for (const [at, opening] of begun) if (!asked.has(at)) opening.then((source) => source?.close(), () => {}).catch(() => {})
    },
  }
}
