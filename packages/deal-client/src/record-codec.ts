/**
 * The records of a deal as bytes: its terms and its secrets, which are written once, and its progress, which is written again at each step. All are
 * DAG-CBOR lists that begin with their version; described with an example in docs/formats/client-deals.md.
 *
 *     terms     [1, clientProposal, network, provider, root | null, transferType, payloadBytes | null, fastRetrieval, transferId, createdAt]
 *     secrets   [1, token, pullToken | null]
 *     progress  [1, state, message, updatedAt, sentBytes, dealId | null, publishCid | null, reservedFunds, repeats, failure | null, stages]
 *     failure   [code, message, at, retry, attempts, nextRetryAt | null]          stages   [[state, message, at], …]
 *
 * The proposal is the CBOR that was sent; its CID is the key. Amounts are decimal text.
 */
import * as cbor from '@ipld/dag-cbor'
import { type ClientDealProgress, type ClientDealTerms, type DealStage, decodeClientProposal, decodeFailure, encodeClientProposal, encodeFailure, Fields, STORAGE_DEAL_STATES, type StorageDealState, storageDealState, TRANSFER_TYPES } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'
import { DealClientError } from './errors.ts'

/** Whoever has them may ask about a deal and move its bytes. */
export interface DealSecrets {
  /** Given to the provider with each request. */
  readonly token: string
  /** With which the provider may fetch; `undefined` where it does not. */
  readonly pullToken: string | undefined
}

const VERSION = 1

export const encodeTerms = (terms: ClientDealTerms): Uint8Array => cbor.encode([
  VERSION,
  encodeClientProposal(terms.proposal, terms.clientSignature),
  terms.proposal.client.slice(0, 1),
  terms.provider,
  terms.root ?? null,
  terms.transferType,
  terms.payloadBytes ?? null,
  terms.fastRetrieval,
  terms.transferId,
  terms.createdAt,
])

/** @throws {DealClientError} `DEAL_CLIENT_BAD_RECORD` */
export const decodeTerms = (proposalCid: CID, bytes: Uint8Array): ClientDealTerms => reading('terms', proposalCid, bytes, 10, (fields) => {
  const signed = fields.bytes()
  const network = fields.text()
  if (network !== 'f' && network !== 't') throw new TypeError('network')
  const { proposal, signature } = decodeClientProposal(signed, network)
  const [provider, root, type] = [fields.text(), fields.orNone(() => fields.cid()), fields.text()]
  const transferType = TRANSFER_TYPES.find((known) => known === type)
  if (transferType === undefined) throw new TypeError('transfer type')
  return {
    proposalCid, proposal, clientSignature: signature, provider, root, transferType,
    payloadBytes: fields.orNone(() => fields.count()), fastRetrieval: fields.flag(), transferId: fields.u64(), createdAt: fields.count(),
  }
})

export const encodeSecrets = ({ token, pullToken }: DealSecrets): Uint8Array => cbor.encode([VERSION, token, pullToken ?? null])

/** @throws {DealClientError} `DEAL_CLIENT_BAD_RECORD` */
export const decodeSecrets = (proposalCid: CID, bytes: Uint8Array): DealSecrets =>
  reading('secrets', proposalCid, bytes, 3, (fields) => ({ token: fields.text(), pullToken: fields.orNone(() => fields.text()) }))

export const encodeProgress = (progress: ClientDealProgress): Uint8Array => cbor.encode([
  VERSION,
  STORAGE_DEAL_STATES[progress.state],
  progress.message,
  progress.updatedAt,
  progress.sentBytes,
  progress.dealId ?? null,
  progress.publishCid ?? null,
  progress.reservedFunds.toString(),
  progress.repeats,
  progress.failure === undefined ? null : encodeFailure(progress.failure),
  progress.stages.map(({ state, message, at }) => [STORAGE_DEAL_STATES[state], message, at]),
])

/** @throws {DealClientError} `DEAL_CLIENT_BAD_RECORD` */
export const decodeProgress = (proposalCid: CID, bytes: Uint8Array): ClientDealProgress => reading('progress', proposalCid, bytes, 11, (fields) => ({
  state: stateOf(fields),
  message: fields.text(),
  updatedAt: fields.count(),
  sentBytes: fields.count(),
  dealId: fields.orNone(() => fields.u64()),
  publishCid: fields.orNone(() => fields.cid()),
  reservedFunds: amountOf(fields.text()),
  repeats: fields.count(),
  failure: fields.orNone(() => decodeFailure(fields.list(6))),
  stages: stagesOf(fields.list()),
}))

const reading = <T>(what: string, proposalCid: CID, bytes: Uint8Array, length: number, read: (fields: Fields) => T): T => {
  try {
    const fields = new Fields(cbor.decode(bytes), length)
    const version = fields.count()
    if (version !== VERSION) throw new TypeError(`version; want=${VERSION} got=${version}`)
    return read(fields)
  } catch (cause) {
    const deal = proposalCid.toString()
    throw new DealClientError('DEAL_CLIENT_BAD_RECORD', `damaged record of a deal; part=${what} deal=${deal}`, { cause, deal })
  }
}

const stateOf = (fields: Fields): StorageDealState => {
  const state = storageDealState(fields.count())
  if (state === undefined) throw new TypeError('state')
  return state
}

const amountOf = (text: string): bigint => {
  if (!/^\d{1,60}$/u.test(text)) throw new TypeError('amount')
  return BigInt(text)
}

const stagesOf = (fields: Fields): readonly DealStage[] => {
  const stages: DealStage[] = []
  while (fields.more) {
    const stage = fields.list(3)
    stages.push({ state: stateOf(stage), message: stage.text(), at: stage.count() })
  }
  return stages
}
