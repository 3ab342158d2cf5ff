/** Asks and retrievals as a provider lists them. Source: go-fil-markets v1.8.1 `storagemarket/types.go`, `retrievalmarket/types.go`, `retrievalmarket/provider.go`. */
import type { CID } from 'multiformats/cid'
import { type StorageAsk, storageAsk } from './client-deals.ts'
import { type Signature, type TransferChannelId, transferChannelId } from './deals.ts'
import { type PieceInfo, pieceInfo } from './pieces.ts'
import { about, anything, bytes, cid, flag, id, nullable, object, type Schema, text, whole } from './schema.ts'

const tokens: Schema<string> = about('attoFIL, in digits', { ...text, zero: () => '0' })

/** Nobody signs it here: its type is 0. */
export interface SignedStorageAsk {
  readonly Ask: StorageAsk
  readonly Signature: Signature
}

export const signedStorageAsk: Schema<SignedStorageAsk> = object('SignedStorageAsk', {
  Ask: storageAsk,
  Signature: about('nobody has signed it: type 0', object<Signature>('Signature', { Type: whole, Data: bytes })),
})

export interface RetrievalAsk {
  /** attoFIL. */
  readonly PricePerByte: string
  readonly UnsealPrice: string
  /** Bytes. */
  readonly PaymentInterval: number
  readonly PaymentIntervalIncrease: number
}

export const retrievalAsk: Schema<RetrievalAsk> = object('Ask', {
  PricePerByte: tokens, UnsealPrice: tokens, PaymentInterval: about('bytes', whole), PaymentIntervalIncrease: about('bytes', whole),
})

export interface ProviderDealState {
  readonly PayloadCID: CID
  /** The client's. */
  readonly ID: bigint
  /** An object of path, scope and range; `null`: all. */
  readonly Selector: unknown
  readonly PieceCID: CID | null
  readonly PricePerByte: string
  readonly PaymentInterval: number
  readonly PaymentIntervalIncrease: number
  readonly UnsealPrice: string
  readonly StoreID: bigint
  /** Its number is the provider's name of the retrieval. */
  readonly ChannelID: TransferChannelId | null
  readonly PieceInfo: PieceInfo | null
  /** Lotus's number of the state. */
  readonly Status: number
  /** Peer id. */
  readonly Receiver: string
  /** Bytes. */
  readonly TotalSent: number
  readonly FundsReceived: string
  readonly Message: string
  readonly CurrentInterval: number
  readonly LegacyProtocol: boolean
}

export const providerDealState: Schema<ProviderDealState> = object('ProviderDealState', {
  PayloadCID: cid,
  ID: about("the client's", id),
  Selector: about('an object of path, scope and range; null: all', { ...anything, zero: () => null }),
  PieceCID: nullable(cid),
  PricePerByte: tokens,
  PaymentInterval: about('bytes', whole),
  PaymentIntervalIncrease: about('bytes', whole),
  UnsealPrice: tokens,
  StoreID: id,
  ChannelID: about("its number is the provider's name of the retrieval", nullable(transferChannelId)),
  PieceInfo: nullable(pieceInfo),
  Status: about('number of the state, as go-fil-markets counts them', whole),
  Receiver: about('peer id', text),
  TotalSent: about('bytes', whole),
  FundsReceived: tokens,
  Message: text,
  CurrentInterval: about('bytes', whole),
  LegacyProtocol: flag,
})
