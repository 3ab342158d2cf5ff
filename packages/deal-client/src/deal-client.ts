/// <reference lib="esnext.disposable" preserve="true" />
/** The client's deals as their callers see them. */
import type { ClientDeal, ProviderAsk, StorageDealState, TransferFacts, TransferTerms } from '@dagstore/deal-protocol'
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { AnyCid } from '@dagstore/read-blockstore'
import type { PayloadHandler } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import type { PiecePayload } from './sources.ts'

/** What is wanted of a provider; what is left out follows from its ask. */
export interface DealParams {
  /** URL below which `deals/v1/` is: `http://provider.example:2350`. */
  readonly provider: string | URL
  /** Of the payload. @default none, which only offline deals with a named piece do without: a CAR may have no roots */
  readonly root?: AnyCid | undefined
  /** How the bytes go. @default 'http-push' */
  readonly transferType?: TransferTerms['type'] | undefined
  /** Needed where nobody here has the data; else held against them. @default computed */
  readonly pieceCid?: AnyCid | undefined
  /** Padded. @default the smallest that the payload fits and the provider takes */
  readonly pieceBytes?: number | undefined
  /** Address of the client. @default that of the chain */
  readonly wallet?: string | undefined
  /** Address of the provider. @default as it says */
  readonly miner?: string | undefined
  /** attoFIL per epoch that are offered for the whole piece. @default what the provider asks */
  readonly price?: bigint | undefined
  /** @default 49 hours from now */
  readonly startEpoch?: bigint | undefined
  /** Epochs. @default 518400, 180 days */
  readonly duration?: bigint | undefined
  /** attoFIL. @default 0 */
  readonly providerCollateral?: bigint | undefined
  /** attoFIL. @default 0 */
  readonly clientCollateral?: bigint | undefined
  /** @default false */
  readonly verified?: boolean | undefined
  /** Whether an unsealed copy is to be kept. @default true */
  readonly fastRetrieval?: boolean | undefined
  /** @default the root, in base64 (base58 for version 0); none where there is no root */
  readonly label?: string | Uint8Array | undefined
}

export interface StartOptions extends CallOptions {
  /** Bytes of the payload that were hashed, where that is needed. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/**
 * `transferred`: the provider has the data and has checked them; of an offline deal, it has taken the deal on. `active`, or ended. `final`: ended.
 */
export type DealMilestone = 'transferred' | 'active' | 'final'

/** `dropped`, to one consumer only: it did not keep up and has missed so many before the next one. */
export type ClientDealUpdate =
  | { readonly type: 'deal', readonly deal: ClientDeal, /** `undefined`: it is new. */ readonly from: StorageDealState | undefined }
  | { readonly type: 'dropped', readonly count: number }

export type TransferUpdate =
  | { readonly type: 'transfer', readonly transfer: TransferFacts }
  | { readonly type: 'dropped', readonly count: number }

export interface UpdatesOptions extends CallOptions {
  /** Updates that wait for this consumer at most; a whole number from 1. @default 1024 */
  readonly capacity?: number | undefined
}

export interface DealClient extends AsyncDisposable {
  /** What a provider asks for. */
  ask(provider: string | URL, options?: CallOptions): Promise<ProviderAsk>
  /** The payload form of a DAG as a piece; remembered with its source. One computation for all who ask at a time. @throws {DealClientError} `DEAL_CLIENT_NO_DATA` */
  commP(root: AnyCid, options?: StartOptions): Promise<PiecePayload>
  /** Propose a deal; durable on return, and the rest goes by itself. Each call is another deal. */
  start(params: DealParams, options?: StartOptions): Promise<ClientDeal>
  /** Propose an offline deal for nothing, and remember nothing of it: its proposal CID once the provider has taken it on. */
  stateless(params: DealParams, options?: StartOptions): Promise<CID>
  /** In no particular order, one at a time in memory. */
  deals(options?: CallOptions): AsyncIterable<ClientDeal>
  deal(proposalCid: AnyCid, options?: CallOptions): Promise<ClientDeal | undefined>
  /** By the number of its transfer. */
  dealOfTransfer(transferId: bigint, options?: CallOptions): Promise<ClientDeal | undefined>
  /** Ask the provider now. */
  refresh(proposalCid: AnyCid, options?: CallOptions): Promise<ClientDeal>
  /** Go on with a transfer that was cut, or waits for its time. */
  restartTransfer(proposalCid: AnyCid, options?: CallOptions): Promise<ClientDeal>
  /** Give a deal up before its data are at the provider. */
  cancelTransfer(proposalCid: AnyCid, options?: CallOptions): Promise<ClientDeal>
  /** The deal once it has come so far, has ended, or waits for somebody. An abort changes nothing. */
  settled(proposalCid: AnyCid, options: CallOptions & { readonly until: DealMilestone }): Promise<ClientDeal>
  /** What changes from the beginning of the iteration on. A consumer that is slow loses the oldest updates and is told so. */
  updates(options?: UpdatesOptions): AsyncIterable<ClientDealUpdate>
  /** Of all deals whose bytes go over the network. */
  transfers(options?: CallOptions): AsyncIterable<TransferFacts>
  transferUpdates(options?: UpdatesOptions): AsyncIterable<TransferUpdate>
  /** Payloads for providers that fetch them: GET and HEAD of `/deals/v1/payloads/`. */
  readonly payloadHandler: PayloadHandler
  /** Idempotent; waits for what is under way to stop. What was passed in stays open. */
  close(): Promise<void>
}
