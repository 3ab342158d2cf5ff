/** Storage deals as a client makes and lists them. Source: lotus v1.11.2 `api/api_full.go`, go-fil-markets v1.8.1 `storagemarket/types.go`. */
import type { CID } from 'multiformats/cid'
import { type DataRef, dataRef, type TransferChannelId, transferChannelId } from './deals.ts'
import { type DataTransferChannel, dataTransferChannel } from './transfers.ts'
import { about, cid, flag, id, list, nullable, object, oneOf, optional, type Schema, text, whole } from './schema.ts'

/** attoFIL, in digits. */
const tokens: Schema<string> = about('attoFIL, in digits', { ...text, zero: () => '0' })

const time: Schema<string> = about('RFC 3339', text)

/** Lotus's, and what ours needs besides. */
export interface StartDealParams {
  readonly Data: DataRef
  /** Address of the client; `''`: its default one. */
  readonly Wallet: string
  /** Address of the provider, one of `[Client] Providers`; or its URL. */
  readonly Miner: string
  /** attoFIL for each epoch of the whole piece: no more is paid. `''`: what the provider asks. */
  readonly EpochPrice: string
  readonly MinBlocksDuration: number
  /** attoFIL. */
  readonly ProviderCollateral: string
  /** 0 or below: two days from now. */
  readonly DealStartEpoch: number
  /** @default true */
  readonly FastRetrieval: boolean
  readonly VerifiedDeal: boolean
  /** Ours: URL of the provider, `Miner` then being its address. */
  readonly ProviderURL?: string | undefined
  /** Ours. @default the root, as Lotus writes it */
  readonly Label?: string | undefined
}

export const startDealParams: Schema<StartDealParams> = object('StartDealParams', {
  Data: dataRef,
  Wallet: about('address; `""`: the default one', text),
  Miner: about('address of the provider, of those in the configuration, or its URL', text),
  EpochPrice: about('attoFIL for each epoch of the whole piece, a provider that asks for more is refused; `""`: what it asks', tokens),
  MinBlocksDuration: about('epochs', whole),
  ProviderCollateral: tokens,
  DealStartEpoch: about('0 or below: two days from now', whole),
  FastRetrieval: about('true where it is left out', { ...flag, zero: () => true }),
  VerifiedDeal: flag,
  ProviderURL: about('ours: URL of the provider, `Miner` then being its address', optional(text)),
  Label: about('ours; the root where it is left out', optional(text)),
})

export interface DealLog {
  readonly Log: string
  readonly UpdatedTime: string
}

export interface DealStage {
  readonly Name: string
  readonly Description: string
  readonly ExpectedDuration: string
  readonly CreatedTime: string
  readonly UpdatedTime: string
  readonly Logs: readonly DealLog[]
}

export interface DealStages {
  readonly Stages: readonly DealStage[]
}

const dealStages: Schema<DealStages> = object('DealStages', {
  Stages: list(object<DealStage>('DealStage', {
    Name: text, Description: text, ExpectedDuration: text, CreatedTime: time, UpdatedTime: time,
    Logs: list(object<DealLog>('DealLog', { Log: text, UpdatedTime: time })),
  })),
})

/** Lotus's, and what ours knows besides. */
export interface DealInfo {
  readonly ProposalCid: CID
  /** Lotus's number of the state. */
  readonly State: number
  readonly Message: string
  readonly DealStages: DealStages | null
  /** Address. */
  readonly Provider: string
  readonly DataRef: DataRef | null
  readonly PieceCID: CID
  /** Unpadded bytes. */
  readonly Size: number
  /** attoFIL. */
  readonly PricePerEpoch: string
  /** Epochs. */
  readonly Duration: number
  readonly DealID: bigint
  /** RFC 3339. */
  readonly CreationTime: string
  readonly Verified: boolean
  readonly TransferChannelID: TransferChannelId | null
  readonly DataTransfer: DataTransferChannel | null
  /** Ours. */
  readonly ProviderURL?: string | undefined
  /** Ours: of the payload form. */
  readonly PayloadBytes?: number | undefined
  /** Ours: those that the provider has. */
  readonly SentBytes?: number | undefined
  /** Ours: it failed, and is tried again then. */
  readonly NextRetryAt?: string | undefined
  readonly PublishCid?: CID | undefined
  readonly FastRetrieval?: boolean | undefined
}

export const dealInfo: Schema<DealInfo> = object('DealInfo', {
  ProposalCid: cid,
  State: about('number of the state, as Lotus counts them', whole),
  Message: text,
  DealStages: nullable(dealStages),
  Provider: about('address', text),
  DataRef: nullable(dataRef),
  PieceCID: cid,
  Size: about('unpadded bytes', whole),
  PricePerEpoch: tokens,
  Duration: about('epochs', whole),
  DealID: id,
  CreationTime: time,
  Verified: flag,
  TransferChannelID: nullable(transferChannelId),
  DataTransfer: nullable(dataTransferChannel),
  ProviderURL: about('ours', optional(text)),
  PayloadBytes: about('ours: of the payload form', optional(whole)),
  SentBytes: about('ours: those that the provider has', optional(whole)),
  NextRetryAt: about('ours: it failed, and is tried again then; RFC 3339', optional(text)),
  PublishCid: about('ours', optional(cid)),
  FastRetrieval: about('ours', optional(flag)),
})

/** Until when a caller waits: the provider has the data and has checked them; it is active; nothing more will happen. */
export type ClientDealPoint = 'transferred' | 'active' | 'final'

export const clientDealPoint: Schema<ClientDealPoint> = oneOf(['transferred', 'active', 'final'])

/** Lotus's, and the URL. */
export interface StorageAsk {
  /** attoFIL for each GiB and epoch. */
  readonly Price: string
  readonly VerifiedPrice: string
  /** Padded bytes. */
  readonly MinPieceSize: number
  /** Padded bytes. */
  readonly MaxPieceSize: number
  /** Address. */
  readonly Miner: string
  /** Epochs. */
  readonly Timestamp: number
  readonly Expiry: number
  readonly SeqNo: bigint
  /** Ours: how data may come. */
  readonly TransferTypes?: readonly string[] | undefined
}

export const storageAsk: Schema<StorageAsk> = object('StorageAsk', {
  Price: about('attoFIL for each GiB and epoch', tokens),
  VerifiedPrice: tokens,
  MinPieceSize: about('padded bytes', whole),
  MaxPieceSize: about('padded bytes', whole),
  Miner: about('address', text),
  Timestamp: about('epoch', whole),
  Expiry: about('epoch', whole),
  SeqNo: id,
  TransferTypes: about('ours: how data may come', optional(list(text))),
})

export interface DataSize {
  /** Bytes. */
  readonly PayloadSize: number
  /** Padded bytes. */
  readonly PieceSize: number
}

export const dataSize: Schema<DataSize> = object('DataSize', { PayloadSize: about('bytes', whole), PieceSize: about('padded bytes', whole) })

export interface DataCIDSize extends DataSize {
  readonly PieceCID: CID
}

export const dataCIDSize: Schema<DataCIDSize> = object('DataCIDSize', { PayloadSize: about('bytes', whole), PieceSize: about('padded bytes', whole), PieceCID: cid })

export interface CommPRet {
  readonly Root: CID
  /** Unpadded bytes. */
  readonly Size: number
}

export const commPRet: Schema<CommPRet> = object('CommPRet', { Root: cid, Size: about('unpadded bytes', whole) })
