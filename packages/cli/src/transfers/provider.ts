/** `data-transfers list`, `restart`, `cancel`: the transfers of a provider's deals. */
import type { Command } from 'commander'
import type { AddOptions } from '../options.ts'
import { addBackendOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { addTransferCancel, addTransferRestart, addTransfersList, type TransferSide } from './commands.ts'

const SIDE: TransferSide = {
  addOptions: addBackendOptions,
  calls: async ({ provider }) => {
    const calls = await provider.market()
    return {
      list: (options) => calls.MarketListDataTransfers(options),
      updates: (options) => calls.MarketDataTransferUpdates(options),
      restart: (id, peer, isInitiator, options) => calls.MarketRestartDataTransfer(id, peer, isInitiator, options),
      cancel: (id, peer, isInitiator, options) => calls.MarketCancelDataTransfer(id, peer, isInitiator, options),
      names: ['MarketListDataTransfers', 'MarketDataTransferUpdates'],
    }
  },
}

export const addDataTransfersListCommand = (group: Command, common: AddOptions, terminal: Terminal): void => { addTransfersList(group, 'list', SIDE, common, terminal) }
export const addDataTransfersRestartCommand = (group: Command, common: AddOptions, terminal: Terminal): void => { addTransferRestart(group, 'restart', SIDE, common, terminal) }
export const addDataTransfersCancelCommand = (group: Command, common: AddOptions, terminal: Terminal): void => { addTransferCancel(group, 'cancel', SIDE, common, terminal) }
