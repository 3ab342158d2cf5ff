/// <reference lib="esnext.disposable" preserve="true" />
/** The provider's deals as their callers see them. */
import type { DealTerms, ProviderDeal, StorageDealState } from '@dagstore/deal-protocol'
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { OnlineDeals } from './online/online-deals.ts'
import type { TransferRecord } from './online/transfer-record.ts'

/** A proposal CID, or the chain's number of a published deal. */
export type DealRef = CID | bigint

/** What is taken on; the rest is the provider's to say. */
export type AcceptedDeal = Pick<DealTerms, 'proposalCid' | 'proposal'> & Partial<Omit<DealTerms, 'createdAt'>>

export interface AcceptOptions extends CallOptions {
  /** Of a deal that was proposed over the network. */
  readonly transfer?: TransferRecord | undefined
}

/** The file with the bytes of a piece: a CARv1, a CARv2, or anything else whose commitment is that of the proposal. */
export interface ImportSource {
  /** As the port of local files takes it. */
  readonly path: string
  /** `copy`: it stays where it is. `move`: it goes to the staging folder, and with it when the deal is active. `borrow`: it is read where it is until then. @default 'copy' */
  readonly mode?: 'copy' | 'move' | 'borrow' | undefined
}

export interface ImportDataOptions extends CallOptions {
  /** Bytes read of those that are to be checked. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface DealQuery extends CallOptions {
  /** @default all */
  readonly states?: readonly StorageDealState[] | undefined
}

/** `dropped`, to one consumer only: it did not keep up and has missed so many before the next one. */
export type DealUpdate =
  | { readonly type: 'deal', readonly deal: ProviderDeal, /** `undefined`: it is new. */ readonly from: StorageDealState | undefined }
  | { readonly type: 'dropped', readonly count: number }

export interface UpdatesOptions extends CallOptions {
  /** Updates that wait for this consumer at most; a whole number from 1. @default 1024 */
  readonly capacity?: number | undefined
}

export interface DealProvider extends AsyncDisposable {
  /** Those whose data come over the network. */
  readonly online: OnlineDeals
  /**
   * Take on a deal; durable on return. The same deal again changes nothing but what `transfer` says of its time and its server.
   *
   * @throws {DealProviderError} `DEAL_UNAUTHORIZED`: the deal was proposed with another token
   */
  accept(deal: AcceptedDeal, options?: AcceptOptions): Promise<ProviderDeal>
  /** Give a deal that waits for data its bytes; resolves when they are checked and staged, durably. An abort leaves the deal waiting. */
  importData(deal: DealRef, source: ImportSource, options?: ImportDataOptions): Promise<ProviderDeal>
  /** In no particular order, one at a time in memory. */
  deals(query?: DealQuery): AsyncIterable<ProviderDeal>
  deal(deal: DealRef, options?: CallOptions): Promise<ProviderDeal | undefined>
  /** Deals that go on without a shard, since it could not be registered or indexed. */
  unregistered(options?: CallOptions): AsyncIterable<ProviderDeal>
  /** What changes from the beginning of the iteration on. A consumer that is slow loses the oldest updates and is told so. */
  updates(options?: UpdatesOptions): AsyncIterable<DealUpdate>
  /** Idempotent; waits for what is under way to stop. What was passed in stays open. */
  close(): Promise<void>
}
