/** Deals as Lotus writes them. Source: go-fil-markets storagemarket/types.go `MinerDeal`. */
import { type DealFailure, type ProviderDeal, STORAGE_DEAL_STATES } from '@dagstore/deal-protocol'
import type { DagstoreFailure, DagstoreOfflineDeal, DagstoreUnregistered, MinerDeal } from '@dagstore/lotus-api'
import { badParams } from './failures.ts'
import type { OfflineDeal } from './parts.ts'

/** The peer id of nobody, for a field that Go's clients refuse to read when it is empty. */
const NOBODY = '11'

/** @param open - the caller may see paths of this machine */
export const minerDealOf = (deal: ProviderDeal, open: boolean): MinerDeal => {
  const { proposal, clientSignature, staged, place, payloadCid } = deal
  const path = open ? staged?.path ?? '' : ''
  const isManual = deal.transferType === 'manual'
  return {
    Proposal: {
      PieceCID: proposal.pieceCid,
      PieceSize: proposal.pieceSize,
      VerifiedDeal: proposal.verifiedDeal,
      Client: proposal.client,
      Provider: proposal.provider,
      Label: typeof proposal.label === 'string' ? proposal.label : `m${Buffer.from(proposal.label).toString('base64').replace(/=+$/, '')}`,
      StartEpoch: Number(proposal.startEpoch),
      EndEpoch: Number(proposal.endEpoch),
      StoragePricePerEpoch: String(proposal.storagePricePerEpoch),
      ProviderCollateral: String(proposal.providerCollateral),
      ClientCollateral: String(proposal.clientCollateral),
    },
    ClientSignature: { Type: clientSignature?.type ?? 0, Data: clientSignature?.data ?? new Uint8Array(0) },
    ProposalCid: deal.proposalCid,
    AddFundsCid: null,
    PublishCid: deal.publishCid ?? null,
    Miner: NOBODY,
    Client: deal.clientPeer ?? NOBODY,
    State: STORAGE_DEAL_STATES[deal.state],
    PiecePath: isManual ? path : '',
    MetadataPath: '',
    SlashEpoch: Number(deal.slashEpoch ?? 0n),
    FastRetrieval: deal.fastRetrieval,
    Message: deal.message !== '' ? deal.message : failureText(deal.failure ?? (deal.shard.state === 'failed' ? deal.shard.failure : undefined)),
    FundsReserved: '0',
    Ref: { TransferType: deal.transferType, Root: payloadCid ?? null, PieceCid: proposal.pieceCid, PieceSize: proposal.pieceSize / 128 * 127, RawBlockSize: deal.payloadBytes ?? 0 },
    AvailableForRetrieval: deal.shard.state === 'registered',
    DealID: deal.dealId ?? 0n,
    CreationTime: new Date(deal.createdAt).toISOString(),
    TransferChannelId: null,
    SectorNumber: place?.sector ?? 0n,
    InboundCAR: isManual ? '' : path,
  }
}

export const offlineDealOf = ({ ProposalCid, Proposal, ClientSignature, DealID, PublishCid, Ref, FastRetrieval }: DagstoreOfflineDeal): OfflineDeal => ({
  proposalCid: ProposalCid,
  proposal: {
    pieceCid: Proposal.PieceCID,
    pieceSize: Proposal.PieceSize,
    verifiedDeal: Proposal.VerifiedDeal,
    client: Proposal.Client,
    provider: Proposal.Provider,
    label: Proposal.Label,
    startEpoch: BigInt(Proposal.StartEpoch),
    endEpoch: BigInt(Proposal.EndEpoch),
    storagePricePerEpoch: amountOf(Proposal.StoragePricePerEpoch, 'StoragePricePerEpoch'),
    providerCollateral: amountOf(Proposal.ProviderCollateral, 'ProviderCollateral'),
    clientCollateral: amountOf(Proposal.ClientCollateral, 'ClientCollateral'),
  },
  // what stands for none in the records of a provider
  clientSignature: ClientSignature === undefined || ClientSignature.Data.byteLength === 0 ? undefined : { type: ClientSignature.Type, data: ClientSignature.Data },
  dealId: DealID === 0n ? undefined : DealID,
  publishCid: PublishCid,
  payloadCid: Ref?.Root,
  transferType: 'manual',
  fastRetrieval: FastRetrieval ?? true,
})

/** As many as 2^128 has. */
const MAX_DIGITS = 39

/** attoFIL; what is missing is nothing. */
const amountOf = (text: string, name: string): bigint => {
  if (text.length > MAX_DIGITS || !/^\d*$/u.test(text)) throw badParams(`deal.Proposal.${name}; want=digits`)
  return BigInt(text)
}

/** `undefined`: the deal has its shard, or none is to be. */
export const unregisteredOf = (deal: ProviderDeal): DagstoreUnregistered | undefined => deal.shard.state !== 'failed'
  ? undefined
  : { Key: deal.proposal.pieceCid.toString(), ProposalCid: deal.proposalCid.toString(), DealID: deal.dealId ?? 0n, Failure: wireFailure(deal.shard.failure) }

const failureText = (failure: DealFailure | undefined): string => (failure === undefined ? '' : `${failure.code}: ${failure.message}`)

const wireFailure = ({ code, message, at, retry, attempts, nextRetryAt }: DealFailure): DagstoreFailure => ({
  Code: code, Message: message, At: new Date(at).toISOString(), Retry: retry, Attempts: attempts, NextRetryAt: nextRetryAt === undefined ? null : new Date(nextRetryAt).toISOString(),
})
