/** What the last parameter of each call may be. */
import type { Permission } from './permissions.ts'

/** Of one call. */
export interface LotusCallOptions {
  /** Withdraws the call. */
  readonly signal?: AbortSignal | undefined
  /** On the serving side: what the caller may do. A client sends its token instead. */
  readonly permissions?: readonly Permission[] | undefined
}
