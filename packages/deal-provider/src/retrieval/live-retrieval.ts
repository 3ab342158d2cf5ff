/** What a process knows of a retrieval besides its record. */
import { createLane, type Lane } from '@dagstore/io'

export interface Live {
  readonly lane: Lane
  /** What it reads. */
  readonly shard: string | undefined
  /** Ends its answers. */
  readonly ending: AbortController
  active: number
  /** The last answer did not come to its end. */
  broken: boolean
  sentBytes: number
  lastAt: number
  /** Ends the wait for another request. */
  idle: AbortController
}

/** @param at - now, by the monotonic clock */
export const createLive = (shard: string | undefined, sentBytes: number, at: number): Live =>
  ({ lane: createLane(), shard, ending: new AbortController(), active: 0, broken: false, sentBytes, lastAt: at, idle: new AbortController() })
