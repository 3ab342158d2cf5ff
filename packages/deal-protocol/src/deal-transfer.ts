/**
 * The port through which bytes of a deal arrive over a network, where they do so by another way than those of a provider's own (pushed, or
 * fetched by HTTP).
 */
import type { ByteProgress, CallOptions, WritableFile } from '@dagstore/io'
import type { DealTerms } from './provider-deal.ts'

export interface ReceiveOptions extends CallOptions {
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface DealTransfer {
  /** Whether it moves data for proposals of this transfer type. */
  accepts(transferType: string): boolean
  /**
   * Fill `staging` with a CAR: a CARv2, or the payload as it is; synced on return. The file is as an earlier call for the same deal has left
   * it, in this process or one before, so that it may be gone on with.
   *
   * Rejects with an error whose `retry` is `later` where the client may go on with it, and `never` where the deal is lost.
   */
  receive(deal: DealTerms, staging: WritableFile, options?: ReceiveOptions): Promise<void>
}
