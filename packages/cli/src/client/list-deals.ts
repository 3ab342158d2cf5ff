/** `client list-deals`: the storage deals of a client, with the columns of Lotus. */
import type { DealInfo } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import { shortCid } from '../short-cid.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, printable, showBytes, table } from '../text.ts'
import { dealCell, dealState, isFailedDeal } from './deal-states.ts'
import { shownUrl } from './shown-peer.ts'
import { watchLines } from './watch.ts'
import { withClient } from './with-client.ts'

interface ListDealsOptions extends CommonOptions { readonly verbose?: boolean, readonly showFailed?: boolean, readonly watch?: boolean }

export const addListDealsCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('list-deals')))
    .description('list the storage deals that were proposed from here, the oldest first')
    .option('-v, --verbose', 'whole CIDs, and times too')
    .option('--show-failed', 'failed ones too')
    .option('--watch', 'go on with a line for each change, until Ctrl-C; with --json one object a line')
    .action((options: ListDealsOptions) => withClient(options, terminal, async ({ calls }) => {
      const { signal } = terminal
      const first = async (): Promise<readonly DealInfo[]> => listed(await calls.ClientListDeals({ signal }), options)
      if (options.watch === true) {
        return watchLines({ first, updates: () => calls.ClientGetDealUpdates({ signal }), line: lineOf, json: (deal) => rpcJson('ClientGetDealUpdates', deal) }, options, terminal)
      }
      const deals = await first()
      if (options.json === true) return terminal.stdout(await rpcJson('ClientListDeals', deals))
      const columns = options.verbose === true ? VERBOSE : COLUMNS
      terminal.stdout(table(columns.map(([title]) => title), deals.map((deal) => columns.map(([, cellOf]) => cellOf(deal))), options.color ?? terminal.colors))
    }))
}

const listed = (deals: readonly DealInfo[], { showFailed }: ListDealsOptions): readonly DealInfo[] =>
  deals.filter(({ State }) => showFailed === true || !isFailedDeal(State)).sort((a, b) => a.CreationTime < b.CreationTime ? -1 : 1)

const lineOf = (deal: DealInfo): string => printable(`${[deal.ProposalCid.toString(), dealState(deal.State), sentOf(deal)].filter((part) => part !== '').join(' ')}${deal.Message === '' ? '' : `: ${deal.Message}`}`)

/** `31.5 MiB of 1 GiB`; nothing of data that go another way. */
export const sentOf = ({ SentBytes, PayloadBytes, DataRef }: Pick<DealInfo, 'SentBytes' | 'PayloadBytes' | 'DataRef'>): string => DataRef?.TransferType === 'manual' ? '' : SentBytes === undefined
  ? PayloadBytes === undefined ? '' : showBytes(PayloadBytes)
  : PayloadBytes === undefined || SentBytes === PayloadBytes ? showBytes(SentBytes) : `${showBytes(SentBytes)} of ${showBytes(PayloadBytes)}`

type Column = readonly [title: string, cell: (deal: DealInfo) => Cell]

const plain = (text: string): Cell => ({ text: printable(text) })
const proposal: Column = ['DealCid', ({ ProposalCid }) => plain(shortCid(ProposalCid))]
const piece: Column = ['PieceCID', ({ PieceCID }) => plain(shortCid(PieceCID))]
const message: Column = ['Message', ({ Message, NextRetryAt }) => plain(NextRetryAt === undefined ? Message : `${Message} (again at ${NextRetryAt.slice(0, 19).replace('T', ' ')})`)]

/** Source: lotus cli/client.go `outputStorageDeals`. Left out: what only the chain can say. */
const COLUMNS: readonly Column[] = [
  proposal,
  ['DealId', ({ DealID }) => plain(String(DealID))],
  ['Provider', ({ Provider, ProviderURL }) => plain(Provider === '' ? shownUrl(ProviderURL ?? '') : Provider)],
  ['State', ({ State }) => dealCell(State)],
  piece,
  ['Size', ({ Size }) => plain(showBytes(Size))],
  ['Price', ({ PricePerEpoch, Duration }) => plain(showFil(BigInt(PricePerEpoch) * BigInt(Duration)))],
  ['Duration', ({ Duration }) => plain(String(Duration))],
  ['Sent', (deal) => plain(sentOf(deal))],
  message,
]

const VERBOSE: readonly Column[] = [
  ['Created', ({ CreationTime }) => plain(CreationTime.slice(0, 19).replace('T', ' '))],
  ...COLUMNS.slice(0, -1).map((column): Column => column === proposal ? ['DealCid', ({ ProposalCid }) => plain(ProposalCid.toString())] : column === piece ? ['PieceCID', ({ PieceCID }) => plain(PieceCID.toString())] : column),
  ['Root', ({ DataRef }) => plain(DataRef?.Root?.toString() ?? '')],
  ['URL', ({ ProviderURL }) => plain(shownUrl(ProviderURL ?? ''))],
  ['Verified', ({ Verified }) => plain(String(Verified))],
  message,
]
