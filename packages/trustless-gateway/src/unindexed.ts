/** Waiting for what is not indexed yet. */
import { type CallOptions, type Clock, createFairSlots, createLane, type FairSlots, type Lane, onAbort, systemClock } from '@dagstore/io'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import type { Patience } from './ipfs/reader.ts'
import { GatewayRefusal } from './refusal.ts'

export interface UnindexedOptions {
  /** How long a request waits for shards to be indexed, in all, milliseconds. `0`: not at all. @default 10,000 */
  readonly waitMs?: number | undefined
  /**
   * Resolves when the store has indexed something since it was called: worth another look at once. The store is asked again after
   * growing pauses in any case.
   *
   * @default none
   */
  readonly changed?: ((options: CallOptions) => Promise<void>) | undefined
}

const WAIT_MS = 10_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000
/** A store that has much to tell is not asked more often for that. */
const CHANGES_APART_MS = 20
/** Requests that wait at a time; the others are refused at once, so that those who ask for what is here find room. */
const MOST_WAITING = 128
/** Blocks that one of them looks for at a time, the first ones it has missed; the others are looked for when one of these has come, or will not. */
const MOST_LOOKING = 4
/** For so long nobody waits for the same number of shards once somebody has in vain: they may be such as cannot be indexed. */
const VAIN_MS = 60_000
const RETRY_AFTER_S = 10

/**
 * For one request: repeats what has missed a block that may be in shards without an index, until it is there, is proven absent,
 * or the time of the request is used up: then `GATEWAY_UNINDEXED`.
 *
 * @throws {RangeError} a time that is no number from 0
 */
export const createPatience = ({ waitMs = WAIT_MS, changed }: UnindexedOptions = {}, clock: Clock = systemClock): ((asker: { readonly signal: AbortSignal }) => Patience) => {
  if (!(waitMs >= 0)) throw new RangeError(`waitMs; want=a number from 0 got=${waitMs}`)
  let waiting = 0
  let vain = { shards: 0, until: 0 }
  /** Looks again and again. @param shards - how many had no index when it was missed first */
  const lookOn = async <T>(find: () => Promise<T>, shards: number, spell: Spell, signal: AbortSignal): Promise<T> => {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted()
      // for the pause, which a change or the asker's leave ends, and for the watch over changes, which ends with it
      const over = new AbortController()
      const unwatch = onAbort(signal, () => { over.abort(signal.reason) })
      try {
        // watched from before the look, so that nothing comes in between; a store that cannot tell is one that never does
        changed?.({ signal: over.signal }).then(() => { over.abort() }, () => {})
        const missed = await missOf(find)
        if ('value' in missed) return missed.value
        const left = waitMs - spell.ms()
        if (left <= 0) {
          if (missed.error.unindexedShards === shards) vain = { shards, until: clock.monotonic() + VAIN_MS }
          throw unindexed(missed.error)
        }
        const isChanged = await clock.sleep(Math.min(left, pause), { signal: over.signal }).then(() => false, () => true)
        if (isChanged) await clock.sleep(Math.min(left, CHANGES_APART_MS), { signal })
      } finally {
        unwatch()
        over.abort()
      }
    }
  }
  return (asker) => {
    // made when something is missed
    let spell: Spell | undefined
    let looking: { readonly slots: FairSlots, readonly lane: Lane } | undefined
    const again = async <T>(find: () => Promise<T>, error: unknown): Promise<T> => {
      if (!isUnindexed(error)) throw error
      spell ??= createSpell(clock)
      const shards = error.unindexedShards
      if ((waiting >= MOST_WAITING && !spell.isOn()) || spell.ms() >= waitMs || (shards === vain.shards && clock.monotonic() < vain.until)) throw unindexed(error)
      const { signal } = asker
      if (spell.begin()) waiting++
      try {
        const { slots, lane } = looking ??= { slots: createFairSlots(MOST_LOOKING), lane: createLane() }
        await slots.enter(lane, { signal })
        try {
          return await lookOn(find, shards, spell, signal)
        } finally {
          slots.leave()
        }
      } finally {
        if (spell.end()) waiting--
      }
    }
    return (find) => find().catch((error: unknown) => again(find, error))
  }
}

type Looked<T> = { readonly value: T } | { readonly error: BlockNotFoundError }

const missOf = async <T>(find: () => Promise<T>): Promise<Looked<T>> => {
  try {
    return { value: await find() }
  } catch (error) {
    if (isUnindexed(error)) return { error }
    throw error
  }
}

const isUnindexed = (error: unknown): error is BlockNotFoundError => error instanceof BlockNotFoundError && error.unindexedShards > 0

/** @param cause - what has missed the block */
export const unindexed = (cause: unknown): GatewayRefusal =>
  new GatewayRefusal('GATEWAY_UNINDEXED', 503, 'The block is not in what is indexed so far; more is being indexed.', { cause, retryAfterS: RETRY_AFTER_S })

interface Spell {
  isOn (): boolean
  /** Whether it is the first that waits. */
  begin (): boolean
  /** Whether it was the last. */
  end (): boolean
  /** So far; times in which several wait count once. */
  ms (): number
}

const createSpell = (clock: Clock): Spell => {
  let [users, since, sum] = [0, 0, 0]
  return {
    isOn: () => users > 0,
    begin: () => {
      if (users++ > 0) return false
      since = clock.monotonic()
      return true
    },
    end: () => {
      if (--users > 0) return false
      sum += clock.monotonic() - since
      return true
    },
    ms: () => sum + (users > 0 ? clock.monotonic() - since : 0),
  }
}
