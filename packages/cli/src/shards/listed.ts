/** Shards as Lotus's `DagstoreListShards` gives them, errors with their codes. */
import type { ListedShard } from '../backend/shard-backend.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { type Color, printable } from '../text.ts'
import { type ListedRow, listRows } from './listed-rows.ts'

const COLORS: Readonly<Record<string, Color>> = { Available: 'green', Serving: 'blue', Errored: 'red', New: 'yellow' }

/** @returns how many there were */
export const listShards = (shards: AsyncIterable<ListedShard>, options: CommonOptions, terminal: Terminal): Promise<number> =>
  listRows(rowsOf(shards), ['Key', 'State', 'Error'], options, terminal)

const rowsOf = async function * (shards: AsyncIterable<ListedShard>): AsyncGenerator<ListedRow, void, undefined> {
  for await (const shard of shards) yield row(shard)
}

const row = (shard: ListedShard): ListedRow => {
  const state = shard.State.replace(/^ShardState/, '')
  const color = COLORS[state]
  return { json: shard, cells: [{ text: printable(shard.Key) }, color === undefined ? { text: state } : { text: state, color }, { text: printable(shard.Error) }] }
}
