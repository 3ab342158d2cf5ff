/** Pieces and deals of the store that this process has open. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@dagstore/io'
import type { ProviderDeal } from '@dagstore/deal-protocol'
import type { DealProvider } from '@dagstore/deal-provider'
import { PERMISSIONS } from '@dagstore/lotus-api'
import { dealHandlers, pieceHandlers } from '@dagstore/rpc/handlers'
import type { ShardStore } from '../compose.ts'
import { configOfRoot } from '../config/effective.ts'
import { CONFIG_FILE } from '../config/file-name.ts'
import { KEYS } from '../config/keys.ts'
import { dealParts, openDeals } from '../daemon/deals.ts'
import { pieceParts } from '../daemon/piece-parts.ts'
import { createLogs } from '../log/logs.ts'
import type { DealCalls, PieceCalls } from './provider-calls.ts'
import { toRemote } from './remote-error.ts'

export const localPieces = async (store: ShardStore, notice: (text: string) => void): Promise<PieceCalls> => {
  const calls = pieceHandlers(pieceParts(await store.openPieces(), store.dagstore), notice)
  return {
    PiecesListPieces: (options) => asRemote(calls.PiecesListPieces(options)),
    PiecesListCidInfos: (options) => asRemote(calls.PiecesListCidInfos(options)),
    PiecesGetPieceInfo: (piece, options) => asRemote(calls.PiecesGetPieceInfo(piece, options)),
    PiecesGetCIDInfo: (payload, options) => asRemote(calls.PiecesGetCIDInfo(payload, options)),
  }
}

/** Its caller may do everything. */
const OPEN = { permissions: PERMISSIONS }

export interface LocalDeals {
  readonly calls: DealCalls
  readonly deals: DealProvider
  close (): Promise<void>
}

/** Deals go on while it is open. */
export const localDeals = async (store: ShardStore, notice: (text: string) => void): Promise<LocalDeals> => {
  const { root } = store
  const { miner } = existsSync(join(root.path, CONFIG_FILE)) ? configOfRoot(root) : { miner: KEYS.miner.default }
  const log = createLogs({ write: notice, clock: systemClock, level: 'warn', format: 'text', colors: false }).of('deals')
  const deals = await openDeals(store, await store.openPieces(), { miner, log })
  const calls = dealHandlers(dealParts(deals), notice)
  return {
    deals,
    calls: {
      MarketListIncompleteDeals: (options) => asRemote(calls.MarketListIncompleteDeals({ ...options, ...OPEN })),
      DagstoreListUnregistered: (query, options) => asRemote(calls.DagstoreListUnregistered(query, { ...options, ...OPEN })),
      DagstoreAcceptDeal: (deal, options) => asRemote(calls.DagstoreAcceptDeal(deal, { ...options, ...OPEN })),
      MarketImportDealData: async (proposal, path, options) => {
        const settled = settles(deals, proposal.toString(), options?.signal)
        await asRemote(calls.MarketImportDealData(proposal, path, { ...options, ...OPEN })).catch((error: unknown) => {
          settled.leave()
          throw error
        })
        // nobody goes on with it when this process has ended
        await settled.done
      },
    },
    close: () => deals.close(),
  }
}

const ENDED: ReadonlySet<string> = new Set(['StorageDealError', 'StorageDealExpired', 'StorageDealSlashed'])

/** Nothing is done for it here any more, or not for long: a registration that is tried again is not waited for. */
const isAtRest = ({ state, shard, staged }: ProviderDeal): boolean => {
  if (ENDED.has(state)) return true
  if (state !== 'StorageDealActive' || shard.state === 'pending') return false
  return staged === undefined || (shard.state === 'failed' && shard.failure.nextRetryAt !== undefined)
}

const settles = (deals: Pick<DealProvider, 'updates'>, proposal: string, signal: AbortSignal | undefined): { readonly done: Promise<void>, leave (): void } => {
  const stop = new AbortController()
  const watch = async (): Promise<void> => {
    const leave = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
    for await (const update of deals.updates({ signal: leave })) {
      if (update.type === 'deal' && update.deal.proposalCid.toString() === proposal && isAtRest(update.deal)) return
    }
  }
  const done = watch()
  done.catch(() => {}) // left
  return { done, leave: () => { stop.abort() } }
}

/** The code is that of the failure, as with a daemon's answer. */
const asRemote = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    throw toRemote(error)
  }
}
