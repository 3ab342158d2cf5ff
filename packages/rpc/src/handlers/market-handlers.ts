/** A provider's asks, retrievals and transfers. Source: lotus node/impl/storminer.go `Market…`, api/types.go `NewDataTransferChannel`. */
import { RETRIEVAL_DEAL_STATES, type RetrievalDealState } from '@dagstore/deal-protocol'
import { DATA_TRANSFER_STATUSES, type DataTransferChannel, type DataTransferStatus, type LotusApi, type LotusMarketMethodName, type ProviderDealState } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { badParams } from './failures.ts'
import type { MarketParts, MarketRetrievalFacts, MarketTransferFacts } from './market-parts.ts'
import { mergedNews } from './merged-news.ts'
import { newsFromNow } from './news.ts'

/** The peer id of nobody, for a field that Go's clients refuse to read when it is empty. */
const NOBODY = '11'

export const marketHandlers = (market: MarketParts, notice: (text: string) => void): Pick<LotusApi, LotusMarketMethodName> => {
  const { retrieval: retrievalTerms } = market.ask()
  const missed = (count: number): undefined => {
    notice(`a caller does not keep up with updates of transfers; missed=${count}`)
    return undefined
  }
  const channels = async (signal: AbortSignal | undefined): Promise<readonly Channel[]> => {
    const all: Channel[] = []
    for await (const transfer of market.transfers({ signal })) all.push({ channel: transferChannel(transfer), proposalCid: transfer.proposalCid, dealId: undefined })
    for (const retrieval of market.retrievals()) all.push({ channel: retrievalChannel(retrieval), proposalCid: undefined, dealId: retrieval.dealId })
    return all
  }
  const one = async (id: bigint, peer: string, isInitiator: boolean, signal: AbortSignal | undefined): Promise<Channel> => {
    const found = (await channels(signal)).find(({ channel }) => channel.TransferID === id && channel.OtherPeer === peer && channel.IsInitiator === isInitiator)
    if (found === undefined) throw badParams(`transferId; no such transfer, id=${id} peer=${peer.slice(0, 80)} initiator=${isInitiator}`)
    return found
  }
  return {
    MarketGetAsk: async () => {
      const ask = market.ask()
      return {
        Ask: {
          Price: String(ask.pricePerEpochPerGiB), VerifiedPrice: String(ask.verifiedPricePerEpochPerGiB), MinPieceSize: ask.minPieceBytes, MaxPieceSize: ask.maxPieceBytes, Miner: ask.provider,
          Timestamp: 0, Expiry: Number(ask.expiryEpoch), SeqNo: 0n, TransferTypes: ask.transferTypes,
        },
        Signature: { Type: 0, Data: new Uint8Array(0) },
      }
    },
    MarketGetRetrievalAsk: async () => ({
      PricePerByte: String(retrievalTerms.pricePerByte), UnsealPrice: String(retrievalTerms.unsealPrice),
      PaymentInterval: Number(retrievalTerms.paymentInterval), PaymentIntervalIncrease: Number(retrievalTerms.paymentIntervalIncrease),
    }),
    MarketListRetrievalDeals: async () => market.retrievals().map((retrieval) => retrievalDeal(retrieval, retrievalTerms)),
    MarketListDataTransfers: async ({ signal } = {}) => (await channels(signal)).map(({ channel }) => channel),
    MarketDataTransferUpdates: ({ signal } = {}) => mergedNews(
      newsFromNow(market.transferUpdates({ signal }), signal, (news) => news.type === 'transfer' ? transferChannel(news.transfer) : missed(news.count)),
      newsFromNow(market.retrievalUpdates({ signal }), signal, (news) => news.type === 'retrieval' ? retrievalChannel(news.retrieval) : missed(news.count))),
    MarketRestartDataTransfer: async (id, peer, isInitiator, { signal } = {}) => {
      const { proposalCid } = await one(id, peer, isInitiator, signal)
      if (proposalCid === undefined) throw badParams('transferId; a retrieval goes on when its client asks')
      await market.restartTransfer(proposalCid)
    },
    MarketCancelDataTransfer: async (id, peer, isInitiator, { signal } = {}) => {
      const { proposalCid, dealId } = await one(id, peer, isInitiator, signal)
      if (proposalCid !== undefined) await market.cancelTransfer(proposalCid)
      else if (dealId !== undefined) await market.cancelRetrieval(dealId)
    },
  }
}

interface Channel {
  readonly channel: DataTransferChannel
  /** Of a storage deal. */
  readonly proposalCid: CID | undefined
  /** Of a retrieval. */
  readonly dealId: bigint | undefined
}

const STATUS: Readonly<Record<MarketTransferFacts['status'], DataTransferStatus>> = { requested: 'Requested', ongoing: 'Ongoing', paused: 'InitiatorPaused', completed: 'Completed', failed: 'Failed' }

const transferChannel = ({ proposalCid, transferType, payloadCid, clientPeer, status, bytes, totalBytes, message }: MarketTransferFacts): DataTransferChannel => ({
  TransferID: numberOf(proposalCid),
  Status: DATA_TRANSFER_STATUSES.indexOf(STATUS[status]),
  BaseCID: payloadCid ?? proposalCid,
  IsInitiator: transferType === 'http-pull',
  IsSender: false,
  Voucher: JSON.stringify({ Proposal: { '/': proposalCid.toString() } }),
  Message: message,
  OtherPeer: clientPeer ?? NOBODY,
  Transferred: bytes,
  Stages: null,
  ...(totalBytes === undefined ? {} : { TotalBytes: totalBytes }),
})

/** Of a deal, the same in every process: 63 bits of its name. */
const numberOf = ({ multihash: { digest } }: CID): bigint => {
  const bytes = new Uint8Array(8)
  bytes.set(digest.subarray(0, 8))
  return new DataView(bytes.buffer).getBigUint64(0) >> 1n
}

const retrievalChannel = ({ dealId, id, payloadCid, clientPeer, state, sentBytes, message }: MarketRetrievalFacts): DataTransferChannel => ({
  TransferID: dealId,
  Status: DATA_TRANSFER_STATUSES.indexOf(RETRIEVAL_STATUS[state] ?? 'Ongoing'),
  BaseCID: payloadCid,
  IsInitiator: false,
  IsSender: true,
  Voucher: JSON.stringify({ PayloadCID: { '/': payloadCid.toString() }, ID: String(id) }),
  Message: message,
  OtherPeer: clientPeer ?? NOBODY,
  Transferred: sentBytes,
  Stages: null,
})

const RETRIEVAL_STATUS: Readonly<Partial<Record<RetrievalDealState, DataTransferStatus>>> = {
  DealStatusNew: 'Requested', DealStatusAccepted: 'Requested', DealStatusUnsealing: 'ResponderPaused', DealStatusCompleted: 'Completed', DealStatusCancelled: 'Cancelled', DealStatusErrored: 'Failed',
  DealStatusRejected: 'Failed', DealStatusDealNotFound: 'Failed',
}

const retrievalDeal = (
  { dealId, id, payloadCid, pieceCid, selector, clientPeer, state, sentBytes, message }: MarketRetrievalFacts,
  { pricePerByte, unsealPrice, paymentInterval, paymentIntervalIncrease }: ReturnType<MarketParts['ask']>['retrieval']
): ProviderDealState => ({
  PayloadCID: payloadCid,
  ID: id,
  Selector: selector ?? null,
  PieceCID: pieceCid ?? null,
  PricePerByte: String(pricePerByte),
  PaymentInterval: Number(paymentInterval),
  PaymentIntervalIncrease: Number(paymentIntervalIncrease),
  UnsealPrice: String(unsealPrice),
  StoreID: 0n,
  ChannelID: { Initiator: clientPeer ?? NOBODY, Responder: NOBODY, ID: dealId },
  PieceInfo: pieceCid === undefined ? null : { PieceCID: pieceCid, Deals: [] },
  Status: RETRIEVAL_DEAL_STATES[state],
  Receiver: clientPeer ?? NOBODY,
  TotalSent: sentBytes,
  FundsReceived: '0',
  Message: message,
  CurrentInterval: 0,
  LegacyProtocol: false,
})
