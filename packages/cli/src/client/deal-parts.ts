/** The deals of a client, as the handlers of the RPC ask for them. */
import type { ClientDeal, DealClient, DealSources } from '@dagstore/deal-client'
import type { Imports } from '@dagstore/imports'
import type { CallOptions } from '@dagstore/io'
import type { ClientDealParts } from '@dagstore/rpc/handlers'
import type { CID } from 'multiformats/cid'
import type { Dags } from './open-dags.ts'

/** Data of deals: of imports, which remember their piece, and of an IPFS node. */
export const dealSources = (imports: Pick<Imports, 'setPiece'>, dags: Dags): DealSources => ({
  open: async (root, options) => {
    const dag = await dags.open(root, options)
    if (dag === undefined) return undefined
    const { store, record, close } = dag
    return {
      store,
      close,
      // an import hashes what it gives, and so does a node's store
      verified: true,
      ...(record === undefined ? {} : { piece: record.piece, setPiece: (piece) => imports.setPiece(record.id, piece, { root }) }),
    }
  },
})

/** Deals that nobody follows: the provider is asked when they are looked at. One who does not answer is asked once for all of its deals. */
const lookedAt = (deals: DealClient, { isSilent, onProblem }: Pick<DealPartsOptions, 'isSilent' | 'onProblem'>): Pick<ClientDealParts, 'deal' | 'deals'> => {
  const fresh = async (deal: ClientDeal, silent: Set<string>, { signal }: CallOptions): Promise<ClientDeal> => {
    if (silent.has(deal.provider) || isSilent(deal.provider)) return deal
    try {
      return await deals.refresh(deal.proposalCid, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      silent.add(deal.provider)
      onProblem(deal.provider, error)
      return deal
    }
  }
  return {
    deal: async (proposalCid, options) => {
      const deal = await deals.deal(proposalCid, options)
      return deal === undefined ? undefined : fresh(deal, new Set(), options)
    },
    deals: async function * (options) {
      const silent = new Set<string>()
      for await (const deal of deals.deals(options)) yield fresh(deal, silent, options)
    },
  }
}

export interface DealPartsOptions {
  /** Of deals that name none; `''`: that of the chain. */
  readonly wallet: string
  /** Whether deals are followed by themselves. */
  readonly background: boolean
  /** Providers of whom it is known that they do not answer now. */
  readonly isSilent: (provider: string) => boolean
  /** Told of a provider that does not say how a deal stands. */
  readonly onProblem: (provider: string, error: unknown) => void
}

export const dealParts = (deals: DealClient, { wallet, background, isSilent, onProblem }: DealPartsOptions): ClientDealParts => ({
  ask: (provider, options) => deals.ask(provider, options),
  start: (deal, options) => deals.start({ ...deal, wallet: deal.wallet ?? (wallet || undefined) }, options),
  stateless: (deal, options) => deals.stateless({ ...deal, wallet: deal.wallet ?? (wallet || undefined) }, options),
  ...(background ? { deals: (options: CallOptions) => deals.deals(options), deal: (proposalCid: CID, options: CallOptions) => deals.deal(proposalCid, options) } : lookedAt(deals, { isSilent, onProblem })),
  settled: (proposalCid, options) => deals.settled(proposalCid, options),
  updates: (options) => deals.updates(options),
  transfers: (options) => deals.transfers(options),
  transferUpdates: (options) => deals.transferUpdates(options),
  restartTransfer: (proposalCid, options) => deals.restartTransfer(proposalCid, options),
  cancelTransfer: (proposalCid, options) => deals.cancelTransfer(proposalCid, options),
})
