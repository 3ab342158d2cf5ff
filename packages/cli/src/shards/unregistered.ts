/** Deals whose piece could not be registered as a shard: they are active, and cannot be read by CID. */
import type { DagstoreUnregistered } from '@dagstore/lotus-api'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type ListedRow, listRows } from './listed-rows.ts'

export const listUnregistered = (deals: AsyncIterable<DagstoreUnregistered>, options: CommonOptions, terminal: Terminal): Promise<number> =>
  listRows(rowsOf(deals), ['Key', 'DealID', 'ProposalCid', 'NextRetry', 'Error'], options, terminal)

const rowsOf = async function * (deals: AsyncIterable<DagstoreUnregistered>): AsyncGenerator<ListedRow, void, undefined> {
  for await (const deal of deals) {
    const { Code, Message, NextRetryAt } = deal.Failure
    yield {
      json: deal,
      cells: [
        { text: printable(deal.Key) }, { text: String(deal.DealID) }, { text: printable(deal.ProposalCid) },
        NextRetryAt === null ? { text: 'never', color: 'red' } : { text: NextRetryAt.slice(0, 16).replace('T', ' '), color: 'yellow' },
        { text: printable(`${Code}: ${Message}`) },
      ],
    }
  }
}
