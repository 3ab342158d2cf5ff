/** `client get-deal`: all that is known of a storage deal. */
import type { ClientDealPoint, DealInfo } from '@dagstore/lotus-api'
import { type Command, Option } from 'commander'
import type { CID } from 'multiformats/cid'
import { rpcJson } from '../backend/rpc-json.ts'
import { parseCid } from '../car/cid-argument.ts'
import { showEpochs } from '../epochs.ts'
import { CommandError } from '../failure.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { rows } from '../rows.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes } from '../text.ts'
import { restartCommand, showTime } from './deal-pauses.ts'
import { watchDeal } from './deal-progress.ts'
import { dealCell, isFailedDeal } from './deal-states.ts'
import { sentOf } from './list-deals.ts'
import { shownUrl } from './shown-peer.ts'
import { type AskedClient, withClient } from './with-client.ts'

interface GetDealOptions extends CommonOptions { readonly wait?: ClientDealPoint }

export const addGetDealCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('get-deal')))
    .description('say how a storage deal stands')
    .argument('<proposal>', 'CID of the proposal')
    .addOption(new Option('--wait <point>', 'go on with it until the provider has the data, until it is active, or until nothing more will happen').choices(['transferred', 'active', 'final']))
    .action(async (text: string, options: GetDealOptions) => {
      const cid = parseCid(text)
      const deal = await withClient(options, terminal, (client) => look(cid, client, options, terminal))
      terminal.stdout(options.json === true ? await rpcJson('ClientGetDealInfo', deal) : dealText(deal, options.color ?? terminal.colors))
      if (options.wait !== undefined && isFailedDeal(deal.State)) throw new CommandError('COMMAND_REFUSED', `the deal has failed: ${deal.Message}`)
    })
}

const look = async (cid: CID, client: AskedClient, { wait }: GetDealOptions, terminal: Terminal): Promise<DealInfo> => {
  const { signal } = terminal
  const deal = await client.calls.ClientGetDealInfo(cid, { signal })
  if (wait === undefined) return deal
  const progress = watchDeal(client, deal.DataRef?.Root ?? null, terminal)
  try {
    progress.follow(cid, deal)
    return await client.calls.ClientWaitDeal(cid, wait, { signal })
  } finally {
    progress.end()
  }
}

const time = (text: string | undefined): string | undefined => text === undefined ? undefined : showTime(text)

const dealText = (deal: DealInfo, colors: boolean): string => {
  const { ProposalCid, State, Message, NextRetryAt, Provider, ProviderURL, DataRef, PieceCID, Size, PricePerEpoch, Duration, DealID, PublishCid, Verified, FastRetrieval, CreationTime } = deal
  const state = dealCell(State)
  const price = BigInt(PricePerEpoch)
  const facts = rows([
    ['Proposal', ProposalCid.toString()],
    ['State', state.text, state.color],
    ['Message', Message],
    ['Tried again', NextRetryAt === undefined ? undefined : `${time(NextRetryAt)}${deal.TransferChannelID === null ? '' : `; at once: ${restartCommand(deal.TransferChannelID.ID)}`}`],
    ['Provider', [Provider, ProviderURL ?? ''].map(shownUrl).filter((part) => part !== '').join(' at ')],
    ['Root', DataRef?.Root?.toString()],
    ['Piece', `${PieceCID.toString()} (${showBytes(Size)})`],
    ['Transfer', DataRef?.TransferType],
    ['Sent', sentOf(deal)],
    ['Price', price === 0n ? 'nothing' : `${showFil(price)} per epoch, ${showFil(price * BigInt(Duration))} in all`],
    ['Duration', showEpochs(Duration)],
    ['Deal ID', DealID === 0n ? undefined : String(DealID)],
    ['Published', PublishCid?.toString()],
    ['Verified', Verified ? 'yes' : undefined],
    ['Fast retrieval', FastRetrieval === undefined ? undefined : FastRetrieval ? 'yes' : 'no'],
    ['Created', time(CreationTime)],
  ], colors)
  const logs = (deal.DealStages?.Stages ?? []).flatMap(({ Logs }) => Logs).map(({ Log, UpdatedTime }) => `  ${time(UpdatedTime) ?? ''}  ${printable(Log)}\n`)
  return `${facts}${logs.length === 0 ? '' : `History:\n${logs.join('')}`}`
}
