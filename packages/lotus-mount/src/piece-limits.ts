/** How much a piece loader does at a time. */
import { FIRST_OF_DEFAULTS } from '@dagstore/mounts'
import type { SealedPolicy } from './piece-loader.ts'

/** How many calls at a time; 0: no limit. None waits for another kind. */
export interface PieceLimits {
  /** Asking sources what they know of a piece. @default 100 */
  readonly metadata?: number | undefined
  /** Opening pieces; reading what is open counts no more. @default 100 */
  readonly open?: number | undefined
  /** Reads of open pieces. @default 0 */
  readonly stream?: number | undefined
  /** Unsealing. @default 5 */
  readonly unseal?: number | undefined
  /** Bytes per second of all reads together. @default 0 */
  readonly bytesPerSecond?: number | undefined
}

export const PIECE_LOADER_DEFAULTS: {
  readonly limits: { readonly [Name in keyof PieceLimits]-?: number }
  readonly probeConcurrency: number
  readonly negativeTtlMs: number
  readonly patienceMs: number
  readonly sealed: SealedPolicy
} = Object.freeze({
  limits: Object.freeze({ metadata: 100, open: 100, stream: 0, unseal: 5, bytesPerSecond: 0 }),
  probeConcurrency: 4,
  negativeTtlMs: 60_000,
  patienceMs: FIRST_OF_DEFAULTS.patienceMs,
  sealed: 'reject',
})
