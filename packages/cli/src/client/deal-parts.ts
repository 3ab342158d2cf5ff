/** The deals of a client, as the handlers of the RPC ask for them. */
import type { DealClient, DealSources } from '@dagstore/deal-client'
import type { Imports } from '@dagstore/imports'
import type { ClientDealParts } from '@dagstore/rpc/handlers'
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
      ...(record === undefined ? {} : { piece: record.piece, setPiece: (piece) => imports.setPiece(record.id, piece, { root }) }),
    }
  },
})

/** @param wallet - of deals that name none; `''`: that of the chain */
export const dealParts = (deals: DealClient, wallet: string): ClientDealParts => ({
  ask: (provider, options) => deals.ask(provider, options),
  start: (deal, options) => deals.start({ ...deal, wallet: deal.wallet ?? (wallet || undefined) }, options),
  stateless: (deal, options) => deals.stateless({ ...deal, wallet: deal.wallet ?? (wallet || undefined) }, options),
  deals: (options) => deals.deals(options),
  deal: (proposalCid, options) => deals.deal(proposalCid, options),
  settled: (proposalCid, options) => deals.settled(proposalCid, options),
  updates: (options) => deals.updates(options),
  transfers: (options) => deals.transfers(options),
  transferUpdates: (options) => deals.transferUpdates(options),
  restartTransfer: (proposalCid, options) => deals.restartTransfer(proposalCid, options),
  cancelTransfer: (proposalCid, options) => deals.cancelTransfer(proposalCid, options),
})
