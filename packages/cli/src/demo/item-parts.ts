/** What the steps of an item work with. */
import type { ShardStore } from '../compose.ts'
import type { Journal } from './journal.ts'
import type { Sides } from './sides.ts'
import type { Steps } from './steps.ts'

export interface ItemParts {
  readonly store: ShardStore
  readonly sides: Sides
  readonly journal: Journal
  /** Whose sectors are written. */
  readonly miner: bigint
  readonly steps: Steps
  readonly signal: AbortSignal
  /** When this item was begun, in milliseconds since 1970. */
  readonly since: number
}
