/** What can happen to a deal of the client. */
import type { DealFailure, DealStatus } from '@dagstore/deal-protocol'

export type ClientDealEvent =
  /** Funds are about to be set aside. */
  | { readonly type: 'fund' }
  | { readonly type: 'funded', readonly amount: bigint }
  /** The provider has taken the proposal. */
  | { readonly type: 'accepted' }
  /** Its bytes wait for their turn. */
  | { readonly type: 'queued' }
  /** Its bytes begin to go, or go on. */
  | { readonly type: 'sending' }
  /** They are all at the provider, or are not our matter. */
  | { readonly type: 'sent', readonly sentBytes: number }
  /** They go on later, or when somebody says so. @param sentBytes - of them, at the provider */
  | { readonly type: 'cut', readonly failure: DealFailure, readonly sentBytes: number }
  /** The provider has not got them after all. */
  | { readonly type: 'send-again', readonly failure: DealFailure }
  /** What the provider says. */
  | { readonly type: 'told', readonly status: Pick<DealStatus, 'state' | 'message' | 'dealId' | 'publishCid' | 'receivedBytes'> }
  /** The step of this state failed for a passing reason. */
  | { readonly type: 'postponed', readonly failure: DealFailure }
  /** Whatever it waits for, it is to be tried now. */
  | { readonly type: 'retry' }
  /** Nothing comes of it. */
  | { readonly type: 'failed', readonly message: string }
  /** Nobody wants its bytes to go any more; means nothing once they are all at the provider. */
  | { readonly type: 'given-up', readonly message: string }
  /** Its time is over. */
  | { readonly type: 'expired' }
  /** No funds are set aside for it any more. */
  | { readonly type: 'released' }
  /** The process has ended and another one begun. */
  | { readonly type: 'restart' }
