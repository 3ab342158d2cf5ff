/**
 * What client and provider say to each other about storing, as JSON; the requests stand in docs/deals.md.
 *
 *     proposal  {"clientProposal":"<base64>","payloadCid":{"/":"bafy…"},"payloadBytes":1411,"transfer":{"type":"http-push"},"fastRetrieval":true}
 *     answer    {"proposalCid":{"/":"bafy…"},"accepted":true,"state":"StorageDealWaitingForData","message":""}
 *     status    {"proposalCid":{"/":"bafy…"},"state":"StorageDealActive","message":"","dealId":"7","pieceCid":{"/":"baga…"},"fastRetrieval":true}
 */
import type { CID } from 'multiformats/cid'
import type { Members } from './members.ts'
import { bytesMember, cidMember, decodeMessage, encodeMessage } from './message-codec.ts'
import { STORAGE_DEAL_STATES, type StorageDealState } from './storage-deal-states.ts'

/** How the bytes of an online deal come to the provider, or that they come as a file. */
export type TransferTerms =
  | { readonly type: 'manual' }
  /** The client sends them. */
  | { readonly type: 'http-push' }
  /** The provider fetches them. @param token - for that URL alone; 43 characters */
  | { readonly type: 'http-pull', readonly url: string, readonly token: string }

export const TRANSFER_TYPES: readonly TransferTerms['type'][] = Object.freeze(['manual', 'http-push', 'http-pull'] as const)

export interface ProposalMessage {
  /** CBOR, see `decodeClientProposal`. */
  readonly clientProposal: Uint8Array
  /** `undefined`: of a file that has none, a CAR without roots. */
  readonly payloadCid: CID | undefined
  /** Length of the payload form; `undefined` where the bytes come as a file. */
  readonly payloadBytes: number | undefined
  readonly transfer: TransferTerms
  readonly fastRetrieval: boolean
  readonly clientPeer?: string | undefined
}

export interface ProposalAnswer {
  readonly proposalCid: CID
  readonly accepted: boolean
  readonly state: StorageDealState
  /** For people; why, where it is not accepted. */
  readonly message: string
}

export interface DealStatus {
  readonly proposalCid: CID
  readonly state: StorageDealState
  /** For people. */
  readonly message: string
  readonly dealId?: bigint | undefined
  readonly publishCid?: CID | undefined
  /** v1. */
  readonly pieceCid: CID
  /** Of the payload that the provider has. */
  readonly receivedBytes?: number | undefined
  readonly payloadBytes?: number | undefined
  readonly fastRetrieval: boolean
}

const STATES = Object.keys(STORAGE_DEAL_STATES) as readonly StorageDealState[]
const MAX_URL = 2048
const TOKEN = /^[A-Za-z0-9_-]{43}$/u

export const encodeProposalMessage = (message: ProposalMessage): string =>
  encodeMessage({ ...message, clientProposal: bytesMember(message.clientProposal), payloadCid: message.payloadCid === undefined ? undefined : cidMember(message.payloadCid) })

/** The signed proposal in it is not looked at. @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeProposalMessage = (text: string): ProposalMessage => decodeMessage('proposal', text, (of) => {
  const transfer = transferOf(of.object('transfer'))
  const payloadBytes = of.orNone('payloadBytes', (name) => of.count(name))
  const payloadCid = of.orNone('payloadCid', (name) => of.cid(name))
  if (payloadBytes === undefined && transfer.type !== 'manual') throw new TypeError('member=payloadBytes want=length of what is moved')
  if (payloadCid === undefined && transfer.type !== 'manual') throw new TypeError('member=payloadCid want=root of what is moved')
  return {
    clientProposal: of.bytes('clientProposal'),
    payloadCid,
    payloadBytes,
    transfer,
    fastRetrieval: of.flag('fastRetrieval'),
    clientPeer: of.orNone('clientPeer', (name) => of.text(name, 256)),
  }
})

export const encodeProposalAnswer = (answer: ProposalAnswer): string => encodeMessage({ ...answer, proposalCid: cidMember(answer.proposalCid) })

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeProposalAnswer = (text: string): ProposalAnswer => decodeMessage('answer', text, (of) =>
  ({ proposalCid: of.cid('proposalCid'), accepted: of.flag('accepted'), state: of.oneOf('state', STATES), message: of.text('message') }))

export const encodeDealStatus = (status: DealStatus): string => encodeMessage({
  ...status, proposalCid: cidMember(status.proposalCid), pieceCid: cidMember(status.pieceCid), publishCid: status.publishCid === undefined ? undefined : cidMember(status.publishCid),
})

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeDealStatus = (text: string): DealStatus => decodeMessage('status', text, (of) => ({
  proposalCid: of.cid('proposalCid'),
  state: of.oneOf('state', STATES),
  message: of.text('message'),
  dealId: of.orNone('dealId', (name) => of.u64(name)),
  publishCid: of.orNone('publishCid', (name) => of.cid(name)),
  pieceCid: of.cid('pieceCid'),
  receivedBytes: of.orNone('receivedBytes', (name) => of.count(name)),
  payloadBytes: of.orNone('payloadBytes', (name) => of.count(name)),
  fastRetrieval: of.flag('fastRetrieval'),
}))

const transferOf = (of: Members): TransferTerms => {
  const type = of.oneOf('type', TRANSFER_TYPES)
  if (type !== 'http-pull') return { type }
  const [url, token] = [of.text('url', MAX_URL), of.text('token', 64)]
  const { protocol, username, password } = new URL(url)
  if (!TOKEN.test(token) || (protocol !== 'http:' && protocol !== 'https:') || username !== '' || password !== '') throw new TypeError('member=transfer want=URL and token')
  return { type, url, token }
}
