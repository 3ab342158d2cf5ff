/// <reference lib="esnext.disposable" preserve="true" />
/** Retrievals as those who serve the network, and the operator, see them. */
import type { Dagstore } from '@dagstore/dagstore'
import type { RetrievalAnswer, RetrievalDealState, RetrievalOffer, RetrievalProposal, RetrievalTerms } from '@dagstore/deal-protocol'
import type { Hashes } from '@dagstore/hashes'
import type { AnyLevel, CallOptions, Clock, EventsOptions, FairFlow } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { FindParts } from './find-shard.ts'
import type { GatewayOf } from './held-shards.ts'
import type { RetrievalDeal } from './retrieval-deal.ts'

/** `dropped`, to one consumer only: it did not keep up and has missed so many before the next one. */
export type RetrievalUpdate =
  | { readonly type: 'retrieval', readonly retrieval: RetrievalDeal, /** `undefined`: it is new. */ readonly from: RetrievalDealState | undefined }
  | { readonly type: 'dropped', readonly count: number }

export interface RetrievalLimits {
  /** Shards that are held open for retrievals at a time. @default 64 */
  readonly maxShards?: number | undefined
  /** Requests for bytes under way. @default 128 */
  readonly maxActive?: number | undefined
  /** Of those, for one client. @default 32 */
  readonly maxActivePerClient?: number | undefined
  /** Retrievals that are remembered: the newest; of those that have not ended, one client's give way to those of clients that have fewer. @default 1000 */
  readonly maxKept?: number | undefined
  /** How long a shard is held for a retrieval that asks for nothing, milliseconds. @default 5 minutes */
  readonly idleMs?: number | undefined
  /** How long a request waits for a shard to be indexed, or unsealed, before it is told to come later, milliseconds. @default 20 s */
  readonly waitMs?: number | undefined
  /** What a client has to take of an answer at least, over a minute of waiting for it; with less the answer ends. @default 1024 */
  readonly minBytesPerSecond?: number | undefined
  /** How long a retrieval that asks for nothing may be gone on with, milliseconds. @default 1 day */
  readonly keepMs?: number | undefined
}

export interface RetrievalDealsOptions extends Pick<FindParts, 'isUnsealed'> {
  /** Opened; sublevel `retrieval-deals` is ours. */
  readonly db: AnyLevel
  readonly dagstore: Pick<Dagstore, 'acquire' | 'find' | 'shard'>
  readonly pieces: FindParts['pieces']
  /** Of one shard, once for all that read it. @default `createGateway` of `@dagstore/trustless-gateway`, that trusts the shard to verify its blocks */
  readonly gatewayOf?: GatewayOf | undefined
  readonly terms: RetrievalTerms
  readonly paymentAddress: string
  readonly hashes: Hashes
  readonly limits?: RetrievalLimits | undefined
  /** Of all answers, shared fairly between retrievals. @default no limit */
  readonly flow?: FairFlow | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** Told of what concerns no caller. Must not throw. @default nobody */
  readonly onProblem?: ((error: unknown) => void) | undefined
}

export interface RetrievalQuery extends CallOptions {
  readonly payloadCid: CID
  /** Of either version. */
  readonly pieceCid?: CID | undefined
}

/** What keeps a caller out: `unauthorized`: another token; `undefined`: no such retrieval; `ended`: it has. */
export type RetrievalRefusal = 'unauthorized' | 'ended' | undefined

export interface ServeContext {
  /** Who shares limits; an address, say. @default all are one */
  readonly client?: string | undefined
}

export interface RetrievalDeals extends AsyncDisposable {
  /** What there is; it is told at once, and nothing is held for it. */
  query(query: RetrievalQuery): Promise<RetrievalOffer>
  /**
   * Begin a retrieval, or go on with it: the same id and token are the same one, in another process too; durable on return.
   *
   * @param token - of the client's making, see `createTransferToken` of `@dagstore/transfer`
   * @throws {DealProviderError} `DEAL_EXISTS`: the id is of another payload. `DEAL_BUSY`: nobody could say in time which shard has it
   */
  propose(proposal: RetrievalProposal, token: string, options?: CallOptions & ServeContext): Promise<RetrievalAnswer>
  /** For whoever has its token. */
  authorized(dealId: bigint, token: string | undefined): RetrievalDeal | Exclude<RetrievalRefusal, 'ended'>
  /** Answer a request of a trustless gateway, its path being `/ipfs/…`, from the shard of the retrieval. */
  serve(dealId: bigint, token: string | undefined, request: Request, context?: ServeContext): Promise<Response | Exclude<RetrievalRefusal, undefined> | undefined>
  /** The client has what it wanted, or gives it up. A retrieval that has ended stays so. */
  end(dealId: bigint, token: string | undefined): Promise<RetrievalDeal | Exclude<RetrievalRefusal, 'ended'>>
  /** End it, whatever it does. @throws {DealProviderError} `DEAL_UNKNOWN`, `DEAL_WRONG_STATE`: it has ended */
  cancel(dealId: bigint): Promise<void>
  /** The oldest first; the newest {@link RetrievalLimits.maxKept} of them. */
  retrievals(): readonly RetrievalDeal[]
  /** What changes from the beginning of the iteration on. */
  updates(options?: EventsOptions): AsyncIterable<RetrievalUpdate>
  /** Idempotent: answers under way are ended, shards given back. */
  close(): Promise<void>
}
