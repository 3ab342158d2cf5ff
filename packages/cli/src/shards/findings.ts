/** What the doctor of a store that runs has found wrong with its shards, and what it has put right since. */
import type { FindingsOf } from '@dagstore/dagstore'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type ListedRow, listRows } from './listed-rows.ts'

/** A row for each finding; with `--json` an object for each shard. */
export const listFindings = (found: AsyncIterable<FindingsOf>, options: CommonOptions, terminal: Terminal): Promise<number> =>
  listRows(options.json === true ? objectsOf(found) : rowsOf(found), ['Key', 'Check', 'Found', 'Repaired', 'Error'], options, terminal)

const objectsOf = async function * (found: AsyncIterable<FindingsOf>): AsyncGenerator<ListedRow, void, undefined> {
  const { findingOf } = await import('@dagstore/rpc/wire')
  for await (const { key, findings } of found) yield { json: { Key: key, Findings: findings.map(findingOf) }, cells: [] }
}

const rowsOf = async function * (found: AsyncIterable<FindingsOf>): AsyncGenerator<ListedRow, void, undefined> {
  for await (const { key, findings } of found) {
    for (const { check, code, message, at, repairedAt } of findings) {
      yield {
        json: {},
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
