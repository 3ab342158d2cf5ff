/** Retrievals as Lotus writes them. Source: lotus node/impl/client/client.go `ClientListRetrievals`, go-fil-markets retrievalmarket/events.go. */
import { FINAL_RETRIEVAL_STATES, RETRIEVAL_DEAL_STATES, type RetrievalDealState, type RetrievalOffer } from '@dagstore/deal-protocol'
import type { QueryOffer, RetrievalEvent, RetrievalInfo } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { NOBODY } from './providers.ts'
import type { RetrievalFacts } from './retrieval-parts.ts'

/** Lotus's numbers of the events after which a retrieval is in a state; of the others, blocks were received. */
const EVENTS: { readonly [state in RetrievalDealState]?: number } = {
  DealStatusNew: 0, // open
  DealStatusWaitForAcceptance: 2, // proposed
  DealStatusRejecting: 3,
  DealStatusRejected: 3,
  DealStatusDealNotFoundCleanup: 4,
  DealStatusDealNotFound: 4,
  DealStatusUnsealing: 5,
  DealStatusAccepted: 5,
  DealStatusBlocksComplete: 15, // all blocks received
  DealStatusCheckComplete: 25,
  DealStatusCompleted: 25,
  DealStatusErroring: 26, // error of the transfer
  DealStatusErrored: 26,
  DealStatusCancelled: 27,
  DealStatusCancelling: 33,
  DealStatusFinalizingBlockstore: 34, // waiting for the last blocks
}
const BLOCKS_RECEIVED = 18

export const eventOf = (state: RetrievalDealState): number => EVENTS[state] ?? BLOCKS_RECEIVED

export const COMPLETED: RetrievalDealState = 'DealStatusCompleted'

export const isOver = ({ state }: RetrievalFacts): boolean => FINAL_RETRIEVAL_STATES.has(state)

/** @param open - the caller may see paths of this machine */
export const retrievalOf = (facts: RetrievalFacts, open: boolean): RetrievalInfo => ({
  PayloadCID: facts.root,
  ID: facts.id,
  PieceCID: facts.pieceCid ?? null,
  PricePerByte: String(facts.pricePerByte),
  UnsealPrice: String(facts.unsealPrice),
  Status: RETRIEVAL_DEAL_STATES[facts.state],
  Message: facts.message,
  Provider: NOBODY,
  BytesReceived: facts.receivedBytes,
  BytesPaidFor: 0,
  TotalPaid: '0',
  TransferChannelID: null,
  DataTransfer: null,
  ...(facts.from === undefined ? {} : { From: facts.from }),
  ...(facts.totalBytes === undefined ? {} : { TotalBytes: facts.totalBytes }),
  ...(facts.selector === undefined ? {} : { DataSelector: facts.selector }),
  ...(facts.into === undefined ? {} : { Into: facts.into }),
  ...(facts.filePath === undefined ? {} : { FileName: open ? facts.filePath : facts.filePath.replace(/^.*[/\\]/s, '') }),
  CreatedAt: new Date(facts.createdAt).toISOString(),
})

export const retrievalEventOf = (facts: RetrievalFacts): RetrievalEvent => ({
  Event: eventOf(facts.state),
  Status: RETRIEVAL_DEAL_STATES[facts.state],
  BytesReceived: facts.receivedBytes,
  FundsSpent: '0',
  Err: isOver(facts) && facts.state !== COMPLETED ? failureOf(facts) : '',
  DealID: facts.id,
  ...(facts.from === undefined ? {} : { From: facts.from }),
  ...(facts.totalBytes === undefined ? {} : { TotalBytes: facts.totalBytes }),
})

/** Lotus's words. */
export const failureOf = ({ state, message }: RetrievalFacts): string => {
  if (state === 'DealStatusRejected') return `Retrieval Proposal Rejected: ${message}`
  if (state === 'DealStatusCancelled') return message === '' ? 'Retrieval was cancelled externally' : `Retrieval was cancelled: ${message}`
  return `Retrieval Error: ${message}`
}

/** @param miner - address; `''`: not known */
export const offerOf = (offer: RetrievalOffer, root: CID, { url, miner }: { readonly url: string, readonly miner: string }): QueryOffer => ({
  Err: offer.status === 'available' ? '' : offer.status === 'unavailable' ? `retrieval query offer was unavailable: ${offer.message}` : `retrieval query offer errored: ${offer.message}`,
  Root: root,
  Piece: offer.pieceCid ?? null,
  Size: offer.sizeBytes,
  MinPrice: String(offer.terms.pricePerByte * BigInt(offer.sizeBytes) + offer.terms.unsealPrice),
  UnsealPrice: String(offer.terms.unsealPrice),
  PaymentInterval: small(offer.terms.paymentInterval),
  PaymentIntervalIncrease: small(offer.terms.paymentIntervalIncrease),
  Miner: miner,
  MinerPeer: { Address: miner, ID: NOBODY, PieceCID: null, URL: url },
})

/** Of one who could not be asked. */
export const noOffer = (error: string, root: CID, { url, miner }: { readonly url: string, readonly miner: string }): QueryOffer => ({
  Err: error, Root: root, Piece: null, Size: 0, MinPrice: '0', UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Miner: miner,
  MinerPeer: { Address: miner, ID: NOBODY, PieceCID: null, URL: url },
})

const small = (value: bigint): number => (value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value))
