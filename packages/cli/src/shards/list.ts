/** `list-shards`: all shards, or those of a state. */
import type { Health, ShardInfo } from '@dagstore/dagstore'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { listFindings } from './findings.ts'
import { listShards } from './listed.ts'
import { addRootOption, withExistingStore } from './store.ts'

/** Lotus's states, in lower case; `serving` is an available shard that is in use. */
const STATES = ['new', 'initializing', 'available', 'serving', 'recovering', 'errored'] as const
type StateName = (typeof STATES)[number]

interface ListOptions extends CommonOptions { readonly state?: StateName, readonly findings?: boolean }

export const addListShardsCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addRootOption(common(program.command('list-shards')))
    .description('list all shards with their states, sorted by key')
    .option('--state <state>', `only those that are ${STATES.join(', ')}`, stateOf)
    .addOption(new Option('--findings', 'instead, what checks have found wrong with shards, and whether it was put right').conflicts('state'))
    .action((options: ListOptions) => withExistingStore(options, terminal, async (store) => {
      if (options.findings === true) await listFindings(store.dagstore.doctorFindings({ signal: terminal.signal }), options, terminal)
      else await listShards(queried(store, options.state, terminal), options, terminal)
    }))
}

const stateOf = (text: string): StateName => {
  const name = text.toLowerCase().replace(/^shardstate/, '')
  const state = STATES.find((known) => known === name)
  if (state !== undefined) return state
  throw new InvalidArgumentError(`it is one of ${STATES.join(', ')}`)
}

const queried = async function * ({ dagstore }: ShardBackend, state: StateName | undefined, { signal }: Terminal): AsyncGenerator<ShardInfo, void, undefined> {
  const health: Health | undefined = state === 'serving' ? 'available' : state
  for await (const info of dagstore.shards({ signal, ...(health === undefined ? {} : { health }) })) {
    const serving = info.health === 'available' && info.leases > 0
    if (state === undefined || (state === 'serving') === serving) yield info
  }
}
