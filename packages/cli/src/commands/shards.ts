/** Commands on the shards of a store. */
import type { Command } from 'commander'
import type { AddOptions, CommonOptions } from '../options.ts'
import { existingRoot } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, type Color, table, toJson } from '../text.ts'

/** One shard as Lotus's `DagstoreListShards` gives it. */
interface ListedShard { readonly Key: string, readonly State: string, readonly Error: string }

const COLORS: Readonly<Record<string, Color>> = { Available: 'green', Serving: 'blue', Errored: 'red', New: 'yellow' }

export const addShardCommands = (program: Command, common: AddOptions, terminal: Terminal): void => {
  common(program.command('list-shards'))
    .description('list all shards with their states, sorted by key')
    .option('--root <dir>', 'folder of the store (default: DAGSTORE_PATH, else ./.dagstore)')
    .action(async (options: CommonOptions) => {
      const shards = await listShards(options, terminal)
      if (options.json === true) terminal.stdout(`${toJson(shards)}\n`)
      else terminal.stdout(table(['Key', 'State', 'Error'], shards.map(row), options.color ?? terminal.colors))
    })
}

const listShards = async (options: CommonOptions, terminal: Terminal): Promise<ListedShard[]> => {
  const root = existingRoot(options.root, terminal)
  // loaded when needed: of what other commands take to start it would be half
  const [{ toLotusState }, { openStore }] = await Promise.all([import('@dagstore/dagstore'), import('../compose.ts')])
  const store = await openStore(root)
  try {
    const shards: ListedShard[] = []
    for await (const info of store.dagstore.shards()) {
      terminal.signal.throwIfAborted()
      shards.push({ Key: info.key, State: toLotusState(info), Error: info.error?.message ?? '' })
    }
    return shards
  } finally {
    await store.close()
  }
}

const row = ({ Key, State, Error: error }: ListedShard): Cell[] => {
  const state = State.replace(/^ShardState/, '')
  const color = COLORS[state]
  return [{ text: Key }, color === undefined ? { text: state } : { text: state, color }, { text: error }]
}
