/** `storage-deals list`: the deals that the store has taken, with the columns of Lotus. */
import type { MinerDeal } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addBackendOptions, withExistingStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, type Color, printable, showBytes, table } from '../text.ts'

interface DealsListOptions extends CommonOptions { readonly verbose?: boolean }

export const addDealsListCommand = (deals: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(deals.command('list')))
    .description('list all storage deals, the oldest first')
    .option('-v, --verbose', 'whole CIDs, and times and messages too')
    .action(async (options: DealsListOptions) => {
      const found = await withExistingStore(options, terminal, async ({ provider }) => (await provider.deals()).MarketListIncompleteDeals({ signal: terminal.signal }))
      if (options.json === true) return terminal.stdout(await rpcJson('MarketListIncompleteDeals', found))
      const { DEAL_STATE_NAMES } = await import('./state-names.ts')
      const sorted = [...found].sort((a, b) => a.CreationTime < b.CreationTime ? -1 : 1)
      const columns = options.verbose === true ? VERBOSE : COLUMNS
      terminal.stdout(table(columns.map(([title]) => title), sorted.map((deal) => columns.map(([, cell]) => cell(deal, DEAL_STATE_NAMES))), options.color ?? terminal.colors))
    })
}

type Names = ReadonlyMap<number, string>
type Column = readonly [title: string, cell: (deal: MinerDeal, names: Names) => Cell]

const STATE_COLORS: Readonly<Record<string, Color>> = { StorageDealActive: 'green', StorageDealError: 'red', StorageDealSlashed: 'red', StorageDealExpired: 'dim' }

const plain = (text: string): Cell => ({ text: printable(text) })
const proposal: Column = ['ProposalCid', ({ ProposalCid }) => plain(`...${ProposalCid.toString().slice(-8)}`)]

/** Source: lotus cmd/lotus-miner/market.go `outputStorageDealsTable`. */
const COLUMNS: readonly Column[] = [
  proposal,
  ['DealId', ({ DealID }) => plain(String(DealID))],
  ['State', ({ State }, names) => {
    const text = names.get(State) ?? String(State)
    const color = STATE_COLORS[text]
    return color === undefined ? { text } : { text, color }
  }],
  ['PieceCid', ({ Proposal: { PieceCID } }) => plain(PieceCID.toString())],
  ['Client', ({ Proposal: { Client } }) => plain(Client)],
  ['Size', ({ Proposal: { PieceSize } }) => plain(showBytes(PieceSize))],
  ['Price', ({ Proposal: { StoragePricePerEpoch, StartEpoch, EndEpoch } }) => plain(showFil(BigInt(StoragePricePerEpoch) * BigInt(EndEpoch - StartEpoch)))],
  ['Duration', ({ Proposal: { StartEpoch, EndEpoch } }) => plain(String(EndEpoch - StartEpoch))],
]

const VERBOSE: readonly Column[] = [
  ['Creation', ({ CreationTime }) => plain(CreationTime.slice(0, 19).replace('T', ' '))],
  ['Verified', ({ Proposal: { VerifiedDeal } }) => plain(String(VerifiedDeal))],
  ...COLUMNS.map((column): Column => column === proposal ? ['ProposalCid', ({ ProposalCid }) => plain(ProposalCid.toString())] : column),
  ['Message', ({ Message }) => plain(Message)],
]
