/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
import type { StorageDealState } from '@dagstore/deal-protocol'
import type { Retry } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export type DealProviderErrorCode =
  | 'DEAL_UNKNOWN'
  | 'DEAL_EXISTS'
  | 'DEAL_WRONG_STATE'
  | 'DEAL_PIECE_MISMATCH'
  | 'DEAL_NOT_A_CAR'
  | 'DEAL_NO_TRANSFER'
  | 'DEAL_UNAUTHORIZED'
  | 'DEAL_BUSY'
  | 'DEAL_STORAGE_FAILED'
  | 'DEAL_BAD_FORMAT'
  | 'DEAL_FILE_LEFT'
  | 'DEAL_CLOSED'

/** A call on the provider, or a step of one deal, was refused or has failed. */
export class DealProviderError extends Error {
  override readonly name = 'DealProviderError'
  readonly code: DealProviderErrorCode
  /** Text of the proposal CID; `undefined` when no single deal is at fault. */
  readonly deal: string | undefined
  /** Whether the same may succeed later without anybody changing anything. */
  readonly retry: Retry

  constructor (code: DealProviderErrorCode, message: string, options: ErrorOptions & { readonly deal?: string | undefined, readonly retry?: Retry } = {}) {
    super(message, options)
    this.code = code
    this.deal = options.deal
    this.retry = options.retry ?? 'never'
  }
}

/** @param state - `undefined`: it is gone */
export const notWaiting = (proposalCid: CID, state: StorageDealState | undefined): DealProviderError =>
  new DealProviderError('DEAL_WRONG_STATE', `the deal does not wait for data; state=${String(state)}`, { deal: proposalCid.toString() })
