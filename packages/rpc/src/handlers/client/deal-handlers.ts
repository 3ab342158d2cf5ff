/** Storage deals of a client. Source: lotus node/impl/client/client.go `ClientStartDeal`, `ClientListDeals`, `ClientGetDealUpdates`, `ClientRestartDataTransfer`. */
import { storageDealState, type TransferFacts } from '@dagstore/deal-protocol'
import type { DataTransferChannel, DealInfo, LotusApi, LotusCallOptions, StartDealParams } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { badParams, refusal } from '../failures.ts'
import { newsFromNow } from '../news.ts'
import type { ClientDealParts, NewDeal, ProviderNames } from './deal-parts.ts'
import { askOf, channelOf, dealInfoOf, newDealOf } from './deal-wire.ts'
import { providerUrl } from './providers.ts'

type DealMethods = Pick<LotusApi,
  'ClientQueryAsk' | 'ClientStartDeal' | 'ClientStatelessDeal' | 'ClientGetDealInfo' | 'ClientListDeals' | 'ClientGetDealUpdates' | 'ClientGetDealStatus' | 'ClientWaitDeal' |
  'ClientListDataTransfers' | 'ClientDataTransferUpdates' | 'ClientRestartDataTransfer' | 'ClientCancelDataTransfer'
>

export const clientDealHandlers = (deals: ClientDealParts, providers: ProviderNames, notice: (text: string) => void): DealMethods => {
  const dealOf = async (params: StartDealParams, options: LotusCallOptions): Promise<NewDeal> => {
    const url = await providerUrl(providers, [['params.ProviderURL', params.ProviderURL ?? ''], ['params.Miner', params.Miner]], options)
    return newDealOf(params, url)
  }
  const transferOf = async (id: bigint, options: LotusCallOptions): Promise<TransferFacts> => {
    for await (const transfer of deals.transfers({ signal: options.signal })) if (transfer.transferId === id) return transfer
    throw refusal(`no such transfer; id=${id}`, undefined, 'RPC_UNKNOWN_TRANSFER')
  }
  return {
    ClientQueryAsk: async (peer, miner, options = {}) => {
      const url = await providerUrl(providers, [['miner', miner], ['peer', peer]], options)
      return askOf(await deals.ask(url, { signal: options.signal }))
    },
    ClientStartDeal: async (params, options = {}) => (await deals.start(await dealOf(params, options), { signal: options.signal })).proposalCid,
    ClientStatelessDeal: async (params, options = {}) => {
      const deal = await dealOf(params, options)
      if (deal.transferType !== 'manual') throw badParams(`invalid transfer type ${JSON.stringify(params.Data.TransferType.slice(0, 40))} for stateless storage deal`)
      // none is offered where none is named, and Lotus has no other price here
      if (deal.price !== undefined && deal.price !== 0n) throw badParams('stateless storage deals can only be initiated with storage price of 0')
      return deals.stateless({ ...deal, price: 0n }, { signal: options.signal })
    },
    ClientGetDealInfo: async (proposalCid, { signal } = {}) => {
      const deal = await deals.deal(proposalCid, { signal })
      if (deal === undefined) throw refusal(`no such deal; proposal=${proposalCid.toString()}`, undefined, 'DEAL_CLIENT_UNKNOWN')
      return dealInfoOf(deal)
    },
    ClientListDeals: async ({ signal } = {}) => {
      const all: DealInfo[] = []
      for await (const deal of deals.deals({ signal })) all.push(dealInfoOf(deal))
      return all.sort((a, b) => (a.CreationTime < b.CreationTime ? -1 : a.CreationTime === b.CreationTime ? 0 : 1))
    },
    ClientGetDealUpdates: ({ signal } = {}) => newsFromNow(deals.updates({ signal }), signal, (news) => {
      if (news.type === 'deal') return dealInfoOf(news.deal)
      notice(`a caller does not keep up with updates of the client's deals; missed=${news.count}`)
      return undefined
    }),
    ClientGetDealStatus: async (status) => {
      const name = status <= 0xffff_ffffn ? storageDealState(Number(status)) : undefined
      if (name === undefined) throw badParams(`no such deal state ${status}`)
      return name
    },
    ClientWaitDeal: async (proposalCid: CID, until, { signal } = {}) => dealInfoOf(await deals.settled(proposalCid, { until, signal })),
    ClientListDataTransfers: async ({ signal } = {}) => {
      const all: DataTransferChannel[] = []
      for await (const transfer of deals.transfers({ signal })) all.push(channelOf(transfer))
      return all
    },
    ClientDataTransferUpdates: ({ signal } = {}) => newsFromNow(deals.transferUpdates({ signal }), signal, (news) => {
      if (news.type === 'transfer') return channelOf(news.transfer)
      notice(`a caller does not keep up with updates of the client's transfers; missed=${news.count}`)
      return undefined
    }),
    ClientRestartDataTransfer: async (id, _peer, _isInitiator, options = {}) => {
      await deals.restartTransfer((await transferOf(id, options)).proposalCid, { signal: options.signal })
    },
    ClientCancelDataTransfer: async (id, _peer, _isInitiator, options = {}) => {
      await deals.cancelTransfer((await transferOf(id, options)).proposalCid, { signal: options.signal })
    },
  }
}
