/** `list-shards`: all shards, or those of a state. */
import type { ShardState } from '@dagstore/lotus-api'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { listFindings } from './findings.ts'
import { listShards } from './listed.ts'
import { listUnregistered } from './unregistered.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

/** Lotus's states, in lower case; `serving` is an available shard that is in use. */
const STATES: Readonly<Record<string, ShardState>> = {
  new: 'ShardStateNew',
  initializing: 'ShardStateInitializing',
  available: 'ShardStateAvailable',
  serving: 'ShardStateServing',
  recovering: 'ShardStateRecovering',
  errored: 'ShardStateErrored',
}

interface ListOptions extends CommonOptions { readonly state?: ShardState, readonly findings?: boolean, readonly unregistered?: boolean }

export const addListShardsCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('list-shards')))
    .description('list all shards with their states, sorted by key; of errored ones why')
    .option('--state <state>', `only those that are ${Object.keys(STATES).join(', ')}; serving: available and being read`, stateOf)
    .addOption(new Option('--findings', 'instead, what checks have found wrong with shards, and whether it was put right').conflicts('state'))
    .addOption(new Option('--unregistered', 'instead, deals whose piece could not be registered, and why').conflicts(['state', 'findings']))
    .action((options: ListOptions) => withExistingStore(options, terminal, async (store) => {
      if (options.findings === true) await listFindings(store.dagstore.doctorFindings({ signal: terminal.signal }), options, terminal)
      else if (options.unregistered === true) await listUnregistered(await store.provider.deals(), options, terminal)
      else await listShards(store.dagstore.listed({ state: options.state, signal: terminal.signal }), options, terminal)
    }))
}

const stateOf = (text: string): ShardState => {
  const name = text.toLowerCase().replace(/^shardstate/, '')
  const state = Object.hasOwn(STATES, name) ? STATES[name] : undefined
  if (state !== undefined) return state
  throw new InvalidArgumentError(`it is one of ${Object.keys(STATES).join(', ')}`)
}
