/** Lists, restarts and cancels data transfers: those of deals as client, and as provider. */
import type { DataTransferChannel, LotusCallOptions, LotusMethodName } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { rpcJson } from '../backend/rpc-json.ts'
import { parseId } from '../client/ids.ts'
import { shownPeer } from '../client/shown-peer.ts'
import { watchLines } from '../client/watch.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { withExistingStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes } from '../text.ts'
import { showStatus } from './status.ts'
import { type ListedTransfers, listedTransfers, transferTables } from './table.ts'

type ListName = Extract<LotusMethodName, 'ClientListDataTransfers' | 'MarketListDataTransfers'>
type UpdatesName = Extract<LotusMethodName, 'ClientDataTransferUpdates' | 'MarketDataTransferUpdates'>

/** Those of one side. */
export interface TransferCalls {
  list (options: LotusCallOptions): Promise<readonly DataTransferChannel[]>
  updates (options: LotusCallOptions): AsyncIterable<DataTransferChannel>
  restart (id: bigint, peer: string, isInitiator: boolean, options: LotusCallOptions): Promise<void>
  cancel (id: bigint, peer: string, isInitiator: boolean, options: LotusCallOptions): Promise<void>
  /** The method that lists, and the one that tells. */
  readonly names: readonly [list: ListName, updates: UpdatesName]
}

export interface TransferSide {
  readonly calls: (store: ShardBackend) => Promise<TransferCalls>
  readonly addOptions: AddOptions
}

interface ListOptions extends CommonOptions, ListedTransfers { readonly watch?: boolean }

export const addTransfersList = (group: Command, name: string, { calls, addOptions }: TransferSide, common: AddOptions, terminal: Terminal): void => {
  addOptions(common(group.command(name)))
    .description('list the transfers of deals, by id: those that send, then those that receive')
    .option('-v, --verbose', 'whole CIDs, peers and vouchers')
    .option('--completed', 'complete ones too')
    .option('--show-failed', 'failed and cancelled ones too')
    .option('--watch', 'go on with a line for each change, until Ctrl-C; with --json one object a line')
    .action((options: ListOptions) => withExistingStore(options, terminal, async (store) => {
      const { signal } = terminal
      const { list, updates, names: [listName, updatesName] } = await calls(store)
      if (options.watch === true) {
        return watchLines({
          first: async () => listedTransfers(await list({ signal }), options),
          updates: () => updates({ signal }),
          line: lineOf,
          json: (channel) => rpcJson(updatesName, channel),
        }, options, terminal)
      }
      const channels = await list({ signal })
      terminal.stdout(options.json === true ? await rpcJson(listName, listedTransfers(channels, options)) : transferTables(channels, options, options.color ?? terminal.colors))
    }))
}

const lineOf = ({ TransferID, Status, IsSender, OtherPeer, OtherURL = OtherPeer, Transferred, Message }: DataTransferChannel): string =>
  printable(`${TransferID} ${showStatus(Status)} ${showBytes(Transferred)}${shownPeer(OtherURL) === '' ? '' : ` ${IsSender ? 'to' : 'from'} ${shownPeer(OtherURL)}`}${Message === '' ? '' : `: ${Message}`}`)

interface OneOptions extends CommonOptions { readonly peerid?: string, readonly initiator?: boolean }

export const addTransferRestart = (group: Command, name: string, side: TransferSide, common: AddOptions, terminal: Terminal): void =>
  addOne(group, name, 'restart', 'go on with a transfer that has stopped', side, common, terminal)

export const addTransferCancel = (group: Command, name: string, side: TransferSide, common: AddOptions, terminal: Terminal): void =>
  addOne(group, name, 'cancel', 'end a transfer for good; its deal fails', side, common, terminal)

const addOne = (group: Command, name: string, verb: 'restart' | 'cancel', description: string, { calls, addOptions }: TransferSide, common: AddOptions, terminal: Terminal): void => {
  addOptions(common(group.command(name)))
    .description(description)
    .argument('<id>', 'of the transfer, as listed', parseId)
    .option('--peerid <peer>', 'the one with this other side, where several have the id')
    .option('--initiator', 'the one that this side has asked for, where several have the id')
    .option('--no-initiator', 'the one that the other side has asked for')
    .action((id: bigint, options: OneOptions) => withExistingStore(options, terminal, async (store) => {
      const { signal } = terminal
      const { list, ...own } = await calls(store)
      const { initiator } = options
      const found = (await list({ signal })).filter(({ TransferID, IsInitiator, OtherPeer, OtherURL = OtherPeer }) => TransferID === id && (initiator === undefined || IsInitiator === initiator) && (options.peerid === undefined || OtherURL === options.peerid))
      const [channel, other] = found
      if (channel === undefined) throw new CommandError('COMMAND_REFUSED', `no such transfer: ${id}`)
      if (other !== undefined) throw new CommandError('COMMAND_USAGE', `${found.length} transfers have the id ${id}; say whose: --peerid ${found.map(({ OtherPeer, OtherURL = OtherPeer }) => OtherURL).join(', ')}`)
      await own[verb](id, channel.OtherPeer, channel.IsInitiator, { signal })
      terminal.stdout(options.json === true ? 'null\n' : `${verb === 'restart' ? 'restarted' : 'cancelled'} ${id}\n`)
    }))
}
