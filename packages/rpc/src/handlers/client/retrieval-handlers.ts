/** Retrievals of a client. Source: lotus node/impl/client/client.go `ClientRetrieve`, `ClientFindData`, `ClientListRetrievals`, later `ClientExport`. */
import type { RetrievalOffer } from '@dagstore/deal-protocol'
import type { FileRef, LotusApi, LotusCallOptions, QueryOffer, RetrievalInfo, RetrievalOrder, RetrievalPeer } from '@dagstore/lotus-api'
import { badParams, errorText, refusal } from '../failures.ts'
import { newsFromNow } from '../news.ts'
import { isOpen } from '../shard-wire.ts'
import type { ProviderNames } from './deal-parts.ts'
import { amountOf } from './deal-wire.ts'
import { exportHandlers, exportTo } from './export-handlers.ts'
import { localPath } from './local-path.ts'
import { httpUrl, isNamed, providerUrl } from './providers.ts'
import { retrieveWithEvents } from './retrieve-events.ts'
import type { ClientRetrievalParts, NewRetrieval, RetrievalFacts } from './retrieval-parts.ts'
import { COMPLETED, eventOf, failureOf, noOffer, offerOf, retrievalOf } from './retrieval-wire.ts'

type RetrievalMethods = Pick<LotusApi,
  'ClientFindData' | 'ClientMinerQueryOffer' | 'ClientRetrieve' | 'ClientRetrieveWithEvents' | 'ClientRetrieveWait' | 'ClientListRetrievals' | 'ClientGetRetrievalUpdates' |
  'ClientCancelRetrievalDeal' | 'ClientStartRetrieval' | 'ClientGetRetrieval' | 'ClientRemoveRetrieval' | 'ClientPruneRetrievals' | 'ClientExport' | 'ClientExportWithEvents'
>

/** Of one order. */
const MAX_PROVIDERS = 64
/** That are asked for one payload. */
const MAX_ASKED = 64
const ASKED_AT_ONCE = 8

export const clientRetrievalHandlers = (retrievals: ClientRetrievalParts, providers: ProviderNames, notice: (text: string) => void): RetrievalMethods => {
  const named = async (peer: RetrievalPeer | null, miner: string, options: LotusCallOptions): Promise<string> =>
    providerUrl(providers, [['order.MinerPeer.URL', peer?.URL ?? ''], ['order.Miner', miner], ['order.MinerPeer.Address', peer?.Address ?? '']], options)
  const orderOf = async (order: RetrievalOrder, options: LotusCallOptions): Promise<NewRetrieval> => {
    const { Providers = [] } = order
    if (Providers.length > MAX_PROVIDERS) throw badParams(`order.Providers; most=${MAX_PROVIDERS}`)
    const urls = Providers.map((url) => httpUrl(url, 'order.Providers'))
    const miner = !isNamed(order.Miner) && order.MinerPeer === null ? [] : [await named(order.MinerPeer, order.Miner, options)]
    const all = [...new Set([...miner, ...urls])]
    return {
      root: order.Root,
      pieceCid: order.Piece ?? undefined,
      selector: order.DataSelector,
      providers: all.length > 0 ? all : await retrievals.providersOf(order.Root, { signal: options.signal }),
      localFirst: order.LocalFirst === true,
      maxPrice: order.Total === '' ? undefined : amountOf(order.Total, 'order.Total'),
      into: order.Into,
      id: order.ID,
    }
  }
  const ask = async (url: string, root: QueryOffer['Root'], piece: QueryOffer['Piece'], options: LotusCallOptions): Promise<QueryOffer> => {
    const { signal } = options
    const who = { url, miner: await providers.addressOf(url, { signal }) ?? '' }
    try {
      return offerOf(outOf(piece, await retrievals.query(url, { root, piece: piece ?? undefined }, { signal })), root, who)
    } catch (error) {
      signal?.throwIfAborted()
      return noOffer(errorText(error), root, who)
    }
  }
  const whole = (facts: RetrievalFacts): RetrievalFacts => {
    if (facts.state !== COMPLETED) throw refusal(`retrieval failed: ${failureOf(facts)}`, undefined, codeOfState(facts))
    return facts
  }
  return {
    ...exportHandlers(retrievals),
    ClientFindData: async (root, piece, options = {}) => {
      const urls = (await retrievals.providersOf(root, { signal: options.signal })).slice(0, MAX_ASKED)
      const offers: QueryOffer[] = []
      for (let at = 0; at < urls.length; at += ASKED_AT_ONCE) offers.push(...await Promise.all(urls.slice(at, at + ASKED_AT_ONCE).map((url) => ask(url, root, piece, options))))
      return offers
    },
    ClientMinerQueryOffer: async (miner, root, piece, options = {}) => ask(await providerUrl(providers, [['miner', miner]], options), root, piece, options),
    ClientStartRetrieval: async (order, options = {}) => {
      if (order.FromLocalCAR !== '') throw badParams('order.FromLocalCAR; a CAR that is here is exported')
      return { DealID: (await retrievals.start(await orderOf(order, options), { signal: options.signal })).id }
    },
    ClientRetrieve: async (order, ref, options = {}) => {
      const { signal } = options
      const target = ref === undefined ? undefined : targetOf(ref)
      if (order.FromLocalCAR !== '') {
        if (target !== undefined) await exportTo(retrievals, order, { type: 'car', path: order.FromLocalCAR }, target, { signal })
        return { DealID: 0n }
      }
      const { id } = await retrievals.start(await orderOf(order, options), { signal })
      whole(await retrievals.settled(id, { signal }))
      if (target !== undefined) await exportTo(retrievals, order, { type: 'retrieval', id }, target, { signal })
      return { DealID: id }
    },
    ClientRetrieveWithEvents: (order, ref, options = {}) => {
      const target = ref === null ? undefined : targetOf(ref)
      return retrieveWithEvents(retrievals, order, target, () => orderOf(order, options), notice, { signal: options.signal })
    },
    ClientRetrieveWait: async (id, { signal } = {}) => { whole(await retrievals.settled(id, { signal })) },
    ClientListRetrievals: async (options = {}) => {
      const all: RetrievalFacts[] = []
      for await (const facts of retrievals.retrievals({ signal: options.signal })) all.push(facts)
      return all.sort((a, b) => a.createdAt - b.createdAt).map((facts) => retrievalOf(facts, isOpen(options)))
    },
    ClientGetRetrieval: async (id, options = {}) => {
      const facts = await retrievals.retrieval(id, { signal: options.signal })
      return facts === undefined ? null : retrievalOf(facts, isOpen(options))
    },
    ClientGetRetrievalUpdates: (options = {}) => newsFromNow(retrievals.updates({ signal: options.signal }), options.signal, (news): RetrievalInfo | undefined => {
      if (news.type === 'retrieval') return { ...retrievalOf(news.retrieval, isOpen(options)), Event: eventOf(news.retrieval.state) }
      notice(`a caller does not keep up with updates of retrievals; missed=${news.count}`)
      return undefined
    }),
    ClientCancelRetrievalDeal: async (id, { signal } = {}) => { await retrievals.cancel(id, { signal }) },
    ClientRemoveRetrieval: async (id, { signal } = {}) => { await retrievals.remove(id, { signal }) },
    ClientPruneRetrievals: async (how = {}, { signal } = {}) => {
      for (const [name, value] of Object.entries(how)) if (typeof value === 'number' && value < 0) throw badParams(`how.${name}; want=from 0`)
      const { removed, removedBytes } = await retrievals.prune({ olderThanMs: how.OlderThanMs, maxBytes: how.MaxBytes }, { signal })
      return { Removed: removed, RemovedBytes: removedBytes }
    },
  }
}

/** Who has it elsewhere says so, but that is no offer. */
const outOf = (piece: QueryOffer['Piece'], offer: RetrievalOffer): RetrievalOffer => {
  if (piece === null || offer.status !== 'available' || offer.pieceFound) return offer
  return { ...offer, status: 'unavailable', message: offer.pieceCid === undefined ? 'nobody says that the piece has it' : `the piece does not have it, but ${offer.pieceCid.toString()} does` }
}

/** Checked before anything is asked for. */
const targetOf = (ref: FileRef): FileRef => ({ ...ref, Path: localPath(ref.Path, 'ref.Path') })

const codeOfState = ({ state }: RetrievalFacts): string => {
  switch (state) {
    case 'DealStatusRejected': return 'RETRIEVAL_REJECTED'
    case 'DealStatusDealNotFound': return 'RETRIEVAL_NOT_FOUND'
    case 'DealStatusCancelled': return 'RETRIEVAL_CANCELLED'
    default: return 'RETRIEVAL_FAILED'
  }
}
