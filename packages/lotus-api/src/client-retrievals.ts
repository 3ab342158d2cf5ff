/** Retrievals as a client orders and lists them. Source: lotus v1.11.2 `api/api_full.go`, `api/types.go`, `markets/loggers/loggers.go`. */
import type { CID } from 'multiformats/cid'
import { type TransferChannelId, transferChannelId } from './deals.ts'
import { type DataTransferChannel, dataTransferChannel } from './transfers.ts'
import { about, cid, decimal, flag, id, list, nullable, object, oneOf, optional, type Schema, text, whole } from './schema.ts'

const tokens: Schema<string> = about('attoFIL, in digits', { ...text, zero: () => '0' })

export interface RetrievalPeer {
  /** Address. */
  readonly Address: string
  /** Peer id: `11` stands for none. */
  readonly ID: string
  readonly PieceCID: CID | null
  /** Ours: of the provider. */
  readonly URL?: string | undefined
}

const retrievalPeer: Schema<RetrievalPeer> = object('RetrievalPeer', {
  Address: text, ID: about('peer id; `11`: none, since the provider has a URL', text), PieceCID: nullable(cid), URL: about('ours: of the provider', optional(text)),
})

export interface QueryOffer {
  /** `''`, or why there is none. */
  readonly Err: string
  readonly Root: CID
  readonly Piece: CID | null
  /** Bytes. */
  readonly Size: number
  /** attoFIL for all of it. */
  readonly MinPrice: string
  readonly UnsealPrice: string
  readonly PaymentInterval: number
  readonly PaymentIntervalIncrease: number
  /** Address. */
  readonly Miner: string
  readonly MinerPeer: RetrievalPeer
}

export const queryOffer: Schema<QueryOffer> = object('QueryOffer', {
  Err: about('why there is none; `""` where there is one', text),
  Root: cid,
  Piece: nullable(cid),
  Size: about('bytes', whole),
  MinPrice: about('attoFIL for all of it', tokens),
  UnsealPrice: tokens,
  PaymentInterval: whole,
  PaymentIntervalIncrease: whole,
  Miner: about('address', text),
  MinerPeer: retrievalPeer,
})

/** Lotus's, `DataSelector` of later versions, and what ours needs besides. */
export interface RetrievalOrder {
  readonly Root: CID
  readonly Piece: CID | null
  /** Bytes; not needed. */
  readonly Size: number
  /** A CAR of the machine of the node, absolute; with it nobody is asked. `''`: none. */
  readonly FromLocalCAR: string
  /** attoFIL: no more is paid. */
  readonly Total: string
  readonly UnsealPrice: string
  readonly PaymentInterval: number
  readonly PaymentIntervalIncrease: number
  readonly Client: string
  /** Address of the provider, one of those in the configuration, or its URL. `''`: see `Providers`. */
  readonly Miner: string
  readonly MinerPeer: RetrievalPeer | null
  /** A path, or a selector as JSON: only that part. */
  readonly DataSelector?: string | undefined
  /** Ours: URLs of providers and trustless gateways; the next one is asked where one fails. */
  readonly Providers?: readonly string[] | undefined
  /** Ours: imports are looked at first. @default false */
  readonly LocalFirst?: boolean | undefined
  /** Ours: where the blocks go. @default as configured, else 'file' */
  readonly Into?: 'file' | 'ipfs' | 'ipfs-pinned' | undefined
  /** Ours: of an earlier retrieval that is to go on. */
  readonly ID?: bigint | undefined
}

export const retrievalOrder: Schema<RetrievalOrder> = object('RetrievalOrder', {
  Root: cid,
  Piece: nullable(cid),
  Size: about('bytes; not needed', whole),
  FromLocalCAR: about('a CAR of the machine of the node, absolute; with it nobody is asked', text),
  Total: about('attoFIL: no more is paid', tokens),
  UnsealPrice: tokens,
  PaymentInterval: whole,
  PaymentIntervalIncrease: whole,
  Client: about('address', text),
  Miner: about('address of the provider, of those in the configuration, or its URL', text),
  MinerPeer: nullable(retrievalPeer),
  DataSelector: about('a path, or a selector as JSON: only that part', optional(text)),
  Providers: about('ours: URLs of providers and trustless gateways; the next one is asked where one fails', optional(list(text))),
  LocalFirst: about('ours: imports are looked at first', optional(flag)),
  Into: about('ours: where the blocks go; as configured where it is left out', optional(oneOf(['file', 'ipfs', 'ipfs-pinned']))),
  ID: about('ours: of an earlier retrieval that is to go on', optional(id)),
})

export interface RestrievalRes {
  readonly DealID: bigint
}

/** Lotus's name for it. */
export const restrievalRes: Schema<RestrievalRes> = object('RestrievalRes', { DealID: id })

/** Lotus's, and the number of the deal. */
export interface RetrievalEvent {
  /** Lotus's number. */
  readonly Event: number
  /** Lotus's number of the state. */
  readonly Status: number
  readonly BytesReceived: number
  /** attoFIL. */
  readonly FundsSpent: string
  readonly Err: string
  /** Ours. */
  readonly DealID?: bigint | undefined
  /** Ours: `import` or the URL of who gives the blocks. */
  readonly From?: string | undefined
  /** Ours: of all of it, where somebody has said so. */
  readonly TotalBytes?: number | undefined
}

export const retrievalEvent: Schema<RetrievalEvent> = object('RetrievalEvent', {
  Event: about('number of the event, as go-fil-markets counts them', whole),
  Status: about('number of the state, as go-fil-markets counts them', whole),
  BytesReceived: whole,
  FundsSpent: tokens,
  Err: text,
  DealID: about('ours', optional(id)),
  From: about('ours: `import`, or the URL of who gives the blocks', optional(text)),
  TotalBytes: about('ours: of all of it, where somebody has said so', optional(whole)),
})

/** Lotus's, and what ours knows besides. */
export interface RetrievalInfo {
  readonly PayloadCID: CID
  readonly ID: bigint
  readonly PieceCID: CID | null
  /** attoFIL. */
  readonly PricePerByte: string
  readonly UnsealPrice: string
  /** Lotus's number of the state. */
  readonly Status: number
  readonly Message: string
  /** Peer id: `11` stands for none. */
  readonly Provider: string
  readonly BytesReceived: number
  readonly BytesPaidFor: number
  readonly TotalPaid: string
  readonly TransferChannelID: TransferChannelId | null
  readonly DataTransfer: DataTransferChannel | null
  /** Of later versions of Lotus: in updates, what has happened. */
  readonly Event?: number | undefined
  /** Ours: URL of who gives the blocks, or `import`. */
  readonly From?: string | undefined
  /** Ours: of all of it, where somebody has said so. */
  readonly TotalBytes?: number | undefined
  /** Ours. */
  readonly DataSelector?: string | undefined
  /** Ours: where the blocks go. */
  readonly Into?: 'file' | 'ipfs' | 'ipfs-pinned' | undefined
  /** Ours: in the folder of the retrievals; none where the blocks went into an IPFS node. */
  readonly FileName?: string | undefined
  /** Ours, RFC 3339. */
  readonly CreatedAt?: string | undefined
}

export const retrievalInfo: Schema<RetrievalInfo> = object('RetrievalInfo', {
  PayloadCID: cid,
  ID: id,
  PieceCID: nullable(cid),
  PricePerByte: tokens,
  UnsealPrice: tokens,
  Status: about('number of the state, as go-fil-markets counts them', whole),
  Message: text,
  Provider: about('peer id; `11`: none, since the provider has a URL', text),
  BytesReceived: whole,
  BytesPaidFor: whole,
  TotalPaid: tokens,
  TransferChannelID: nullable(transferChannelId),
  DataTransfer: nullable(dataTransferChannel),
  Event: about('in updates: what has happened', optional(whole)),
  From: about('ours: URL of who gives the blocks, or `import`', optional(text)),
  TotalBytes: about('ours: of all of it, where somebody has said so', optional(whole)),
  DataSelector: about('ours', optional(text)),
  Into: about('ours: where the blocks go', optional(oneOf(['file', 'ipfs', 'ipfs-pinned']))),
  FileName: about('ours: in the folder of the retrievals', optional(text)),
  CreatedAt: about('ours: RFC 3339', optional(text)),
})

export interface ClientPruneHow {
  /** Only those that were not touched for so long. */
  readonly OlderThanMs?: number | undefined
  /** The oldest ones, until no more than this is left. */
  readonly MaxBytes?: number | undefined
}

export const clientPruneHow: Schema<ClientPruneHow> = object('ClientPruneHow', {
  OlderThanMs: about('only those that were not touched for so long', optional(whole)),
  MaxBytes: about('the oldest ones, until no more than this is left', optional(whole)),
}, { strict: true })

export interface ClientPruneReport {
  readonly Removed: readonly bigint[]
  readonly RemovedBytes: number
}

export const clientPruneReport: Schema<ClientPruneReport> = object('ClientPruneReport', { Removed: list(decimal), RemovedBytes: whole })
