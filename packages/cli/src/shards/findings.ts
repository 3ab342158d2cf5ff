/** What the doctor of a store that runs has found wrong with its shards, and what it has put right since: a row for each. */
import type { FindingsOf } from '@dagstore/dagstore'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type ListedRow, listRows } from './listed-rows.ts'

export const listFindings = (found: AsyncIterable<FindingsOf>, options: CommonOptions, terminal: Terminal): Promise<number> =>
  listRows(rowsOf(found), ['Key', 'Check', 'Found', 'Repaired', 'Error'], options, terminal)

const rowsOf = async function * (found: AsyncIterable<FindingsOf>): AsyncGenerator<ListedRow, void, undefined> {
  for await (const { key, findings } of found) {
    for (const { check, code, message, at, repairedAt } of findings) {
      yield {
        json: { Key: key, Check: check, Found: at, Repaired: repairedAt ?? null, Error: `${code}: ${message}` },
        cells: [
          { text: printable(key) }, { text: check }, { text: minute(at) },
          repairedAt === undefined ? { text: 'no', color: 'red' } : { text: minute(repairedAt), color: 'green' },
          { text: printable(`${code}: ${message}`) },
        ],
      }
    }
  }
}

/** `2026-11-20 10:02`, UTC. */
const minute = (at: string): string => at.slice(0, 16).replace('T', ' ')
