/** Shards as Lotus's `DagstoreListShards` gives them, errors with their codes: a table for people, one JSON array for programs, both as they come. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, type Color, printable, tableLine, tableWidths, toJson } from '../text.ts'

interface ListedShard { readonly Key: string, readonly State: string, readonly Error: string }

const COLORS: Readonly<Record<string, Color>> = { Available: 'green', Serving: 'blue', Errored: 'red', New: 'yellow' }
const HEADER = ['Key', 'State', 'Error'] as const

/** Rows that the widths of the columns are made from; a longer key further down moves its own row only. */
const MEASURED = 1000

/** Nothing is printed where there are none, besides an empty array. */
export const listShards = async (shards: AsyncIterable<ShardInfo>, options: CommonOptions, terminal: Terminal): Promise<number> => {
  const { toLotusState } = await import('@dagstore/dagstore') // loaded when needed
  const writer = options.json === true ? jsonWriter() : tableWriter(options.color ?? terminal.colors)
  let count = 0
  let waiting: ListedShard[] = []
  const write = async (): Promise<void> => {
    terminal.stdout(writer.some(waiting))
    waiting = []
    await terminal.drained?.()
  }
  for await (const info of shards) {
    terminal.signal.throwIfAborted()
    count++
    waiting.push({ Key: info.key, State: toLotusState(info), Error: info.error === undefined ? '' : `${info.error.code}: ${info.error.message}` })
    if (waiting.length >= MEASURED) await write()
  }
  await write()
  terminal.stdout(writer.end())
  return count
}

interface Writer { some (shards: readonly ListedShard[]): string, end (): string }

const jsonWriter = (): Writer => {
  let begun = false
  return {
    some: (shards) => shards.map((shard) => {
      const lead = begun ? ',\n ' : '['
      begun = true
      return `${lead}${toJson(shard)}`
    }).join(''),
    end: () => `${begun ? '' : '['}]\n`,
  }
}

const tableWriter = (colors: boolean): Writer => {
  let widths: readonly number[] | undefined
  return {
    some: (shards) => {
      const rows = shards.map(row)
      const header = widths === undefined && rows.length > 0 ? [HEADER.map((text) => ({ text }))] : []
      const columns = widths ??= tableWidths(HEADER, rows)
      return [...header, ...rows].map((cells) => `${tableLine(cells, columns, colors)}\n`).join('')
    },
    end: () => '',
  }
}

const row = ({ Key, State, Error: error }: ListedShard): Cell[] => {
  const state = State.replace(/^ShardState/, '')
  const color = COLORS[state]
  return [{ text: printable(Key) }, color === undefined ? { text: state } : { text: state, color }, { text: printable(error) }]
}
