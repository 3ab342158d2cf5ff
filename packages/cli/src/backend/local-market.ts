/** Retrievals and transfers of the store that this process has open: what is written down of them, which nobody goes on with here. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@dagstore/io'
import type { DealProvider } from '@dagstore/deal-provider'
import { marketHandlers } from '@dagstore/rpc/handlers'
import type { ShardStore } from '../compose.ts'
import { configOfRoot, defaultConfig } from '../config/effective.ts'
import { CONFIG_FILE } from '../config/file-name.ts'
import { openServedRetrievals } from '../daemon/deal-front.ts'
import { CommandError } from '../failure.ts'
import { createLogs } from '../log/logs.ts'
import type { MarketCalls } from './provider-calls.ts'
import { toRemote } from './remote-error.ts'

export interface LocalMarket {
  readonly calls: MarketCalls
  /** Before the deals. */
  close (): Promise<void>
}

export const localMarket = async (store: ShardStore, deals: Pick<DealProvider, 'online'>, notice: (text: string) => void): Promise<LocalMarket> => {
  const { root } = store
  const config = existsSync(join(root.path, CONFIG_FILE)) ? configOfRoot(root) : defaultConfig()
  const log = createLogs({ write: notice, clock: systemClock, level: 'warn', format: 'text', colors: false }).of('deals')
  const { ask, retrievals } = await openServedRetrievals(store, await store.openPieces(), { config, clock: systemClock, log, denylist: undefined })
  const calls = marketHandlers({
    ask, transfers: (options) => deals.online.transfers(options), retrievals: () => retrievals.retrievals(),
    transferUpdates: refuse, retrievalUpdates: refuse, restartTransfer: refuse, cancelTransfer: refuse, cancelRetrieval: refuse,
  }, notice)
  return {
    calls: {
      MarketListRetrievalDeals: (options) => calls.MarketListRetrievalDeals(options),
      MarketListDataTransfers: (options) => calls.MarketListDataTransfers(options).catch((error: unknown) => { throw toRemote(error) }),
      MarketDataTransferUpdates: refuse,
      MarketRestartDataTransfer: async () => refuse(),
      MarketCancelDataTransfer: async () => refuse(),
    },
    close: () => retrievals.close(),
  }
}

const refuse = (): never => { throw new CommandError('COMMAND_REFUSED', 'only a daemon goes on with transfers or ends them, and none has this store: dagstore daemon') }
