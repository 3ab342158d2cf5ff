/** The deals that a daemon takes itself, with the stand-in for sealing: pieces are written to unsealed sector files, and nothing is proved. */
import { join } from 'node:path'
import { createUnsealedSealing, type DealProvider, openDealProvider, type PullOptions } from '@dagstore/deal-provider'
import { localFiles } from '@dagstore/mounts/node'
import { createPieceEngine } from '@dagstore/piece/node'
import type { PieceStore } from '@dagstore/piece-store'
import type { DealParts } from '@dagstore/rpc'
import type { ShardStore } from '../compose.ts'
import { createThreadedCommP } from '../hash-threads.ts'
import type { Logger } from '../log/logs.ts'

/** Where imported files are until their deal is active. */
const STAGING = 'deal-staging'

export interface DealsOptions {
  readonly miner: bigint
  readonly log: Logger
  /** What fetches data from clients. @default nothing does */
  readonly pulls?: PullOptions
  readonly maxPulls?: number
}

export const openDeals = ({ root, dagstore, files, hashes }: ShardStore, pieces: PieceStore, { miner, log, pulls, maxPulls }: DealsOptions): Promise<DealProvider> => {
  const engine = createPieceEngine()
  return openDealProvider({
    db: dagstore.db,
    files,
    localFiles: localFiles({ folder: join(root.path, STAGING), root: root.path }),
    dagstore,
    pieces,
    sealing: createUnsealedSealing({ db: dagstore.db, files, pieces, miner, engine }),
    // copies of other miners are those of deals that were migrated
    otherDeals: async (pieceCid) => (await pieces.get(pieceCid)).some((location) => location.miner !== miner),
    openCommP: createThreadedCommP(),
    hashes,
    pulls,
    maxConcurrentPulls: maxPulls,
    onProblem: ({ deal, error }) => { log.warn('a deal does not get on', { deal, error }) },
  })
}

export const dealParts = (deals: DealProvider): DealParts => ({
  deals: (options) => deals.deals(options),
  unregistered: (options) => deals.unregistered(options),
  updates: (options) => deals.updates(options),
  accept: (deal, options) => deals.accept(deal, options),
  importData: (deal, source, options) => deals.importData(deal, source, options),
})
