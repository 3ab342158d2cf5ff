/** Storage deals. Source: lotus node/impl/storminer.go `Market…`, `DealsImportData`. */
import { isAbsolute } from 'node:path'
import type { DagstoreUnregistered, LotusApi, LotusCallOptions, MinerDeal } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { minerDealOf, offlineDealOf, unregisteredOf } from './deal-wire.ts'
import { badParams } from './failures.ts'
import { newsFromNow } from './news.ts'
import { readPage } from './pages.ts'
import type { DealParts } from './parts.ts'
import { isOpen } from './shard-wire.ts'

type DealMethods = Pick<LotusApi, 'MarketListIncompleteDeals' | 'MarketGetDealUpdates' | 'MarketImportDealData' | 'DealsImportData' | 'DagstoreAcceptDeal' | 'DagstoreListUnregistered'>

const MAX_PATH_LENGTH = 4096

export const dealHandlers = (deals: DealParts, notice: (text: string) => void): DealMethods => {
  const importData = async (proposalCid: CID, path: string, { signal }: LotusCallOptions = {}): Promise<void> => {
    // a relative one would be taken from wherever this process was started
    if (!isAbsolute(path) || path.length > MAX_PATH_LENGTH || path.includes('\0')) throw badParams('path; want=an absolute path of this machine')
    await deals.importData(proposalCid, { path }, { signal })
  }
  return {
    MarketListIncompleteDeals: async (options = {}) => {
      const all: MinerDeal[] = []
      for await (const deal of deals.deals({ signal: options.signal })) all.push(minerDealOf(deal, isOpen(options)))
      return all
    },
    // Lotus's stream has deals and nothing else: what was missed is told to the log, and the next update of a deal has all of it
    MarketGetDealUpdates: (options = {}) => newsFromNow(deals.updates({ signal: options.signal }), options.signal, (news) => {
      if (news.type === 'deal') return minerDealOf(news.deal, isOpen(options))
      notice(`a caller does not keep up with updates of deals; missed=${news.count}`)
      return undefined
    }),
    MarketImportDealData: importData,
    DealsImportData: importData,
    DagstoreAcceptDeal: async (deal, { signal } = {}) => { await deals.accept(offlineDealOf(deal), { signal }) },
    DagstoreListUnregistered: async (query, { signal } = {}) => {
      const { after = '', limit } = readPage(query)
      // in no order there: the first ones behind the place are kept, and no more
      const first: DagstoreUnregistered[] = []
      for await (const deal of deals.unregistered({ signal })) {
        const item = unregisteredOf(deal)
        if (item === undefined || item.ProposalCid <= after) continue
        first.push(item)
        if (first.length > 2 * limit) keepFirst(first, limit + 1)
      }
      keepFirst(first, limit + 1)
      return { Deals: first.slice(0, limit), Next: first.length > limit ? first[limit - 1]?.ProposalCid ?? null : null }
    },
  }
}

const keepFirst = (items: DagstoreUnregistered[], most: number): void => {
  items.sort((a, b) => (a.ProposalCid < b.ProposalCid ? -1 : 1))
  items.length = Math.min(items.length, most)
}
