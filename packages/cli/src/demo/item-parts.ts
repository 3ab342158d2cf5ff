/** What the steps of an item work with. */
import type { Store } from '../compose.ts'
import type { Journal } from './journal.ts'
import type { Steps } from './steps.ts'

export interface ItemParts {
  readonly store: Store
  readonly journal: Journal
  /** Whose sectors are written. */
  readonly miner: bigint
  readonly steps: Steps
  readonly signal: AbortSignal
}
