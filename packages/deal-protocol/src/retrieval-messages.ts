/**
 * What client and provider say to each other about giving back, as JSON; the requests stand in docs/deals.md.
 *
 *     offer     {"status":"available","message":"","pieceCid":{"/":"baga…"},"pieceFound":true,"sizeBytes":2032,"paymentAddress":"f01000","terms":{…}}
 *     proposal  {"id":"1786…","payloadCid":{"/":"bafy…"},"selector":{"path":"a/b","scope":"entity"},"terms":{…}}
 *     answer    {"accepted":true,"dealId":"1786…","message":""}
 *     status    {"dealId":"1786…","state":"DealStatusOngoing","sentBytes":4096,"message":""}
 */
import type { CID } from 'multiformats/cid'
import { readTerms, type RetrievalTerms } from './ask-message.ts'
import type { Members } from './members.ts'
import { cidMember, decodeMessage, encodeMessage } from './message-codec.ts'
import { RETRIEVAL_DEAL_STATES, type RetrievalDealState } from './retrieval-deal-states.ts'

/** Source: go-fil-markets retrievalmarket `QueryResponse`. */
export interface RetrievalOffer {
  readonly status: 'available' | 'unavailable' | 'error'
  /** For people; why, where it is not available. */
  readonly message: string
  /** From which piece; v1. */
  readonly pieceCid?: CID | undefined
  /** Whether the piece that was asked for has it. */
  readonly pieceFound: boolean
  /** Of the piece, unpadded; an upper bound of what is sent. */
  readonly sizeBytes: number
  /** Address. */
  readonly paymentAddress: string
  readonly terms: RetrievalTerms
}

/** A part of a DAG, as trustless gateways take it. */
export interface SelectorMessage {
  /** From the root, `/` between its parts. @default the root itself */
  readonly path?: string | undefined
  /** @default 'all' */
  readonly scope?: 'all' | 'entity' | 'block' | undefined
  /** Both ends included; negative: counted from its end. @param to - @default the last one */
  readonly entityBytes?: { readonly from: number, readonly to?: number | undefined } | undefined
}

export interface RetrievalProposal {
  /** Of the client's making; a u64. */
  readonly id: bigint
  readonly payloadCid: CID
  readonly pieceCid?: CID | undefined
  /** @default all of it */
  readonly selector?: SelectorMessage | undefined
  /** As they were offered. */
  readonly terms: RetrievalTerms
  readonly clientPeer?: string | undefined
}

export interface RetrievalAnswer {
  readonly accepted: boolean
  /** Name of the session at the provider; a u64. */
  readonly dealId: bigint
  /** For people; why, where it is not accepted. */
  readonly message: string
}

export interface RetrievalStatus {
  readonly dealId: bigint
  readonly state: RetrievalDealState
  readonly sentBytes: number
  /** For people. */
  readonly message: string
}

const STATES = Object.keys(RETRIEVAL_DEAL_STATES) as readonly RetrievalDealState[]

export const encodeRetrievalOffer = (offer: RetrievalOffer): string =>
  encodeMessage({ ...offer, pieceCid: offer.pieceCid === undefined ? undefined : cidMember(offer.pieceCid) })

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeRetrievalOffer = (text: string): RetrievalOffer => decodeMessage('offer', text, (of) => ({
  status: of.oneOf('status', ['available', 'unavailable', 'error']),
  message: of.text('message'),
  pieceCid: of.orNone('pieceCid', (name) => of.cid(name)),
  pieceFound: of.flag('pieceFound'),
  sizeBytes: of.count('sizeBytes'),
  paymentAddress: of.text('paymentAddress', 128),
  terms: readTerms(of.object('terms')),
}))

export const encodeRetrievalProposal = (proposal: RetrievalProposal): string => encodeMessage({
  ...proposal, payloadCid: cidMember(proposal.payloadCid), pieceCid: proposal.pieceCid === undefined ? undefined : cidMember(proposal.pieceCid),
})

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeRetrievalProposal = (text: string): RetrievalProposal => decodeMessage('retrieval', text, (of) => ({
  id: of.u64('id'),
  payloadCid: of.cid('payloadCid'),
  pieceCid: of.orNone('pieceCid', (name) => of.cid(name)),
  selector: of.orNone('selector', (name) => selectorOf(of.object(name))),
  terms: readTerms(of.object('terms')),
  clientPeer: of.orNone('clientPeer', (name) => of.text(name, 256)),
}))

export const encodeRetrievalAnswer = (answer: RetrievalAnswer): string => encodeMessage(answer)

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeRetrievalAnswer = (text: string): RetrievalAnswer => decodeMessage('answer', text, (of) =>
  ({ accepted: of.flag('accepted'), dealId: of.u64('dealId'), message: of.text('message') }))

export const encodeRetrievalStatus = (status: RetrievalStatus): string => encodeMessage(status)

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeRetrievalStatus = (text: string): RetrievalStatus => decodeMessage('status', text, (of) =>
  ({ dealId: of.u64('dealId'), state: of.oneOf('state', STATES), sentBytes: of.count('sentBytes'), message: of.text('message') }))

const selectorOf = (of: Members): SelectorMessage => {
  const scope = of.orNone('scope', (name) => of.oneOf(name, ['all', 'entity', 'block']))
  const entityBytes = of.orNone('entityBytes', (name) => rangeOf(of.object(name)))
  if (entityBytes !== undefined && scope !== undefined && scope !== 'entity') throw new TypeError('member=entityBytes want=scope entity')
  return { path: of.orNone('path', (name) => of.text(name)), scope, entityBytes }
}

const rangeOf = (of: Members): { readonly from: number, readonly to: number | undefined } =>
  ({ from: of.whole('from'), to: of.orNone('to', (name) => of.whole(name)) })
