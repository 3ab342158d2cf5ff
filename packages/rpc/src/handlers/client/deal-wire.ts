/** A client's deals and transfers as Lotus writes them. Source: lotus node/impl/client/client.go `newDealInfoWithTransfer`, api/types.go `NewDataTransferChannel`. */
import { type ProviderAsk, STORAGE_DEAL_STATES, type TransferFacts, transferOfDeal } from '@dagstore/deal-protocol'
import { DATA_TRANSFER_STATUSES, type DataTransferChannel, type DataTransferStatus, type DealInfo, type StartDealParams, type StorageAsk } from '@dagstore/lotus-api'
import { badParams } from '../failures.ts'
import type { ClientDealFacts, NewDeal } from './deal-parts.ts'
import { givenAddress, NOBODY } from './providers.ts'

/** Everybody may see all of it, so tokens are in none of it. */
export const dealInfoOf = (deal: ClientDealFacts): DealInfo => {
  const { proposal, failure } = deal
  const transfer = transferOfDeal(deal)
  const channel = transfer === undefined ? null : channelOf(transfer)
  return {
    ProposalCid: deal.proposalCid,
    State: STORAGE_DEAL_STATES[deal.state],
    Message: deal.message !== '' ? deal.message : failure === undefined ? '' : `${failure.code}: ${failure.message}`,
    DealStages: { Stages: deal.stages.map(({ state, message, at }, place) => {
      const [from, to] = [timeOf(at), timeOf(deal.stages[place + 1]?.at ?? Math.max(at, deal.updatedAt))]
      return { Name: state, Description: '', ExpectedDuration: '', CreatedTime: from, UpdatedTime: to, Logs: message === '' ? [] : [{ Log: message, UpdatedTime: from }] }
    }) },
    Provider: proposal.provider,
    DataRef: {
      TransferType: deal.transferType, Root: deal.root ?? null, PieceCid: proposal.pieceCid, PieceSize: unpadded(proposal.pieceSize), RawBlockSize: deal.payloadBytes ?? 0,
    },
    PieceCID: proposal.pieceCid,
    Size: unpadded(proposal.pieceSize),
    PricePerEpoch: String(proposal.storagePricePerEpoch),
    Duration: Number(proposal.endEpoch - proposal.startEpoch),
    DealID: deal.dealId ?? 0n,
    CreationTime: timeOf(deal.createdAt),
    Verified: proposal.verifiedDeal,
    TransferChannelID: channel === null ? null : { Initiator: NOBODY, Responder: NOBODY, ID: deal.transferId },
    DataTransfer: channel,
    ProviderURL: deal.provider,
    ...(deal.payloadBytes === undefined ? {} : { PayloadBytes: deal.payloadBytes }),
    SentBytes: deal.sentBytes,
    ...(failure?.nextRetryAt === undefined ? {} : { NextRetryAt: timeOf(failure.nextRetryAt) }),
    ...(deal.publishCid === undefined ? {} : { PublishCid: deal.publishCid }),
    FastRetrieval: deal.fastRetrieval,
  }
}

const STATUS: Readonly<Record<TransferFacts['status'], DataTransferStatus>> = {
  requested: 'Requested', queued: 'Requested', ongoing: 'Ongoing', cut: 'Ongoing', completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled',
}

export const channelOf = ({ transferId, proposalCid, root, provider, transferType, status, message, sentBytes, totalBytes }: TransferFacts): DataTransferChannel => ({
  TransferID: transferId,
  Status: DATA_TRANSFER_STATUSES.indexOf(STATUS[status]),
  BaseCID: root,
  IsInitiator: transferType === 'http-push',
  IsSender: true,
  Voucher: JSON.stringify({ Proposal: { '/': proposalCid.toString() } }),
  Message: message,
  OtherPeer: NOBODY,
  Transferred: sentBytes,
  Stages: null,
  OtherURL: provider,
  ...(totalBytes === 0 ? {} : { TotalBytes: totalBytes }),
})

export const askOf = (ask: ProviderAsk): StorageAsk => ({
  Price: String(ask.pricePerEpochPerGiB),
  VerifiedPrice: String(ask.verifiedPricePerEpochPerGiB),
  MinPieceSize: ask.minPieceBytes,
  MaxPieceSize: ask.maxPieceBytes,
  Miner: ask.provider,
  Timestamp: 0,
  Expiry: Number(ask.expiryEpoch),
  SeqNo: 0n,
  TransferTypes: ask.transferTypes,
})

const TRANSFERS: Readonly<Record<string, NewDeal['transferType']>> = { '': 'http-push', 'graphsync': 'http-push', 'http-push': 'http-push', 'http-pull': 'http-pull', 'manual': 'manual' }

/** @throws {RpcError} `RPC_BAD_PARAMS` */
export const newDealOf = (params: StartDealParams, provider: string): NewDeal => {
  const { Data, Wallet, Miner, EpochPrice, MinBlocksDuration, ProviderCollateral, DealStartEpoch, FastRetrieval, VerifiedDeal, Label } = params
  if (Data.Root === null) throw badParams('params.Data.Root; missing')
  const transferType = Object.hasOwn(TRANSFERS, Data.TransferType) ? TRANSFERS[Data.TransferType] : undefined
  if (transferType === undefined) throw badParams(`params.Data.TransferType; want=graphsync|http-push|http-pull|manual got=${JSON.stringify(Data.TransferType.slice(0, 40))}`)
  return {
    provider,
    root: Data.Root,
    transferType,
    pieceCid: Data.PieceCid ?? undefined,
    pieceBytes: paddedOf(Data.PieceSize),
    wallet: givenAddress(Wallet, 'params.Wallet'),
    miner: /^[ft]\d/.test(Miner) ? givenAddress(Miner, 'params.Miner') : undefined,
    price: EpochPrice === '' ? undefined : amountOf(EpochPrice, 'params.EpochPrice'),
    startEpoch: DealStartEpoch <= 0 ? undefined : BigInt(DealStartEpoch),
    duration: durationOf(MinBlocksDuration),
    providerCollateral: amountOf(ProviderCollateral, 'params.ProviderCollateral'),
    verified: VerifiedDeal,
    fastRetrieval: FastRetrieval,
    label: Label,
  }
}

/** Unpadded; 0: nobody has said. */
const paddedOf = (unpaddedBytes: number): number | undefined => {
  if (unpaddedBytes === 0) return undefined
  if (unpaddedBytes < 0 || unpaddedBytes % 127 !== 0) throw badParams('params.Data.PieceSize; want=the unpadded size of a piece')
  return unpaddedBytes / 127 * 128
}

const durationOf = (epochs: number): bigint | undefined => {
  if (epochs < 0) throw badParams('params.MinBlocksDuration; want=epochs')
  return epochs === 0 ? undefined : BigInt(epochs)
}

/** As many as 2^128 has. */
const MAX_DIGITS = 39

/** attoFIL; nothing is none. */
export const amountOf = (text: string, name: string): bigint => {
  if (text.length > MAX_DIGITS || !/^\d*$/u.test(text)) throw badParams(`${name}; want=attoFIL, in digits`)
  return BigInt(text)
}

const unpadded = (paddedBytes: number): number => paddedBytes / 128 * 127

const timeOf = (at: number): string => new Date(at).toISOString()
