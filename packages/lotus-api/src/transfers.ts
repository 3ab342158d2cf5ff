/**
 * Transfers of data as both sides of a deal list them. Source: lotus v1.11.2 `api/types.go` `DataTransferChannel`,
 * go-data-transfer v1.7.0 `types.go`, `statuses.go`.
 */
import type { CID } from 'multiformats/cid'
import { about, cid, flag, id, list, nullable, object, optional, type Schema, text, whole } from './schema.ts'

export interface TransferLog {
  readonly Log: string
  /** RFC 3339. */
  readonly UpdatedTime: string
}

export interface TransferStage {
  readonly Name: string
  readonly Description: string
  /** RFC 3339. */
  readonly CreatedTime: string
  /** RFC 3339. */
  readonly UpdatedTime: string
  readonly Logs: readonly TransferLog[]
}

export interface TransferStages {
  readonly Stages: readonly TransferStage[]
}

export interface DataTransferChannel {
  readonly TransferID: bigint
  /** Place in {@link DATA_TRANSFER_STATUSES}. */
  readonly Status: number
  readonly BaseCID: CID
  readonly IsInitiator: boolean
  readonly IsSender: boolean
  /** JSON of what the transfer is for. */
  readonly Voucher: string
  readonly Message: string
  /** Peer id: `11` stands for none, since here the other side has a URL. */
  readonly OtherPeer: string
  /** Bytes. */
  readonly Transferred: number
  readonly Stages: TransferStages | null
  /** Ours: of the other side. */
  readonly OtherURL?: string | undefined
  /** Ours: of all of it, where that is known. */
  readonly TotalBytes?: number | undefined
}

/** Lotus's names of the statuses, by their number. */
export const DATA_TRANSFER_STATUSES: readonly DataTransferStatus[] = Object.freeze([
  'Requested', 'Ongoing', 'TransferFinished', 'ResponderCompleted', 'Finalizing', 'Completing', 'Completed', 'Failing', 'Failed', 'Cancelling', 'Cancelled',
  'InitiatorPaused', 'ResponderPaused', 'BothPaused', 'ResponderFinalizing', 'ResponderFinalizingTransferFinished', 'ChannelNotFoundError',
])

export type DataTransferStatus =
  | 'Requested' | 'Ongoing' | 'TransferFinished' | 'ResponderCompleted' | 'Finalizing' | 'Completing' | 'Completed' | 'Failing' | 'Failed' | 'Cancelling' | 'Cancelled'
  | 'InitiatorPaused' | 'ResponderPaused' | 'BothPaused' | 'ResponderFinalizing' | 'ResponderFinalizingTransferFinished' | 'ChannelNotFoundError'

const time: Schema<string> = about('RFC 3339', text)

const transferStage: Schema<TransferStage> = object('ChannelStage', {
  Name: text, Description: text, CreatedTime: time, UpdatedTime: time,
  Logs: list(object<TransferLog>('Log', { Log: text, UpdatedTime: time })),
})

export const dataTransferChannel: Schema<DataTransferChannel> = object('DataTransferChannel', {
  TransferID: id,
  Status: about('number of the status, as go-data-transfer counts them: 1 ongoing, 6 completed, 8 failed, 10 cancelled', whole),
  BaseCID: cid,
  IsInitiator: flag,
  IsSender: flag,
  Voucher: about('JSON of what the transfer is for', text),
  Message: text,
  OtherPeer: about('peer id; `11`: none, since the other side has a URL', text),
  Transferred: about('bytes', whole),
  Stages: nullable(object<TransferStages>('ChannelStages', { Stages: list(transferStage) })),
  OtherURL: about('ours: of the other side', optional(text)),
  TotalBytes: about('ours: of all of it, where that is known', optional(whole)),
})
