/** Deals whose piece could not be registered as a shard: they are active, and cannot be read by CID. */
import type { DealCalls } from '../backend/provider-calls.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type ListedRow, listRows } from './listed-rows.ts'

export const listUnregistered = (deals: DealCalls, options: CommonOptions, terminal: Terminal): Promise<number> =>
  listRows(rowsOf(deals, terminal.signal), ['Key', 'DealID', 'ProposalCid', 'NextRetry', 'Error'], options, terminal)

const PAGE = 1000

const rowsOf = async function * ({ DagstoreListUnregistered }: DealCalls, signal: AbortSignal): AsyncGenerator<ListedRow, void, undefined> {
  for (let after: string | undefined; ;) {
    const { Deals, Next } = await DagstoreListUnregistered({ After: after, Limit: PAGE }, { signal })
    for (const deal of Deals) {
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
    if (Next === null) return
    after = Next
  }
}
