/** `retrieval-deals list`: the retrievals that a provider serves, with the columns of Lotus. */
import type { ProviderDealState } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { retrievalCell } from '../client/deal-states.ts'
import { shownPeer } from '../client/shown-peer.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addBackendOptions, withExistingStore } from '../shards/store.ts'
import { shortCid } from '../short-cid.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, printable, showBytes, table } from '../text.ts'

interface ListOptions extends CommonOptions { readonly verbose?: boolean }

export const addRetrievalDealsListCommand = (group: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(group.command('list')))
    .description('list the newest retrievals that were served out of the store, by id')
    .option('-v, --verbose', 'whole CIDs, pieces and selectors too')
    .action(async (options: ListOptions) => {
      const found = await withExistingStore(options, terminal, async ({ provider }) => (await provider.market()).MarketListRetrievalDeals({ signal: terminal.signal }))
      if (options.json === true) return terminal.stdout(await rpcJson('MarketListRetrievalDeals', found))
      const columns = options.verbose === true ? VERBOSE : COLUMNS
      const sorted = [...found].sort((a, b) => a.ID < b.ID ? -1 : 1)
      terminal.stdout(table(columns.map(([title]) => title), sorted.map((deal) => columns.map(([, cell]) => cell(deal))), options.color ?? terminal.colors))
    })
}

type Column = readonly [title: string, cell: (deal: ProviderDealState) => Cell]

const plain = (text: string): Cell => ({ text: printable(text) })

/** Source: lotus cmd/lotus-miner/market.go `retrievalDealsListCmd`. */
const COLUMNS: readonly Column[] = [
  ['Receiver', ({ Receiver }) => plain(shownPeer(Receiver))],
  ['DealID', ({ ID }) => plain(String(ID))],
  ['Payload', ({ PayloadCID }) => plain(shortCid(PayloadCID))],
  ['State', ({ Status }) => retrievalCell(Status)],
  ['PricePerByte', ({ PricePerByte }) => plain(PricePerByte)],
  ['BytesSent', ({ TotalSent }) => plain(showBytes(TotalSent))],
  ['Message', ({ Message }) => plain(Message)],
]

const VERBOSE: readonly Column[] = [
  ...COLUMNS.slice(0, -1).map((column): Column => column[0] === 'Payload' ? ['Payload', ({ PayloadCID }) => plain(PayloadCID.toString())] : column),
  ['PieceCid', ({ PieceCID }) => plain(PieceCID?.toString() ?? '')],
  ['Selector', ({ Selector }) => plain(Selector === null || Selector === undefined ? '' : JSON.stringify(Selector))],
  ['Message', ({ Message }) => plain(Message)],
]
