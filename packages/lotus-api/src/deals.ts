/** Storage deals as a provider lists them. Source: go-fil-markets `storagemarket/types.go` `MinerDeal`. */
import type { CID } from 'multiformats/cid'
import { about, bytes, cid, flag, id, nullable, object, optional, type Schema, text, whole } from './schema.ts'

export interface DealProposal {
  readonly PieceCID: CID
  /** Padded bytes. */
  readonly PieceSize: number
  readonly VerifiedDeal: boolean
  /** Address. */
  readonly Client: string
  /** Address. */
  readonly Provider: string
  readonly Label: string
  readonly StartEpoch: number
  readonly EndEpoch: number
  /** attoFIL, in digits. */
  readonly StoragePricePerEpoch: string
  readonly ProviderCollateral: string
  readonly ClientCollateral: string
}

export const dealProposal: Schema<DealProposal> = object('DealProposal', {
  PieceCID: cid, PieceSize: about('padded bytes', whole), VerifiedDeal: flag, Client: about('address', text), Provider: about('address', text), Label: text,
  StartEpoch: whole, EndEpoch: whole, StoragePricePerEpoch: about('attoFIL, in digits', text), ProviderCollateral: text, ClientCollateral: text,
})

export interface Signature {
  readonly Type: number
  readonly Data: Uint8Array
}

export interface DataRef {
  readonly TransferType: string
  readonly Root: CID | null
  readonly PieceCid: CID | null
  /** Unpadded bytes. */
  readonly PieceSize: number
  readonly RawBlockSize: number
}

export interface TransferChannelId {
  readonly Initiator: string
  readonly Responder: string
  readonly ID: bigint
}

/** A deal as far as it is agreed on, its data to come as a file. Of a `MinerDeal` the rest is passed over. */
export interface DagstoreOfflineDeal {
  readonly ProposalCid: CID
  readonly Proposal: DealProposal
  /** Not checked. */
  readonly ClientSignature?: Signature | undefined
  /** The chain's number; none or 0: not known. */
  readonly DealID?: bigint | undefined
  readonly PublishCid?: CID | undefined
  /** Of the payload. */
  readonly Ref?: { readonly Root?: CID | undefined } | undefined
  /** @default true */
  readonly FastRetrieval?: boolean | undefined
}

export interface MinerDeal {
  readonly Proposal: DealProposal
  readonly ClientSignature: Signature
  readonly ProposalCid: CID
  readonly AddFundsCid: CID | null
  readonly PublishCid: CID | null
  /** Peer id. */
  readonly Miner: string
  /** Peer id. */
  readonly Client: string
  /** Lotus's number of the state. */
  readonly State: number
  readonly PiecePath: string
  readonly MetadataPath: string
  readonly SlashEpoch: number
  readonly FastRetrieval: boolean
  readonly Message: string
  /** attoFIL, in digits. */
  readonly FundsReserved: string
  readonly Ref: DataRef | null
  readonly AvailableForRetrieval: boolean
  readonly DealID: bigint
  /** RFC 3339. */
  readonly CreationTime: string
  readonly TransferChannelId: TransferChannelId | null
  readonly SectorNumber: bigint
  readonly InboundCAR: string
}

export const dataRef: Schema<DataRef> = object('DataRef', {
  TransferType: text, Root: nullable(cid), PieceCid: nullable(cid), PieceSize: about('unpadded bytes', whole), RawBlockSize: whole,
})

export const transferChannelId: Schema<TransferChannelId> = object('ChannelID', { Initiator: text, Responder: text, ID: id })

const signature: Schema<Signature> = object<Signature>('Signature', { Type: whole, Data: bytes })

export const dagstoreOfflineDeal: Schema<DagstoreOfflineDeal> = object('DagstoreOfflineDeal', {
  ProposalCid: cid,
  Proposal: dealProposal,
  ClientSignature: optional(signature),
  DealID: about('of the chain; none or 0: not known', optional(id)),
  PublishCid: optional(cid),
  Ref: optional(object<NonNullable<DagstoreOfflineDeal['Ref']>>('DagstorePayloadRef', { Root: optional(cid) })),
  FastRetrieval: about('default true', optional(flag)),
})

export const minerDeal: Schema<MinerDeal> = object('MinerDeal', {
  Proposal: dealProposal,
  ClientSignature: signature,
  ProposalCid: cid,
  AddFundsCid: nullable(cid),
  PublishCid: nullable(cid),
  Miner: about('peer id', text),
  Client: about('peer id', text),
  State: about('number of the state, as Lotus counts them', whole),
  PiecePath: text,
  MetadataPath: text,
  SlashEpoch: whole,
  FastRetrieval: flag,
  Message: text,
  FundsReserved: about('attoFIL, in digits', text),
  Ref: nullable(dataRef),
  AvailableForRetrieval: flag,
  DealID: id,
  CreationTime: about('RFC 3339', text),
  TransferChannelId: nullable(transferChannelId),
  SectorNumber: id,
  InboundCAR: text,
})
