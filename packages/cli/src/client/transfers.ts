/** `client list-transfers`, `restart-transfer`, `cancel-transfer`: the transfers of a client's deals. */
import type { Command } from 'commander'
import type { AddOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { addTransferCancel, addTransferRestart, addTransfersList, type TransferSide } from '../transfers/commands.ts'

const SIDE: TransferSide = {
  addOptions: addClientOptions,
  calls: async (store) => {
    const calls = await store.client()
    return {
      list: (options) => calls.ClientListDataTransfers(options),
      updates: (options) => calls.ClientDataTransferUpdates(options),
      restart: async (id, peer, isInitiator, options) => {
        await calls.ClientRestartDataTransfer(id, peer, isInitiator, options)
        if (store.daemon !== undefined) return
        // nobody goes on with it when this process has ended
        const deal = (await calls.ClientListDeals(options)).find(({ TransferChannelID }) => TransferChannelID?.ID === id)
        if (deal !== undefined) await calls.ClientWaitDeal(deal.ProposalCid, 'transferred', options)
      },
      cancel: (id, peer, isInitiator, options) => calls.ClientCancelDataTransfer(id, peer, isInitiator, options),
      names: ['ClientListDataTransfers', 'ClientDataTransferUpdates'],
    }
  },
}

export const addListTransfersCommand = (client: Command, common: AddOptions, terminal: Terminal): void => { addTransfersList(client, 'list-transfers', SIDE, common, terminal) }
export const addRestartTransferCommand = (client: Command, common: AddOptions, terminal: Terminal): void => { addTransferRestart(client, 'restart-transfer', SIDE, common, terminal) }
export const addCancelTransferCommand = (client: Command, common: AddOptions, terminal: Terminal): void => { addTransferCancel(client, 'cancel-transfer', SIDE, common, terminal) }
