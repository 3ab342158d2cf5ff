/** Waiting for a source without holding up others. */
import type { Clock } from '@dagstore/io'
import type { Slot } from '../limiter.ts'

/** What does nothing for so long gives its slot to others. */
export const PATIENCE_MS = 5000

/** What work tells of itself. */
export interface Moves {
  /** It got on. */
  readonly moved: () => void
  /** It waits for others, who may need the slot to get on. */
  readonly waits: () => void
}

/** For work that holds no slot. */
export const UNWATCHED: Moves = { moved: () => {}, waits: () => {} }

/** What `work` gives. Its slot goes to others when it says that it waits, or once nothing has moved for a while: a source that hangs costs no slot. */
export const yielding = async <T>(slot: Slot, clock: Clock, work: (moves: Moves) => Promise<T>): Promise<T> => {
  const ended = new AbortController()
  let moved = false
  const watch = async (): Promise<void> => {
    do {
      moved = false
      await clock.sleep(PATIENCE_MS, { signal: ended.signal })
    } while (moved)
    slot.pause()
  }
  watch().catch(() => {}) // it has ended
  try {
    return await work({ moved: () => { moved = true }, waits: () => { slot.pause() } })
  } finally {
    ended.abort()
  }
}

/**
 * The same for work that is only a part: the slot is taken again before this resolves.
 *
 * @param dispose - called with what `work` gave when the slot is not had again
 */
export const patiently = async <T>(
  slot: Slot, clock: Clock, work: (moves: Moves) => Promise<T>, dispose: (result: T) => Promise<void> = async () => {}
): Promise<T> => {
  const result = await yielding(slot, clock, work)
  try {
    await slot.resume()
  } catch (error) {
    await dispose(result)
    throw error
  }
  return result
}
