/** Shards as Lotus's `DagstoreListShards` gives them, errors with their codes. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { type Color, printable } from '../text.ts'
import { type ListedRow, listRows } from './listed-rows.ts'

interface ListedShard { readonly Key: string, readonly State: string, readonly Error: string }

const COLORS: Readonly<Record<string, Color>> = { Available: 'green', Serving: 'blue', Errored: 'red', New: 'yellow' }

/** @returns how many there were */
export const listShards = (shards: AsyncIterable<ShardInfo>, options: CommonOptions, terminal: Terminal): Promise<number> =>
  listRows(rowsOf(shards), ['Key', 'State', 'Error'], options, terminal)

const rowsOf = async function * (shards: AsyncIterable<ShardInfo>): AsyncGenerator<ListedRow, void, undefined> {
  const { toLotusState } = await import('@dagstore/dagstore') // loaded when needed
  for await (const info of shards) yield row({ Key: info.key, State: toLotusState(info), Error: info.error === undefined ? '' : `${info.error.code}: ${info.error.message}` })
}

const row = (shard: ListedShard): ListedRow => {
  const state = shard.State.replace(/^ShardState/, '')
  const color = COLORS[state]
  return { json: shard, cells: [{ text: printable(shard.Key) }, color === undefined ? { text: state } : { text: state, color }, { text: printable(shard.Error) }] }
}
